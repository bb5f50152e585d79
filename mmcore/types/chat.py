"""A conversation: what goes into a model and what comes out.

Symbols used in shapes: T frames, H, W pixels, S samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .answers import Perception
from .steps import Stage

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Medium:
    """A decoded file for a model that sees or hears itself.

    ``kind`` "image": ``frames`` (1, H, W, 3); "video": (T, H, W, 3) at ``times_s``, both uint8 RGB; "audio":
    ``samples`` (S,) float32 mono at ``rate_hz``. A video with sound has both.
    """

    kind: str
    frames: np.ndarray | None = None
    times_s: tuple[float, ...] = ()
    samples: np.ndarray | None = None
    rate_hz: int = 16_000


@dataclass(frozen=True)
class Message:
    """One turn. ``files`` are paths on this machine, uploaded by the person; ``media`` are those files
    decoded, for a model that takes them itself."""

    role: str  # "system", "user", "assistant"
    text: str
    files: tuple[str, ...] = ()
    media: tuple[Medium, ...] = ()


@dataclass(frozen=True)
class Sampling:
    max_tokens: int = 256
    temperature: float = 0.2
    top_p: float = 0.9
    seed: int | None = None


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    first_token_s: float
    tokens_per_s: float
    flags: tuple[str, ...] = ()  # "smaller_input": what was given did not fit and was made smaller


@dataclass(frozen=True)
class Delta:
    """A piece of an answer; the last one carries the usage."""

    text: str
    usage: Usage | None = None


@dataclass(frozen=True)
class Reply:
    """An answer so far. ``saw`` is what was perceived, ``prompt`` all that the model was given."""

    text: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_token_s: float = 0.0
    tokens_per_s: float = 0.0
    done: bool = True
    saw: tuple[Perception, ...] = ()
    prompt: tuple[Message, ...] = ()
    stages: tuple[Stage, ...] = ()
    flags: tuple[str, ...] = ()  # as in ``Usage``
