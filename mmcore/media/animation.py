"""Animated GIF, WebP, PNG and AVIF as clips: Pillow composes their frames, transparency on white."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from PIL import Image

from ..errors import InputError
from ..settings import Limits
from .image import MOVING, decoding, opened_picture

DEFAULT_S = 0.1  # browsers show frames of no or almost no duration this long
SHORTEST_S = 0.011


@contextmanager
def opened(path: str | os.PathLike, limits: Limits) -> Iterator[Image.Image]:
    """The animation, at its first frame. Raises InputError ``not_media`` when the image does not move."""
    with opened_picture(path, limits) as picture, decoding(path):
        if picture.format not in MOVING or not getattr(picture, "is_animated", False):
            raise InputError("not_media", name=Path(path).name)
        yield picture


def steps(picture: Image.Image) -> Iterator[tuple[float, float]]:
    """Goes from frame to frame; yields the time (s) at which each appears and at which it ends."""
    start_s = 0.0
    for index in count():
        try:
            picture.seek(index)
            picture.load()
        except EOFError:
            return
        except Exception:
            if index == 0:
                raise
            return  # damaged from here on: what was shown before stays
        end_s = start_s + _shown_s(picture)
        yield start_s, end_s
        start_s = end_s


def _shown_s(picture: Image.Image) -> float:
    seconds = (picture.info.get("duration") or 0) / 1000
    return seconds if seconds >= SHORTEST_S else DEFAULT_S


def length(picture: Image.Image, limits: Limits) -> tuple[float, int]:
    """Seconds and frames of the animation, read no further than the limit."""
    end_s, frames = 0.0, 0
    for frames, (_, end_s) in enumerate(steps(picture), 1):  # noqa: B007 - the last values are wanted
        if end_s > limits.clip_s:
            break
    return end_s, frames
