"""Animated GIF, WebP, PNG and AVIF as clips: Pillow composes their frames, transparency on white."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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
    with opened_picture(path, limits) as picture:
        if picture.format not in MOVING or not getattr(picture, "is_animated", False):
            raise InputError("not_media", name=Path(path).name)
        with decoding(path):
            yield picture


def steps(picture: Image.Image) -> Iterator[float]:
    """Goes from frame to frame; yields the time (s) at which each appears, and at last the end of the clip."""
    time_s = 0.0
    for index in count():
        try:
            picture.seek(index)
            picture.load()
        except EOFError:
            break
        except Exception:
            if index == 0:
                raise
            break  # damaged from here on: what was shown before stays
        yield time_s
        time_s += _shown_s(picture)
    yield time_s


def _shown_s(picture: Image.Image) -> float:
    seconds = (picture.info.get("duration") or 0) / 1000
    return seconds if seconds >= SHORTEST_S else DEFAULT_S


def length(picture: Image.Image, limits: Limits) -> tuple[float, int]:
    """Seconds and frames of the animation, read no further than the limit."""
    times: Sequence[float] = [0.0]
    total = -1
    for time_s in steps(picture):
        times, total = [time_s], total + 1
        if time_s > limits.clip_s:
            break
    return times[-1], max(1, total)
