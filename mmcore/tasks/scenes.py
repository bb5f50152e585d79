"""The pictures of a clip over time: shots, and what each shows."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from .. import describe, imagenet
from ..features.image import imagenet_input
from ..features.video import ShotDetector, sharpness
from ..media import video
from ..types import Label, Medium, Progress, Refusal, Segment, TextBox
from .kit import Kit
from .steps import loaded

FRAMES = 48  # looked at, however long the clip is
EVERY_S = 1.0
READ_SIDE = 736  # pixels, what the reader was trained on
TOLD_SIDE = 448  # pixels of what a describing model sees
TOLD_FRAMES = 4  # of a shot: the first, the middle, the last and the sharpest
KEPT = 20  # classes of a scene


@dataclass
class _Shot:
    """A stretch of pictures that belong together; only the one to read is kept as large as it came."""

    start_s: float
    pixels: np.ndarray  # (H, W, 3), the sharpest so far
    sharpness: float
    probabilities: np.ndarray  # (1000,), summed over its pictures
    times_s: list[float]
    small: list[np.ndarray]  # its pictures, for a model that describes them
    sharpest: int = 0
    texts: tuple[TextBox, ...] = ()
    told: str = ""  # in the words of such a model
    is_told: bool = False  # to the end

    def add(self, other: _Shot) -> None:
        if other.sharpness > self.sharpness:
            self.pixels, self.sharpness, self.sharpest = other.pixels, other.sharpness, len(self.small)
        self.probabilities = self.probabilities + other.probabilities
        self.times_s += other.times_s
        self.small += other.small

    def medium(self) -> Medium:
        """The few pictures that tell most of it, timed from the first."""
        last = len(self.small) - 1
        numbers = sorted({0, last // 2, last, self.sharpest})[:TOLD_FRAMES]
        frames = np.stack([self.small[number] for number in numbers])  # (T, H, W, 3)
        times_s = tuple(self.times_s[number] - self.times_s[0] for number in numbers)
        return Medium("video" if last else "image", frames, times_s)

    def recognised(self) -> tuple[Label, ...]:
        """The classes by their mean probability, best first."""
        return imagenet.likeliest(self.probabilities / len(self.small), KEPT)


@dataclass
class Seen:
    """The shots found so far. Grows."""

    duration_s: float
    words: str
    shots: list[_Shot] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # per stage
    told_by: str = ""  # the model that describes the shots
    refusal: Refusal | None = None  # why it left some to the classifier

    def segments(self) -> tuple[Segment, ...]:
        """The "scene" segments: from each shot to the next, without gaps."""
        ends = [shot.start_s for shot in self.shots[1:]] + [self.duration_s]
        return tuple(self._segment(shot, end_s) for shot, end_s in zip(self.shots, ends, strict=True))

    def _segment(self, shot: _Shot, end_s: float) -> Segment:
        recognised = shot.recognised()
        seen = Segment(shot.start_s, end_s, "scene", "", recognised=recognised, text_read=shot.texts)
        if shot.told:
            text = describe.told(shot.told, shot.texts, self.words) if shot.is_told else shot.told.strip()
            return replace(seen, text=text, told_by=self.told_by)
        text = describe.scene(recognised, shot.texts, self.words)
        return replace(seen, text=text, confidence=recognised[0].probability)


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
            small = np.asarray(_small(frame.pixels))
            shot = _Shot(start_s, frame.pixels, sharpness(frame.pixels), probabilities, [time_s], [small])
            if begins or not seen.shots:
                seen.shots.append(shot)
            else:
                seen.shots[-1].add(shot)
    seen.seconds["look"] = time.perf_counter() - started


def _small(pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(pixels)
    picture.thumbnail((TOLD_SIDE, TOLD_SIDE))
    return picture


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
