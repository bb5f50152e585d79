"""What a model costs and gives on this machine: loaded, given a short piece of honest work, and watched.

**The rate** is that of the model alone, by the protocol of its task, after one call that warms it: a fixed greedy
answer (decoding only, as the runtime counts it), pictures made here, short sentences, a clip of real speech. The
work takes about ``WORK_S``; a model so slow that its first call takes longer is told by that call.

**The peak** is the largest rise of the process's resident memory, or of the GPU's used memory where the model runs
there (all libraries count, and so would other programs on it), from before the model was opened to the end of the
work. It holds weights, working space and the buffers of loading, not the Python libraries of the runtime, which
are brought in before. A model that was in memory already keeps the peak of its last trial; without one it is not
known (0): what it took as it was loaded, nobody saw.

Both say less while other models work: then ``alone`` is False.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module

from ..errors import RanOut
from ..store import Store, give_back_memory
from ..types import Loaded, Measured, ModelSpec, Progress, Report
from . import trials
from .kit import Kit
from .steps import background

TICK_S = 0.02  # between two looks at the memory


def stream(kit: Kit, spec: ModelSpec, precision: str = "") -> Iterator[Progress | Loaded]:
    """Load ``spec`` if need be and try it; a ``Loaded`` comes when it is in memory, and one that is measured last.

    Closing stops at the next token, picture or line, and leaves the model loaded. A model that runs out of memory
    is tried again at the next precision. Raises InputError and ModelError.
    """
    while True:
        try:
            yield from _tried(kit, spec, precision)
            return
        except RanOut:
            yield Progress("shrink", subject=spec.title)


def _tried(kit: Kit, spec: ModelSpec, precision: str) -> Iterator[Progress | Loaded]:
    device = kit.store.plan(spec, precision).device
    given = yield from background(lambda report: _prepare(kit.store, spec, precision, report))
    with Watch(kit.store, spec.name, device) as watch:
        yield from background(lambda report: watch.load(spec, precision, report))
        with kit.store.use(spec, precision=precision) as model:
            found = _entry(kit.store, spec.name)
            yield replace(found, measured=None)
            result = yield from trials.run(spec, model, given)
    measured = Measured(result.rate, result.unit, _peak_bytes(watch, found), watch.is_alone, result.picture_s)
    kit.store.note(found, measured)
    yield replace(_entry(kit.store, spec.name) or found, measured=measured)


def _prepare(store: Store, spec: ModelSpec, precision: str, report: Report):
    """All that is not the model's own memory: its files, the libraries of its runtime, and what it will be given."""
    if not store.is_ready(spec, precision):
        store.fetch(spec, report)
        report(Progress("load", subject=spec.title))
        with suppress(ImportError):  # which loading says in a sentence
            import_module(f"..backends.{spec.backend}", __package__)
    return trials.material(spec)


def _entry(store: Store, name: str) -> Loaded | None:
    """The model as it is in memory, at the precision used last."""
    return next((entry for entry in reversed(store.loaded()) if entry.name == name), None)


def _peak_bytes(watch: Watch, found: Loaded) -> int:
    """Seen now, else by an earlier trial, else not known."""
    if watch.saw_loading(found):
        return watch.peak_bytes
    return found.measured.peak_bytes if found.measured else 0


class Rise:
    """The largest rise of a quantity above an earlier low, so that what is freed meanwhile for others hides nothing."""

    def __init__(self):
        self.lowest: int | None = None
        self.largest = 0

    def add(self, value: int) -> None:
        self.lowest = value if self.lowest is None else min(self.lowest, value)
        self.largest = max(self.largest, value - self.lowest)


class Watch:
    """While a ``with`` block runs: how far memory rises, and whether other models work. One short-lived thread."""

    def __init__(self, store: Store, name: str, device: str):
        self._store, self._name = store, name
        self._used_bytes = _meter(device)
        self._rise, self.is_alone = Rise(), True
        self._there = {entry.name for entry in store.loaded()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mmcore-memory", daemon=True)
        self._opening_s = 0.0  # how long loading was watched

    def __enter__(self) -> Watch:
        give_back_memory()  # what the process keeps for later would hide as much of the model
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    @property
    def peak_bytes(self) -> int:
        return self._rise.largest

    def load(self, spec: ModelSpec, precision: str, report: Report) -> None:
        """Load the model under watch; a precision that runs out of memory on the way is not counted."""

        def told(step: Progress) -> None:
            if step.stage == "shrink":
                give_back_memory()
                self._rise = Rise()
                self._look()
            report(step)

        started = time.perf_counter()
        self._store.load(spec, told, precision)
        self._opening_s = time.perf_counter() - started

    def saw_loading(self, found: Loaded) -> bool:
        """Whether the whole of its loading was watched, whoever loaded it; not when it had begun before."""
        return 0 < found.load_s <= self._opening_s

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            self._look()

    def _look(self) -> None:
        self._rise.add(self._used_bytes())
        busy = self._store.is_busy_besides(self._name) or any(map(self._disturbs, self._store.loaded()))
        self.is_alone = self.is_alone and not busy

    def _disturbs(self, entry: Loaded) -> bool:
        """Whether it is another model that has just been loaded, or this one at work for someone else too."""
        return entry.in_use > 1 if entry.name == self._name else entry.name not in self._there


def _meter(device: str) -> Callable[[], int]:
    """How many bytes are in use now: of the GPU, or of this process."""
    if device != "cpu":
        devices = import_module("..backends.torch_devices", __package__)
        return lambda: devices.used_bytes(device)
    import psutil

    process = psutil.Process()
    return lambda: process.memory_info().rss
