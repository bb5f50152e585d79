"""ZeroGPU, where a GPU is lent to a handler while it runs. Elsewhere nothing here does anything."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable

from mmcore import Studio
from mmcore.errors import StudioError

LEND_S = 120  # how long a handler may hold the GPU
TASKS = ("image-text", "chat", "speech")  # whose default models are loaded before the first visitor
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
    """Load the default models, since what a handler loads on ZeroGPU is gone when it ends. One that fails is told."""
    if not is_zero_gpu():
        return
    for _ in studio.settle():
        pass
    for task in TASKS:
        for row in studio.choices(task)[:1]:
            try:
                studio.load(row.name)
            except StudioError as refusal:
                log.warning("%s", refusal)
