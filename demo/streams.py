"""A stream of the engine as the page shows it: words for every step, a sentence for every refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import wraps
from typing import TypeVar

import gradio as gr

from mmcore.types import Progress

from . import view
from .errors import refusal_of

R = TypeVar("R")
KEPT = 3  # place of the kept result in what a handler yields: line, answer, how it was made, kept, …


def shown(stream: Iterable[Progress | R], specs: view.Specs, language: str) -> Iterator[tuple[str, R | None]]:
    """Pairs of what the progress line says and the latest result, None until there is one. Closing ends the stream."""
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
