"""Messages with decoded media → the request that llama.cpp's server reads, as in the OpenAI API.

Arrays go in as PNG and WAV data inside the request, never as a path or an address, which the runtime would open.
See llama.cpp's ``tools/server/README.md``.
"""

from __future__ import annotations

import io
import wave
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError
from ..types import Medium, Message, Sampling
from .gguf_header import metadata

FRAME = "\nFrame at {time_s:.1f} s: "
LOUDEST = 32767  # of 16-bit samples
PROJECTORS = ("clip.projector_type", "clip.vision.projector_type")
SIGHT, HEARING = "clip.has_vision_encoder", "clip.has_audio_encoder"


@dataclass(frozen=True)
class Senses:
    """What a model takes beside text, by the file of its encoders; ``sight`` is their kind of projector."""

    sight: str = ""
    hears: bool = False

    @classmethod
    def of(cls, encoders: Path | None) -> Senses:
        """Raises ValueError when the file is no GGUF."""
        if encoders is None:
            return cls()
        told = metadata(encoders, *PROJECTORS, SIGHT, HEARING)
        kinds = [str(told[key]) for key in PROJECTORS if key in told] or ["unknown"]
        return cls(kinds[0] if told.get(SIGHT) else "", bool(told.get(HEARING)))


@dataclass(frozen=True)
class Speaker:
    """Who is asked: its title, its senses, and what makes a text hold none of its control tokens."""

    title: str
    senses: Senses
    plain: Callable[[str], str]

    def request(self, messages: Sequence[Message], sampling: Sampling) -> dict:
        """Raises InputError "not_taken" for a medium that the model has no sense for."""
        request = {
            "messages": [{"role": message.role, "content": self._content(message)} for message in messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        return request if sampling.seed is None else request | {"seed": sampling.seed}

    def _content(self, message: Message) -> str | list[dict]:
        """Media first, as the models were trained, then the text."""
        text = self.plain(message.text)
        parts = [part for medium in message.media for part in self._medium(medium)]
        return [*parts, _text(text)] if parts else text

    def _medium(self, medium: Medium) -> list[dict]:
        """A picture; a video frame by frame, each after its time; its sound for a model that hears, or a sound."""
        seen = [] if medium.frames is None else self._seen(medium)
        if medium.samples is None or (seen and not self.senses.hears):
            return seen
        if not self.senses.hears:
            raise InputError("not_taken", model=self.title, kind="audio")
        return [*seen, _heard(medium)]

    def _seen(self, medium: Medium) -> list[dict]:
        if not self.senses.sight:
            raise InputError("not_taken", model=self.title, kind=medium.kind)
        if medium.kind != "video":
            return [_picture(frame) for frame in medium.frames]
        times = medium.times_s or range(len(medium.frames))
        pairs = zip(times, medium.frames, strict=True)
        return [part for time_s, frame in pairs for part in (_text(FRAME.format(time_s=time_s)), _picture(frame))]


def _text(text: str) -> dict:
    return {"type": "text", "text": text}


def _picture(frame: np.ndarray) -> dict:
    """(H, W, 3) uint8 RGB, as PNG that is not compressed: it goes no further than this process."""
    data = io.BytesIO()
    Image.fromarray(frame).save(data, "PNG", compress_level=0)
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_base64(data)}"}}


def _heard(medium: Medium) -> dict:
    """(S,) float32 at its own rate, as 16-bit WAV; the runtime resamples."""
    data = io.BytesIO()
    with wave.open(data, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(medium.rate_hz)
        sound.writeframes((np.clip(medium.samples, -1, 1) * LOUDEST).astype("<i2").tobytes())
    return {"type": "input_audio", "input_audio": {"data": f"data:audio/wav;base64,{_base64(data)}", "format": "wav"}}


def _base64(data: io.BytesIO) -> str:
    return b64encode(data.getvalue()).decode("ascii")
