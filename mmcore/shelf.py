"""What the store holds: models and the bytes reserved for them, in two pools, the GPU's and main memory's.

Plain bookkeeping without threads or loading: ``store.Store`` guards it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .types import Loaded, Measured, ModelSpec, Plan, Progress

LOADING, READY, CLOSING, GONE = "loading", "ready", "closing", "gone"
Key = tuple[str, str, str]  # name, device, precision


def key_of(spec: ModelSpec, plan: Plan) -> Key:
    return spec.name, plan.device, plan.precision


@dataclass(eq=False)
class Entry:
    """A model that is loading, in memory, or on its way out."""

    spec: ModelSpec
    plan: Plan
    state: str = LOADING
    pins: int = 1
    is_unwanted: bool = False  # freed as soon as nobody uses it
    reserved_bytes: int = 0
    model: Any = None
    error: BaseException | None = None
    progress: Progress | None = None
    load_s: float = 0.0
    measured: Measured | None = None

    @property
    def key(self) -> Key:
        return key_of(self.spec, self.plan)

    @property
    def is_idle(self) -> bool:
        return self.state == READY and not self.pins

    def told(self) -> Loaded:
        plan = self.plan
        where = {"device": plan.device, "precision": plan.precision, "why": plan.why, "ran_out": plan.ran_out}
        return Loaded(self.spec.name, self.reserved_bytes, self.pins, self.load_s, **where, measured=self.measured)


@dataclass
class Shelf:
    """The entries, least recently used first."""

    _entries: dict[Key, Entry] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def put(self, entry: Entry) -> Entry:
        """Add it, or make it the most recently used."""
        self._entries.pop(entry.key, None)
        self._entries[entry.key] = entry
        return entry

    def drop(self, entry: Entry) -> None:
        if self._entries.get(entry.key) is entry:
            del self._entries[entry.key]

    def pool(self, device: str) -> list[Entry]:
        """The entries whose bytes come from the same memory as those of ``device``."""
        on_gpu = device == "cuda"
        return [entry for entry in self if (entry.plan.device == "cuda") == on_gpu]

    def held_bytes(self, device: str) -> int:
        return sum(entry.reserved_bytes for entry in self.pool(device))

    def pinned_bytes(self, device: str) -> int:
        """What cannot be freed now."""
        return sum(entry.reserved_bytes for entry in self.pool(device) if not entry.is_idle)

    def titles_in_use(self, device: str) -> list[str]:
        busy = (entry for entry in self.pool(device) if entry.reserved_bytes and not entry.is_idle)
        return list(dict.fromkeys(entry.spec.title for entry in busy))

    def make_room(self, entry: Entry, room_bytes: int) -> list[Entry] | None:
        """Reserve the entry's bytes by taking over those of the least recently used idle models, which are to be
        closed then; None, and nothing changed, when that would not make enough room.

        The victims' bytes count as the entry's: they are in memory until they are closed.
        """
        wanted, victims = entry.plan, []
        free_bytes = room_bytes - self.held_bytes(wanted.device)
        for other in self.pool(wanted.device):
            if free_bytes < wanted.memory_bytes and other.is_idle:
                victims.append(other)
                free_bytes += other.reserved_bytes
        if free_bytes < wanted.memory_bytes:
            return None
        entry.reserved_bytes = max(wanted.memory_bytes, sum(victim.reserved_bytes for victim in victims))
        for victim in victims:
            victim.state, victim.reserved_bytes = CLOSING, 0
        return victims
