"""Loaded models: loaded at first use, pinned while used, evicted when memory is needed.

Concurrency in three sentences. One condition guards the table, and it is never held while a model is
fetched, loaded, run or closed. The first caller of a model loads it and the others wait for that one
load; a failed load is told to all of them and leaves no trace, a stopped one is taken over by the next.
Bytes are reserved before loading, a pinned model is never evicted, and nothing is evicted unless that
makes enough room.
"""

from __future__ import annotations

import copy
import ctypes
import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import backends, weights
from .device import Hardware, plan
from .errors import ModelError, Stopped
from .settings import GIB, Settings
from .types import Loaded, ModelSpec, Progress, Report, ignore

LOADING, READY, CLOSING, GONE = "loading", "ready", "closing", "gone"
TICK_S = 0.2  # how often a waiting caller looks, and reports
PATIENCE_S = 120.0  # how long a caller waits for models in use to make room


@dataclass(eq=False)
class _Entry:
    spec: ModelSpec
    state: str = LOADING
    pins: int = 1
    reserved_bytes: int = 0
    model: backends.Model | None = None
    error: BaseException | None = None
    progress: Progress | None = None
    load_s: float = 0.0


class Store:
    """``with store.use(spec) as model:`` is the one door to a model."""

    def __init__(
        self,
        settings: Settings,
        hardware: Hardware,
        budget_bytes: int,
        *,
        open_model: Callable = backends.open_model,
        fetch: Callable = weights.fetch,
        patience_s: float = PATIENCE_S,
    ):
        self.budget_bytes = budget_bytes
        self._settings, self._hardware = settings, hardware
        self._open, self._fetch, self._patience_s = open_model, fetch, patience_s
        self._changed = threading.Condition()
        self._table: dict[str, _Entry] = {}  # least recently used first
        self._closed = False

    @contextmanager
    def use(self, spec: ModelSpec, report: Report = ignore) -> Iterator[backends.Model]:
        """The loaded model, pinned for the length of the ``with`` block (whatever thread runs it).

        ``report`` sees the download and the load, and may raise ``Stopped``. Raises ModelError.
        """
        entry = self._pinned(spec, report)
        try:
            yield entry.model
        finally:
            self._unpin(entry)

    def load(self, spec: ModelSpec, report: Report = ignore) -> None:
        """Bring ``spec`` into memory without using it yet."""
        with self.use(spec, report):
            pass

    def fetch(self, spec: ModelSpec, report: Report = ignore) -> Path:
        """Bring the files of ``spec`` to this machine; the folder they are in."""
        return self._fetch(spec, self._settings.cache_dir, report)

    def is_ready(self, spec: ModelSpec) -> bool:
        """Whether ``use`` would return at once."""
        with self._changed:
            entry = self._table.get(spec.name)
            return entry is not None and entry.state == READY

    def loaded(self) -> tuple[Loaded, ...]:
        """What is in memory, least recently used first."""
        with self._changed:
            ready = [entry for entry in self._table.values() if entry.state == READY]
            return tuple(Loaded(e.spec.name, e.reserved_bytes, e.pins, e.load_s) for e in ready)

    def evict(self, name: str) -> bool:
        """Free one model if it is loaded and not in use; whether it was."""
        with self._changed:
            entry = self._table.get(name)
            if entry is None or entry.state != READY or entry.pins:
                return False
            entry.state = CLOSING
        self._close(entry)
        return True

    def close(self) -> None:
        """Free everything that is not in use; what is in use is freed when its ``with`` block ends."""
        self._closed = True
        for loaded in self.loaded():
            self.evict(loaded.name)

    # -- pinning

    def _pinned(self, spec: ModelSpec, report: Report) -> _Entry:
        while True:
            with self._changed:
                entry = self._table.get(spec.name)
                if entry is None:
                    entry = self._table[spec.name] = _Entry(spec)
                    break
                if entry.state == READY:
                    entry.pins += 1
                    self._table[spec.name] = self._table.pop(spec.name)  # most recently used
                    return entry
            self._wait_for(entry, report)
        self._load(entry, report)
        return entry

    def _unpin(self, entry: _Entry) -> None:
        with self._changed:
            entry.pins -= 1
            close = self._closed and not entry.pins and entry.state == READY
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
            self._check_fits_alone(spec)
            folder = self._fetch(spec, self._settings.cache_dir, shared)
            self._reserve(entry, shared)
            shared(Progress("load", subject=spec.title))
            started = time.perf_counter()
            model = self._open(spec, folder, plan(spec, self._hardware, self._settings))
        except BaseException as error:
            self._leave(entry, error)
            raise
        with self._changed:
            entry.model, entry.state, entry.load_s = model, READY, time.perf_counter() - started
            self._changed.notify_all()

    def _check_fits_alone(self, spec: ModelSpec) -> None:
        if spec.memory_bytes > self.budget_bytes:
            raise self._refusal(spec, self.budget_bytes)

    def _refusal(self, spec: ModelSpec, free_bytes: int) -> ModelError:
        return ModelError(
            "does_not_fit",
            name=spec.title,
            need_gib=spec.memory_bytes / GIB,
            free_gib=max(0, free_bytes) / GIB,
            budget_gib=self.budget_bytes / GIB,
        )

    def _reserve(self, entry: _Entry, report: Report) -> None:
        """Reserve the bytes of ``entry``, evicting what is idle; wait while what is in use blocks it."""
        deadline = time.monotonic() + self._patience_s
        while True:
            with self._changed:
                victims = self._victims(entry.spec.memory_bytes)
                if victims is not None:
                    self._take_over(entry, victims)
                    break
                if time.monotonic() > deadline:
                    raise self._refusal(entry.spec, self._free_bytes())
                self._changed.wait(TICK_S)
            report(Progress("wait", subject=entry.spec.title))
        for victim in victims:
            self._close(victim)
        with self._changed:
            entry.reserved_bytes = entry.spec.memory_bytes
            self._changed.notify_all()

    @staticmethod
    def _take_over(entry: _Entry, victims: list[_Entry]) -> None:
        """Count the victims' bytes as the entry's: they are in memory until it has closed them."""
        held_bytes = sum(victim.reserved_bytes for victim in victims)
        entry.reserved_bytes = max(entry.spec.memory_bytes, held_bytes)
        for victim in victims:
            victim.state, victim.reserved_bytes = CLOSING, 0

    def _free_bytes(self) -> int:
        return self.budget_bytes - sum(entry.reserved_bytes for entry in self._table.values())

    def _victims(self, need_bytes: int) -> list[_Entry] | None:
        """The least recently used idle models whose eviction makes room; None when they cannot."""
        free_bytes, victims = self._free_bytes(), []
        for entry in self._table.values():
            if free_bytes >= need_bytes:
                break
            if entry.state == READY and not entry.pins:
                victims.append(entry)
                free_bytes += entry.reserved_bytes
        return victims if free_bytes >= need_bytes else None

    # -- freeing

    def _close(self, entry: _Entry) -> None:
        """Free a model whose state is CLOSING."""
        try:
            entry.model.close()
        finally:
            entry.model = None
            give_back_memory()
            self._leave(entry, None)

    def _leave(self, entry: _Entry, error: BaseException | None) -> None:
        with self._changed:
            entry.state, entry.error = GONE, error
            if self._table.get(entry.spec.name) is entry:
                del self._table[entry.spec.name]
            self._changed.notify_all()


def give_back_memory() -> None:
    """Return freed memory to the system: the C library keeps it otherwise (glibc only)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
