"""Long steps seen from a generator: progress comes out while they run, and stopping reaches them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import Stopped
from ..types import ModelSpec, Progress, Report

if TYPE_CHECKING:
    from ..store import Store

T = TypeVar("T")
_DONE = object()


def background(work: Callable[[Report], T]) -> Generator[Progress, None, T]:
    """``result = yield from background(work)``: run ``work(report)`` in a thread, yielding its progress.

    Closing the generator makes the next ``report`` raise ``Stopped`` in the thread, and waits for the
    thread to end, so that a stop leaves nothing behind. Exceptions of ``work`` come out here.
    """
    updates: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()
    outcome: list = []

    def report(progress: Progress) -> None:
        if stop.is_set():
            raise Stopped
        updates.put(progress)

    def run() -> None:
        try:
            outcome.append((work(report), None))
        except BaseException as error:  # re-raised in the consumer
            outcome.append((None, error))
        finally:
            updates.put(_DONE)

    thread = threading.Thread(target=run, name="mmcore-step", daemon=True)
    thread.start()
    try:
        while (update := updates.get()) is not _DONE:
            yield _latest(update, updates)
    finally:
        stop.set()
        thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def pinned(pins: ExitStack, store: Store, spec: ModelSpec, precision: str = "") -> Generator[Progress, None, Any]:
    """``model = yield from pinned(pins, store, spec)``: loaded with progress, and pinned until ``pins`` closes.

    One step, so that a model which was brought into memory is not evicted before it is used. A loaded one costs
    no thread.
    """
    if store.is_ready(spec, precision):
        return pins.enter_context(store.use(spec, precision=precision))
    return (yield from background(lambda report: pins.enter_context(store.use(spec, report, precision))))


def loaded(store: Store, spec: ModelSpec, precision: str = "") -> Generator[Progress, None, None]:
    """Bring ``spec`` into memory, with progress, unless it is there. A loaded one costs no thread."""
    if not store.is_ready(spec, precision):
        yield from background(lambda report: store.load(spec, report, precision))


def _latest(update: Progress, updates: queue.SimpleQueue) -> Progress:
    """The newest update that is waiting, so that a slow consumer does not lag behind."""
    while not updates.empty():
        newer = updates.get()
        if newer is _DONE:
            updates.put(_DONE)
            break
        update = newer
    return update


def last(stream: Iterator[T]) -> T:
    """The final result of a stream of progress and results."""
    result = None
    for result in stream:  # noqa: B007
        pass
    return result
