"""The API's calls about models: what there is, and, for the operator, loading, trying and freeing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr

from mmcore import Studio, records
from mmcore.errors import ModelError
from mmcore.types import TASKS, Plan

from . import operator
from .api_answers import refusing, streamed


def _models(studio: Studio, blocks: gr.Blocks) -> Callable:
    def models() -> list[dict]:
        """List the models that this studio uses: task, licence, sizes, what they can and cannot do, what fits now."""
        held = studio.status().loaded
        rows = dict.fromkeys(row for task in TASKS for row in studio.choices(task))
        return [records.offer(row, _planned(studio, row.name), held) for row in rows]

    return models


def _planned(studio: Studio, name: str) -> Plan | ModelError:
    try:
        return studio.plan(name)
    except ModelError as refusal:
        return refusal


def _load(studio: Studio, blocks: gr.Blocks) -> Callable:
    def load(name: str, request: gr.Request, precision: str = "", language: str = "en") -> Iterator[dict]:
        """Download a model where needed and bring it into memory. For the operator only.

        Args:
            name: Name of a model from /models.
            precision: One of its precisions; empty for the best that fits.
            language: Language of error sentences, "en" or "zh".

        Returns:
            name, device, precision, memory_bytes, load_s, in_use, ran_out, measured, done; done alone if freed at once.
        """
        with refusing(language):
            operator.check(studio, blocks, request.headers)
            stream = studio.stream_load(name, precision)
            if not (yield from streamed(stream, records.in_memory, lambda entry: True)):
                yield {"done": True}

    return load


def _bench(studio: Studio, blocks: gr.Blocks) -> Callable:
    def bench(name: str, request: gr.Request, precision: str = "", language: str = "en") -> Iterator[dict]:
        """Load a model where needed and try it for some seconds: what it costs and gives here. For the operator only.

        Args:
            name: Name of a model from /models.
            precision: One of its precisions; empty for the best that fits.
            language: Language of error sentences, "en" or "zh".

        Returns:
            as load, with measured: rate, unit, peak_bytes, alone, picture_s (time to a first word about a picture).
        """
        with refusing(language):
            operator.check(studio, blocks, request.headers)
            stream = studio.stream_measure(name, precision)
            yield from streamed(stream, records.in_memory, lambda entry: entry.measured is not None)

    return bench


def _unload(studio: Studio, blocks: gr.Blocks) -> Callable:
    def unload(request: gr.Request, name: str = "", language: str = "en") -> dict:
        """Free the memory of a model, or of all that are not in use. For the operator only.

        Args:
            name: Name of a model; empty for all.
            language: Language of error sentences, "en" or "zh".

        Returns:
            unloaded: how many models were freed.
        """
        with refusing(language):
            operator.check(studio, blocks, request.headers)
            return {"unloaded": int(studio.unload(name)) if name else studio.unload_all()}

    return unload


MAKERS = (_models, _load, _bench, _unload)
