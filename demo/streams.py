"""A stream of the engine as the page shows it: words for every step, a sentence for every refusal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TypeVar

from mmcore.types import Progress

from . import view
from .errors import refusal_of

R = TypeVar("R")


def shown(stream: Iterable[Progress | R], specs: view.Specs, language: str) -> Iterator[tuple[str, R | None]]:
    """Pairs of what the progress line says and the latest result, None until there is one.

    A refusal ends the pairs with its sentence in the visitor's language; any other exception is a bug: it
    is logged in full, and the visitor reads one sentence without its trace. Closing ends the stream.
    """
    result = None
    try:
        with closing(stream):
            for step in stream:
                if isinstance(step, Progress):
                    yield view.progress(step, specs, language), result
                else:
                    result = step
                    yield "", result
    except Exception as error:
        yield view.refusal(refusal_of(error, language)), result
