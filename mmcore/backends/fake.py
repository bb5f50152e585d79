"""Every protocol without weights, for tests and for a look at the page in a second.

Answers are computed from the input by simple rules (colour, loudness, shared letters, an echo), so that
a test sees its input come through; they understand nothing.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..types import Delta, Message, ModelSpec, Plan, Progress, Sampling, Segment, TextBox, Usage

RATE_HZ = 16_000
TOKEN_S = 0.02  # pause between tokens, so that a stream can be watched and stopped
LOUD = 0.01  # root mean square above which there is "speech"

#: How many streams run now; a test asks whether a stop left one behind.
running = 0
_lock = threading.Lock()


def open(spec: ModelSpec, folder: Path, plan: Plan):
    """The fake of the spec's task."""
    return MODELS[spec.task]()


class _Fake:
    def close(self) -> None:
        """Nothing to free."""


class FakeClassifier(_Fake):
    """Class = how bright and how red the picture is."""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, 3, H, W) in [-1, 1] -> (N, 1000)."""
        means = (images.mean(axis=(2, 3)) + 1) / 2  # (N, 3) in [0, 1]
        winners = (means @ np.array([331.0, 337.0, 331.0])).astype(int).clip(0, 999)
        scores = -np.abs(np.arange(1000)[None, :] - winners[:, None]) / 2.0
        exponentials = np.exp(scores)
        return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


class FakeEmbedder(_Fake):
    """Texts with the same letter triples are near each other."""

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        """T texts -> (T, 384), unit length."""
        vectors = np.zeros((len(texts), 384), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            padded = f"  {text.lower()} "
            for start in range(len(padded) - 2):
                digest = hashlib.blake2b(padded[start : start + 3].encode(), digest_size=4).digest()
                row[int.from_bytes(digest, "big") % 384] += 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)


class FakeReader(_Fake):
    """Reads the size of the picture, unless it is one flat colour."""

    def read(self, image: np.ndarray) -> list[TextBox]:
        """(H, W, 3) -> one box."""
        height, width = image.shape[:2]
        return [] if image.std() < 1 else [TextBox(f"{width} x {height}", 1.0, 0, 0, width, height)]


def _loud_stretches(sound: np.ndarray) -> list[tuple[float, float]]:
    """(S,) -> the (start_s, end_s) of half-second frames that are loud, neighbours joined."""
    frame = RATE_HZ // 2
    stretches: list[tuple[float, float]] = []
    for start in range(0, len(sound), frame):
        piece = sound[start : start + frame]
        if np.sqrt(np.mean(piece**2)) < LOUD:
            continue
        start_s, end_s = start / RATE_HZ, (start + len(piece)) / RATE_HZ
        if stretches and stretches[-1][1] == start_s:
            start_s = stretches.pop()[0]
        stretches.append((start_s, end_s))
    return stretches


class FakeSounds(_Fake):
    """Everything loud is speech."""

    def events(self, sound: np.ndarray) -> list[Segment]:
        """(S,) -> "sound" segments."""
        return [Segment(start_s, end_s, "sound", "speech") for start_s, end_s in _loud_stretches(sound)]


class FakeTranscriber(_Fake):
    """Says how loud each loud stretch is, in pieces of at most three seconds."""

    def languages(self) -> tuple[str, ...]:
        return ("en", "zh")

    def language(self, sound: np.ndarray) -> tuple[str, float]:
        return "en", 1.0

    def segments(
        self, sound: np.ndarray, *, language: str | None = None, translate: bool = False, prompt: str = ""
    ) -> Iterator[Segment]:
        """(S,) -> "speech" segments."""
        for start_s, end_s in _loud_stretches(sound):
            for piece_s in np.arange(start_s, end_s, 3.0):
                stop_s = float(min(piece_s + 3.0, end_s))
                piece = sound[int(piece_s * RATE_HZ) : int(stop_s * RATE_HZ)]
                level = float(np.sqrt(np.mean(piece**2)))
                time.sleep(TOKEN_S)
                yield Segment(float(piece_s), stop_s, "speech", f"Sound at level {level:.2f}.", confidence=1.0)


class FakeChat(_Fake):
    """Says how bright each picture of the last message is; without one repeats it, word by word, as long as it may."""

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta | Progress]:
        words = f"You said: {messages[-1].text}".split()
        repeated = [words[n % len(words)] for n in range(min(sampling.max_tokens, 2 * len(words) + 40))]
        if levels := [int(f.mean()) for m in messages[-1].media if m.frames is not None for f in m.frames]:
            repeated = f"Seen: pictures of brightness {', '.join(map(str, levels))}.".split()
        with _counted():
            yield Progress("think", 0, len(words), "tokens")
            started = time.perf_counter()
            for word in repeated:
                time.sleep(TOKEN_S)
                yield Delta(word + " ")
            elapsed_s = time.perf_counter() - started
            prompt_tokens = sum(len(message.text.split()) for message in messages)
            yield Delta("", Usage(prompt_tokens, len(repeated), TOKEN_S, len(repeated) / elapsed_s))


class _counted:
    """Counts a running stream for the length of a ``with`` block."""

    def __enter__(self):
        self._add(1)

    def __exit__(self, *_):
        self._add(-1)

    @staticmethod
    def _add(change: int) -> None:
        global running
        with _lock:
            running += change


MODELS = {
    "image-classes": FakeClassifier,
    "sentences": FakeEmbedder,
    "reading": FakeReader,
    "sounds": FakeSounds,
    "speech": FakeTranscriber,
    "chat": FakeChat,
}
