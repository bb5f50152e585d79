"""ZeroGPU, where a GPU is lent to a handler while it runs. Elsewhere nothing here does anything.

A handler runs in a process forked from this one: what it loads is gone when it ends, and only what torch put on the
GPU before the page was opened comes along. So the models that torch runs are loaded here, in the main thread: the
platform's stand-in for CUDA, which lets that happen without a GPU, is not seen by other threads.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable

from mmcore import Studio
from mmcore.errors import StudioError
from mmcore.types import ModelSpec

LEND_S = 120  # how long a handler may hold the GPU
TASKS = ("image-text", "chat", "speech")  # whose default models are loaded before the first visitor
TORCH = "transformers_"  # how the backends that torch runs begin
log = logging.getLogger(__name__)


def is_zero_gpu() -> bool:
    """Whether this is a Space on ZeroGPU with its package."""
    return bool(os.environ.get("SPACES_ZERO_GPU")) and importlib.util.find_spec("spaces") is not None


def gpu(handler: Callable) -> Callable:
    """``handler`` with a GPU while it runs."""
    if not is_zero_gpu():
        return handler
    import spaces

    return spaces.GPU(handler, duration=LEND_S)


def preload(studio: Studio) -> None:
    """Load the default models, from the main thread. One that fails is told."""
    if not is_zero_gpu():
        return
    os.environ["HF_DEACTIVATE_ASYNC_LOAD"] = "1"  # transformers would copy weights in threads of its own
    for _ in studio.settle():
        pass
    for task in TASKS:
        for row in studio.choices(task)[:1]:
            if row.backend.startswith(TORCH):
                _load(studio, row)


def _load(studio: Studio, row: ModelSpec) -> None:
    try:
        studio.store.load(row)
    except StudioError as refusal:
        log.warning("%s", refusal)
