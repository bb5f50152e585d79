"""Catalogue rows and plans for the tiny checkpoints, and the pictures and sounds shown to them.

Importing this imports no runtime, so that the other tests start as fast as before.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np

from mmcore.backends import open_model
from mmcore.types import Medium, ModelSpec, Plan

#: The families, by the function that makes one: module and name.
SCORERS = {name: ("tiny_models", name) for name in ("clip", "siglip2", "siglip2_naflex", "chinese_clip")}
CHATS = {name: ("tiny_chats", name) for name in ("smolvlm", "qwen3_vl", "lfm2_vl", "lfm3_vl", "minicpm_v")} | {
    name: ("tiny_omni", name) for name in ("gemma4", "qwen2_5_omni")
}
SPEECH = {name: ("tiny_models", name) for name in ("whisper", "moonshine", "qwen3_asr")}

RATE_HZ = 16_000


def row(task: str, backend: str, **options: object) -> ModelSpec:
    return ModelSpec("tiny", "Tiny", task, backend, "none", "made on the spot", options=options)


def made(family: tuple[str, str], folder: Path) -> Path:
    """The tiny checkpoint of a family, written into ``folder``."""
    module, name = family
    return getattr(import_module(module), name)(folder)


def opened(task: str, backend: str, folder: Path, precision: str = "fp32", plan: Plan | None = None, **options: object):
    """A model, the way the studio opens it; on the CPU unless ``plan`` says otherwise."""
    return open_model(row(task, backend, **options), folder, plan or on_cpu(precision))


def on_cpu(precision: str = "fp32") -> Plan:
    return Plan("cpu", precision, "a test", threads=1)


def picture(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    """(H, W, 3) uint8: a colour that the seed draws, with some noise."""
    draw = np.random.default_rng(seed)
    return (draw.integers(0, 200, 3) + draw.integers(0, 55, (height, width, 3))).astype(np.uint8)


def sound(seconds: float = 2.0, pitch_hz: float = 440.0) -> np.ndarray:
    """(S,) float32: a tone."""
    return 0.3 * np.sin(2 * np.pi * pitch_hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ, dtype=np.float32)


def image_medium(seed: int = 0) -> Medium:
    return Medium("image", frames=picture(seed)[None])


def video_medium(frames: int = 4, *, heard: bool = False) -> Medium:
    """A clip of two frames a second."""
    stack = np.stack([picture(seed) for seed in range(frames)])
    times = tuple(number / 2 for number in range(frames))
    return Medium("video", frames=stack, times_s=times, samples=sound() if heard else None)


def audio_medium(seconds: float = 2.0) -> Medium:
    return Medium("audio", samples=sound(seconds))
