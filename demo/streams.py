"""A stream of the engine as the page shows it: at a reader's pace, words for every step, a sentence for a refusal."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

import gradio as gr

from mmcore.types import Progress

from . import view
from .errors import refusal_of

R = TypeVar("R")
T = TypeVar("T")
PACE_S = 1 / 3  # between two pictures of a growing result: a long list costs more to draw than to extend
MOMENT_S = 0.5  # that a stop waits for the step at hand
KEPT = 3  # place of the kept result in what a handler yields: line, answer, how it was made, kept, …


def paced(steps: Generator[T], is_heavy: Callable[[T], bool] = lambda step: True) -> Iterator[T]:
    """``steps``, of which the newest alone comes when several came within ``PACE_S`` of a heavy one; always the last.

    A thread reads them, so that what came before a long pause is seen at once. Closing lets it end at its next step,
    and waits a moment for that: Gradio closes from the loop that serves everyone.
    """
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()
    reader = threading.Thread(target=_read, args=(steps, waiting, stop), name="demo-stream", daemon=True)
    reader.start()
    next_s = 0.0
    try:
        while not isinstance(step := _newest(waiting, next_s), _End):
            yield step
            next_s = time.monotonic() + PACE_S if is_heavy(step) else 0.0
    finally:
        stop.set()
        reader.join(MOMENT_S)
    if step.error is not None:
        raise step.error


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


def _read(steps: Generator[T], waiting: queue.SimpleQueue, stop: threading.Event) -> None:
    end = _End()
    try:
        with closing(steps):
            for step in steps:
                waiting.put(step)
                if stop.is_set():
                    break
    except BaseException as error:  # raised again where the steps are shown
        end = _End(error)
    finally:
        waiting.put(end)


def _newest(waiting: queue.SimpleQueue, until_s: float):
    """The next step, or the last of those that come before ``until_s``; their end cuts the wait short."""
    step = waiting.get()
    while not isinstance(step, _End):
        try:
            newer = waiting.get(timeout=max(0.0, until_s - time.monotonic()))
        except queue.Empty:
            break
        if isinstance(newer, _End):
            waiting.put(newer)
            break
        step = newer
    return step


def shown(stream: Generator[Progress | R], specs: view.Specs, language: str) -> Iterator[tuple[str, R | None]]:
    """Pairs of what the progress line says and the latest result, None until there is one. Closing ends the stream."""
    return paced(_told(stream, specs, language), lambda pair: pair[1] is not None)


def _told(stream: Generator[Progress | R], specs: view.Specs, language: str) -> Iterator[tuple[str, R | None]]:
    result = None
    with closing(stream):
        for step in stream:
            if isinstance(step, Progress):
                yield view.progress(step, specs, language), result
            else:
                result = step
                yield "", result


def refusing(work: Callable[..., Iterator[tuple]]) -> Callable[..., Iterator[tuple]]:
    """``work(*inputs, language)`` whose failure is a sentence where the result would be; what was found stays."""

    @wraps(work)
    def told(*inputs) -> Iterator[tuple]:
        step: tuple = ()
        steps = work(*inputs)
        try:
            with closing(steps):
                for step in steps:
                    yield step
        except Exception as error:
            answer = "" if not step or step[KEPT] is None else gr.skip()
            rest = [gr.skip() for _ in step[2:]]
            yield view.refusal(refusal_of(error, inputs[-1])), answer, *rest

    return told
