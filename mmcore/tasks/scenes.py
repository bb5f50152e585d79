"""The pictures of a clip over time: shots, and what each shows."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from .. import describe, imagenet
from ..features.image import imagenet_input
from ..features.video import ShotDetector, sharpness
from ..media import video
from ..types import Label, Progress, Segment, TextBox
from .kit import Kit
from .steps import loaded

FRAMES = 48  # looked at, however long the clip is
EVERY_S = 1.0
READ_SIDE = 736  # pixels, what the reader was trained on
KEPT = 20  # classes of a scene


@dataclass
class _Shot:
    """A stretch of pictures that belong together; only the one to read is kept."""

    start_s: float
    pixels: np.ndarray  # (H, W, 3), the sharpest so far
    sharpness: float
    probabilities: np.ndarray  # (1000,), summed over ``count`` pictures
    count: int = 1
    texts: tuple[TextBox, ...] = ()

    def add(self, other: _Shot) -> None:
        self.probabilities = self.probabilities + other.probabilities
        self.count += 1
        if other.sharpness > self.sharpness:
            self.pixels, self.sharpness = other.pixels, other.sharpness

    def recognised(self) -> tuple[Label, ...]:
        """The classes by their mean probability, best first."""
        return imagenet.likeliest(self.probabilities / self.count, KEPT)


@dataclass
class Seen:
    """The shots found so far. Grows."""

    duration_s: float
    words: str
    shots: list[_Shot] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # per stage

    def segments(self) -> tuple[Segment, ...]:
        """The "scene" segments: from each shot to the next, without gaps."""
        ends = [shot.start_s for shot in self.shots[1:]] + [self.duration_s]
        return tuple(self._segment(shot, end_s) for shot, end_s in zip(self.shots, ends, strict=True))

    def _segment(self, shot: _Shot, end_s: float) -> Segment:
        recognised = shot.recognised()
        text = describe.scene(recognised, shot.texts, self.words)
        confidence = recognised[0].probability
        return Segment(shot.start_s, end_s, "scene", text, (), confidence, recognised=recognised, text_read=shot.texts)


def stream(kit: Kit, path: Path, duration_s: float, words: str) -> Generator[Progress | Seen, None, Seen]:
    """Yields its one growing ``Seen``: recognised things first, then the text read; returns it complete."""
    seen = Seen(duration_s, words)
    yield from _look(kit, path, seen)
    yield seen
    yield from _read(kit, path, seen)
    return seen


def _look(kit: Kit, path: Path, seen: Seen) -> Generator[Progress, None, None]:
    """Find the shots, and classify each picture as it is decoded."""
    yield from loaded(kit.store, kit.spec("image-classes"))
    started = time.perf_counter()
    times_s = video.sample_times(seen.duration_s, FRAMES, EVERY_S)
    detector = ShotDetector()
    pictures = video.frames(path, times_s, kit.settings.limits, READ_SIDE)
    with closing(pictures), kit.store.use(kit.spec("image-classes")) as classifier:
        for done, (time_s, frame) in enumerate(zip(times_s, pictures, strict=True)):
            yield Progress("look", done, len(times_s), "frames", path.name)
            probabilities = classifier.probabilities(imagenet_input([Image.fromarray(frame.pixels)]))[0]
            begins = detector.begins(frame.pixels)
            start_s = (times_s[done - 1] + time_s) / 2 if seen.shots else 0.0
            shot = _Shot(start_s, frame.pixels, sharpness(frame.pixels), probabilities)
            if begins or not seen.shots:
                seen.shots.append(shot)
            else:
                seen.shots[-1].add(shot)
    seen.seconds["look"] = time.perf_counter() - started


def _read(kit: Kit, path: Path, seen: Seen) -> Generator[Progress | Seen, None, None]:
    """Read the text in the sharpest picture of each shot."""
    yield from loaded(kit.store, kit.spec("reading"))
    started = time.perf_counter()
    with kit.store.use(kit.spec("reading")) as reader:
        for done, shot in enumerate(seen.shots):
            yield Progress("read", done, len(seen.shots), "frames", path.name)
            shot.texts = tuple(reader.read(shot.pixels))
            yield seen
    seen.seconds["read"] = time.perf_counter() - started
