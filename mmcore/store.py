"""Loaded models: loaded at first use, pinned while used, evicted when memory is needed.

Concurrency in three sentences. One condition guards the table, and it is never held while a model is
fetched, loaded, run or closed. The first caller of a model loads it and the others wait for that one
load; a failed load is told to all of them and leaves no trace, a stopped one is taken over by the next.
Bytes are reserved before loading, a pinned model is never evicted, and nothing is evicted unless that
makes enough room. A model that runs out of memory is freed, and planned at a coarser precision afterwards.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import backends, weights
from .device import Hardware, Room, give_back_memory, plan
from .errors import ModelError, RanOut, Stopped, StudioError
from .settings import GIB, Settings
from .shelf import CLOSING, GONE, LOADING, READY, Entry, Shelf, key_of
from .types import Loaded, Measured, ModelSpec, Plan, Progress, Report, ignore

TICK_S = 0.2  # how often a waiting caller looks, and reports
PATIENCE_S = 120.0  # how long a caller waits for models in use to make room
FAILED_LOADS = ("load_failed", "damaged_file")  # refusals after which the files are verified
OUT_OF_MEMORY = ("out_of_memory", "no_memory_to_load")  # refusals after which a coarser precision may do
_log = logging.getLogger(__name__)


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
        self._shelf = Shelf()
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
            raise self._refusal(spec, found)
        return found

    def is_ready(self, spec: ModelSpec, precision: str = "") -> bool:
        """Whether ``use`` would return at once."""
        try:
            key = key_of(spec, self.plan(spec, precision))
        except StudioError:
            return False
        with self._changed:
            entry = self._shelf.get(key)
            return entry is not None and entry.state == READY

    def loaded(self) -> tuple[Loaded, ...]:
        """What is in memory, least recently used first."""
        with self._changed:
            return tuple(entry.told() for entry in self._shelf if entry.state == READY)

    def is_busy_besides(self, name: str) -> bool:
        """Whether another model is being loaded or used."""
        with self._changed:
            return any(entry.spec.name != name and not entry.is_idle for entry in self._shelf)

    def note(self, found: Loaded, measured: Measured) -> None:
        """Keep how a loaded model did when it was tried."""
        with self._changed:
            entry = self._shelf.get((found.name, found.device, found.precision))
            if entry is not None:
                entry.measured = measured

    def evict(self, name: str) -> bool:
        """Free one model, at every precision, where it is not in use; whether anything was.

        Precisions of it that ran out of memory may be tried again."""
        with self._changed:
            self._ran_out.pop(name, None)
            idle = [entry for entry in self._shelf if entry.spec.name == name and entry.is_idle]
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

    def _pinned(self, spec: ModelSpec, wish: str, report: Report) -> Entry:
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

    def _entry(self, spec: ModelSpec, wanted: Plan, report: Report) -> Entry:
        """The entry of a plan, pinned: ready, or new and for the caller to load."""
        while True:
            with self._changed:
                entry = self._shelf.get(key_of(spec, wanted))
                if entry is None:
                    return self._shelf.put(Entry(spec, wanted))
                if entry.state == READY:
                    entry.pins += 1
                    return self._shelf.put(entry)
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

    def _unpin(self, entry: Entry) -> None:
        with self._changed:
            entry.pins -= 1
            close = (self._closed or entry.is_unwanted) and entry.is_idle
            if close:
                entry.state = CLOSING
            self._changed.notify_all()
        if close:
            self._close(entry)

    def _wait_for(self, entry: Entry, report: Report) -> None:
        """Wait a tick for another caller's load or close, showing its progress; raise its failure."""
        with self._changed:
            self._changed.wait_for(lambda: entry.state in (READY, GONE), TICK_S)
            state, error, progress = entry.state, entry.error, entry.progress
        if state == GONE and error is not None and not isinstance(error, Stopped):
            raise copy.copy(error)
        if state not in (READY, GONE):
            report(progress or Progress("wait", subject=entry.spec.title))

    # -- loading

    def _load(self, entry: Entry, report: Report) -> None:
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

    def _opened(self, entry: Entry, folder: Path, report: Report) -> backends.Model:
        """The model; where it cannot be loaded and files of it turn out damaged, it is tried with new ones."""
        spec, cache_dir = entry.spec, self._settings.cache_dir
        try:
            return self._open(spec, folder, entry.plan)
        except ModelError as error:
            if error.code not in FAILED_LOADS or not weights.discard_damaged(spec, cache_dir, report):
                raise
        return self._open(spec, self._fetch(spec, cache_dir, report), entry.plan)

    def _refusal(self, spec: ModelSpec, wanted: Plan, in_use: Sequence[str] = ()) -> ModelError:
        """It does not fit, because of the models ``in_use`` if there are any."""
        room_bytes = self.room.on(wanted.device)
        return ModelError(
            "memory_in_use" if in_use else "does_not_fit",
            name=spec.title,
            need_gib=wanted.memory_bytes / GIB,
            free_gib=max(0, room_bytes - (self._shelf.pinned_bytes(wanted.device) if in_use else 0)) / GIB,
            budget_gib=room_bytes / GIB,
            held=", ".join(in_use),
        )

    def _reserve(self, entry: Entry, report: Report) -> None:
        """Reserve the bytes of ``entry``, evicting what is idle; wait while what is in use blocks it."""
        deadline = time.monotonic() + self._patience_s
        while True:
            with self._changed:
                victims = self._shelf.make_room(entry, self.room.on(entry.plan.device))
                if victims is not None:
                    break
                if time.monotonic() > deadline:
                    raise self._refusal(entry.spec, entry.plan, self._shelf.titles_in_use(entry.plan.device))
                self._changed.wait(TICK_S)
            report(Progress("wait", subject=entry.spec.title))
        for victim in victims:
            self._close(victim)
        with self._changed:
            entry.reserved_bytes = entry.plan.memory_bytes
            self._changed.notify_all()

    # -- freeing

    def _close(self, entry: Entry) -> None:
        """Free a model whose state is CLOSING. One that fails to close holds up nobody."""
        try:
            entry.model.close()
        except Exception:
            _log.exception("%s did not close", entry.spec.name)
        finally:
            entry.model = None
            give_back_memory()
            self._leave(entry, None)

    def _leave(self, entry: Entry, error: BaseException | None) -> None:
        with self._changed:
            entry.state, entry.error = GONE, error
            self._shelf.drop(entry)
            self._changed.notify_all()
