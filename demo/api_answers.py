"""A call of the API: its steps and results as records, its refusal as one sentence."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import gradio as gr

from mmcore import records
from mmcore.types import Progress

from .errors import refusal_of
from .streams import paced


@contextmanager
def refusing(language: str):
    """Whatever goes wrong leaves as one sentence, without a trace or a path."""
    try:
        yield
    except Exception as error:
        raise gr.Error(refusal_of(error, language), print_exception=False) from None


def streamed(
    stream: Generator, record: Callable[..., dict], is_done: Callable[..., bool]
) -> Generator[dict, None, bool]:
    """The steps and results of ``stream`` as records; returns whether the last is done. Closing it stops the work."""
    told = {"done": False}
    for step in paced(stream, lambda step: not isinstance(step, Progress)):
        before = told
        told = records.step(step) if isinstance(step, Progress) else record(step) | {"done": is_done(step)}
        if told != before:
            yield told
    return told["done"]
