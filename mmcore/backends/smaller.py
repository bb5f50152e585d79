"""A conversation made smaller, for the second try after the first did not fit. Arrays only, no runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from ..types import Medium, Message


def smaller(messages: Sequence[Message]) -> tuple[Message, ...] | None:
    """The same with half the frames and half the side of its pictures; without media, without its older turns.

    None when nothing can be left out.
    """
    if any(message.media for message in messages):
        less = tuple(replace(message, media=tuple(_less(medium) for medium in message.media)) for message in messages)
        return less if _elements(less) < _elements(messages) else None
    rules = [message for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    kept = turns[-(len(turns) // 2) or None :]
    while len(kept) > 1 and kept[0].role != "user":
        kept = kept[1:]
    return (*rules, *kept) if len(kept) < len(turns) else None


def _less(medium: Medium) -> Medium:
    if medium.frames is None:
        return medium
    if len(medium.frames) > 1:
        return replace(medium, frames=medium.frames[::2], times_s=medium.times_s[::2])
    picture = Image.fromarray(medium.frames[0])
    half = picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)))
    return replace(medium, frames=np.asarray(half)[None])


def _elements(messages: Sequence[Message]) -> int:
    media = (medium for message in messages for medium in message.media if medium.frames is not None)
    return sum(medium.frames.size for medium in media)
