"""Loaded models: loaded at first use, pinned while used, evicted when memory is needed.

Concurrency in three sentences. One condition guards the table, and it is never held while a model is
fetched, loaded, run or closed. The first caller of a model loads it and the others wait for that one
load; a failed load is told to all of them and leaves no trace, a stopped one is taken over by the next.
Bytes are reserved before loading, a pinned model is never evicted, and nothing is evicted unless that
makes enough room. A model that runs out of memory is freed, and planned at a coarser precision afterwards.
"""

from __future__ import annotations

import copy
import ctypes
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import backends, weights
from .device import Hardware, Room, plan
from .errors import ModelError, RanOut, Stopped, StudioError
from .settings import GIB, Settings
from .types import Loaded, Measured, ModelSpec, Plan, Progress, Report, ignore

LOADING, READY, CLOSING, GONE = "loading", "ready", "closing", "gone"
TICK_S = 0.2  # how often a waiting caller looks, and reports
PATIENCE_S = 120.0  # how long a caller waits for models in use to make room


FAILED_LOADS = ("load_failed", "damaged_file")  # refusals after which the files are verified
OUT_OF_MEMORY = ("out_of_memory", "no_memory_to_load")  # refusals after which a coarser precision may do
_log = logging.getLogger(__name__)

_Key = tuple[str, str, str]  # name, device, precision


@dataclass(eq=False)
class _Entry:
    spec: ModelSpec
    plan: Plan
    state: str = LOADING
    pins: int = 1
    is_unwanted: bool = False  # freed as soon as nobody uses it
    reserved_bytes: int = 0
    model: backends.Model | None = None
    error: BaseException | None = None
    progress: Progress | None = None
    load_s: float = 0.0
    measured: Measured | None = None

    @property
    def key(self) -> _Key:
        return _key(self.spec, self.plan)

    @property
    def is_idle(self) -> bool:
        return self.state == READY and not self.pins

    def told(self) -> Loaded:
        plan = self.plan
        where = {"device": plan.device, "precision": plan.precision, "why": plan.why, "ran_out": plan.ran_out}
        return Loaded(self.spec.name, self.reserved_bytes, self.pins, self.load_s, **where, measured=self.measured)


def _key(spec: ModelSpec, plan: Plan) -> _Key:
    return spec.name, plan.device, plan.precision


class Store:
    """``with store.use(spec) as model:`` is the one door to a model."""

    def __init__(
        self,
        settings: Settings,
        hardware: Hardware,
        room: Room,
        *,
        open_model: Callable = backends.open_model,
        fetch: Callable = backends.fetch,
        patience_s: float = PATIENCE_S,
    ):
        self.hardware, self.room = hardware, room  # replaced together when a GPU is found
        self._settings = settings
        self._open, self._fetch, self._patience_s = open_model, fetch, patience_s
        self._changed = threading.Condition()
        self._table: dict[_Key, _Entry] = {}  # least recently used first
        self._ran_out: dict[str, tuple[str, ...]] = {}  # name -> precisions that ran out of memory
        self._closed = False

    @contextmanager
    def use(self, spec: ModelSpec, report: Report = ignore, precision: str = "") -> Iterator[backends.Model]:
        """The loaded model, pinned for the length of the ``with`` block (whatever thread runs it).

        ``report`` sees the download and the load, and may raise ``Stopped``; ``precision`` is a wish, else the
        plan chooses. Raises ModelError, and InputError for a precision that the row does not have; RanOut when the
        block ran out of memory and a coarser precision would be chosen next.
        """
        entry = self._pinned(spec, precision, report)
        try:
            yield entry.model
        except ModelError as error:
            if precision or not self._coarser(spec, entry.plan, error):
                raise
            entry.is_unwanted = True
            raise RanOut(error.code, **error.values) from error
        finally:
            self._unpin(entry)

    def load(self, spec: ModelSpec, report: Report = ignore, precision: str = "") -> None:
        """Bring ``spec`` into memory without using it yet."""
        with self.use(spec, report, precision):
            pass

    def fetch(self, spec: ModelSpec, report: Report = ignore) -> Path:
        """Bring the files of ``spec`` to this machine; the folder they are in."""
        return self._fetch(spec, self._settings.cache_dir, report)

    def is_kept(self, spec: ModelSpec) -> bool:
        """Whether the files of ``spec`` are on this machine."""
        return weights.is_ready(spec, self._settings.cache_dir)

    def commit(self, spec: ModelSpec) -> str:
        """The commit of the hub that the files of ``spec`` are of; "" when they are not here, or of no hub."""
        return weights.commit(spec, self._settings.cache_dir)

    def plan(self, spec: ModelSpec, precision: str = "") -> Plan:
        """Where ``spec`` would run, and why. Raises as ``device.plan``, and when the whole budget is too small."""
        ran_out = self._ran_out.get(spec.name, ())
        found = plan(spec, self.hardware, self._settings, self.room, precision, ran_out)
        budget_bytes = self.room.on(found.device)
        if found.memory_bytes > budget_bytes:
            raise self._refusal(spec, found, budget_bytes)
        return found

    def is_ready(self, spec: ModelSpec, precision: str = "") -> bool:
        """Whether ``use`` would return at once."""
        try:
            key = _key(spec, self.plan(spec, precision))
        except StudioError:
            return False
        with self._changed:
            entry = self._table.get(key)
            return entry is not None and entry.state == READY

    def loaded(self) -> tuple[Loaded, ...]:
        """What is in memory, least recently used first."""
        with self._changed:
            return tuple(entry.told() for entry in self._table.values() if entry.state == READY)

    def note(self, found: Loaded, measured: Measured) -> None:
        """Keep how a loaded model did when it was tried."""
        with self._changed:
            entry = self._table.get((found.name, found.device, found.precision))
            if entry is not None:
                entry.measured = measured

    def evict(self, name: str) -> bool:
        """Free one model, at every precision, where it is not in use; whether anything was.

        Precisions of it that ran out of memory may be tried again."""
        with self._changed:
            self._ran_out.pop(name, None)
            idle = [entry for entry in self._table.values() if entry.spec.name == name and entry.is_idle]
            for entry in idle:
                entry.state = CLOSING
        for entry in idle:
            self._close(entry)
        return bool(idle)

    def close(self) -> None:
        """Free everything that is not in use; what is in use is freed when its ``with`` block ends."""
        self._closed = True
        for loaded in self.loaded():
            self.evict(loaded.name)

    # -- pinning

    def _pinned(self, spec: ModelSpec, wish: str, report: Report) -> _Entry:
        """The entry, loaded; at the next precision where one runs out of memory as it loads."""
        while True:
            wanted = self.plan(spec, wish)
            try:
                entry = self._entry(spec, wanted, report)
                if entry.state == LOADING:
                    self._load(entry, report)
                return entry
            except ModelError as error:
                if wish or not self._coarser(spec, wanted, error):
                    raise
            report(Progress("shrink", subject=spec.title))

    def _entry(self, spec: ModelSpec, wanted: Plan, report: Report) -> _Entry:
        """The entry of a plan, pinned: ready, or new and for the caller to load."""
        while True:
            with self._changed:
                entry = self._table.get(_key(spec, wanted))
                if entry is None:
                    entry = _Entry(spec, wanted)
                    self._table[entry.key] = entry
                    return entry
                if entry.state == READY:
                    entry.pins += 1
                    self._table[entry.key] = self._table.pop(entry.key)  # most recently used
                    return entry
            self._wait_for(entry, report)

    def _coarser(self, spec: ModelSpec, tried: Plan, error: ModelError) -> bool:
        """Plan the model at a coarser precision from now on, if memory ran out and it has one."""
        if error.code not in OUT_OF_MEMORY or not spec.precisions:
            return False
        with self._changed:
            ran_out = tuple(dict.fromkeys((*self._ran_out.get(spec.name, ()), tried.precision)))
            coarser = plan(spec, self.hardware, self._settings, self.room, ran_out=ran_out)
            if coarser.precision in ran_out:
                return False
            self._ran_out[spec.name] = ran_out
        _log.warning("%s ran out of memory at %s; %s is next", spec.name, tried.precision, coarser.precision)
        return True

    def _unpin(self, entry: _Entry) -> None:
        with self._changed:
            entry.pins -= 1
            close = (self._closed or entry.is_unwanted) and entry.is_idle
            if close:
                entry.state = CLOSING
            self._changed.notify_all()
        if close:
            self._close(entry)

    def _wait_for(self, entry: _Entry, report: Report) -> None:
        """Wait a tick for another caller's load or close, showing its progress; raise its failure."""
        with self._changed:
            self._changed.wait_for(lambda: entry.state in (READY, GONE), TICK_S)
            state, error, progress = entry.state, entry.error, entry.progress
        if state == GONE and error is not None and not isinstance(error, Stopped):
            raise copy.copy(error)
        if state not in (READY, GONE):
            report(progress or Progress("wait", subject=entry.spec.title))

    # -- loading

    def _load(self, entry: _Entry, report: Report) -> None:
        def shared(progress: Progress) -> None:
            entry.progress = progress
            report(progress)

        spec = entry.spec
        try:
            folder = self._fetch(spec, self._settings.cache_dir, shared)
            self._reserve(entry, shared)
            shared(Progress("load", subject=spec.title))
            started = time.perf_counter()
            model = self._opened(entry, folder, shared)
            give_back_memory()  # what loading held on its way: as much again as a Whisper at int8
        except BaseException as error:
            self._leave(entry, error)
            raise
        with self._changed:
            entry.model, entry.state, entry.load_s = model, READY, time.perf_counter() - started
            self._changed.notify_all()

    def _opened(self, entry: _Entry, folder: Path, report: Report) -> backends.Model:
        """The model; where it cannot be loaded and files of it turn out damaged, it is tried with new ones."""
        spec, cache_dir = entry.spec, self._settings.cache_dir
        try:
            return self._open(spec, folder, entry.plan)
        except ModelError as error:
            if error.code not in FAILED_LOADS or not weights.discard_damaged(spec, cache_dir, report):
                raise
        return self._open(spec, self._fetch(spec, cache_dir, report), entry.plan)

    def _refusal(self, spec: ModelSpec, wanted: Plan, free_bytes: int, held: str = "") -> ModelError:
        """It does not fit, because of the models ``held`` if there are any."""
        return ModelError(
            "memory_in_use" if held else "does_not_fit",
            name=spec.title,
            need_gib=wanted.memory_bytes / GIB,
            free_gib=max(0, free_bytes) / GIB,
            budget_gib=self.room.on(wanted.device) / GIB,
            held=held,
        )

    def _in_use_refusal(self, entry: _Entry) -> ModelError:
        """For one that fits the budget, and waited."""
        device = entry.plan.device
        in_use = [other.spec.title for other in self._pool(device) if other.reserved_bytes and not other.is_idle]
        return self._refusal(entry.spec, entry.plan, self._freeable_bytes(device), ", ".join(dict.fromkeys(in_use)))

    def _reserve(self, entry: _Entry, report: Report) -> None:
        """Reserve the bytes of ``entry``, evicting what is idle; wait while what is in use blocks it."""
        deadline = time.monotonic() + self._patience_s
        while True:
            with self._changed:
                victims = self._victims(entry.plan)
                if victims is not None:
                    self._take_over(entry, victims)
                    break
                if time.monotonic() > deadline:
                    raise self._in_use_refusal(entry)
                self._changed.wait(TICK_S)
            report(Progress("wait", subject=entry.spec.title))
        for victim in victims:
            self._close(victim)
        with self._changed:
            entry.reserved_bytes = entry.plan.memory_bytes
            self._changed.notify_all()

    @staticmethod
    def _take_over(entry: _Entry, victims: list[_Entry]) -> None:
        """Count the victims' bytes as the entry's: they are in memory until it has closed them."""
        held_bytes = sum(victim.reserved_bytes for victim in victims)
        entry.reserved_bytes = max(entry.plan.memory_bytes, held_bytes)
        for victim in victims:
            victim.state, victim.reserved_bytes = CLOSING, 0

    def _pool(self, device: str) -> list[_Entry]:
        """The entries whose bytes come from the same memory as those of ``device``."""
        on_gpu = device == "cuda"
        return [entry for entry in self._table.values() if (entry.plan.device == "cuda") == on_gpu]

    def _free_bytes(self, device: str) -> int:
        return self.room.on(device) - sum(entry.reserved_bytes for entry in self._pool(device))

    def _freeable_bytes(self, device: str) -> int:
        idle_bytes = sum(entry.reserved_bytes for entry in self._pool(device) if entry.is_idle)
        return self._free_bytes(device) + idle_bytes

    def _victims(self, wanted: Plan) -> list[_Entry] | None:
        """The least recently used idle models whose eviction makes room; None when they cannot."""
        free_bytes, victims = self._free_bytes(wanted.device), []
        for entry in self._pool(wanted.device):
            if free_bytes >= wanted.memory_bytes:
                break
            if entry.is_idle:
                victims.append(entry)
                free_bytes += entry.reserved_bytes
        return victims if free_bytes >= wanted.memory_bytes else None

    # -- freeing

    def _close(self, entry: _Entry) -> None:
        """Free a model whose state is CLOSING. One that fails to close holds up nobody."""
        try:
            entry.model.close()
        except Exception:
            _log.exception("%s did not close", entry.spec.name)
        finally:
            entry.model = None
            give_back_memory()
            self._leave(entry, None)

    def _leave(self, entry: _Entry, error: BaseException | None) -> None:
        with self._changed:
            entry.state, entry.error = GONE, error
            if self._table.get(entry.key) is entry:
                del self._table[entry.key]
            self._changed.notify_all()


def give_back_memory() -> None:
    """Return freed memory to the system: the C library keeps it otherwise (glibc only)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
