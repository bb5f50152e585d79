"""What is found in an image or a clip.

Times are seconds from the start of the clip, boxes pixels of the upright image.
"""

from __future__ import annotations

from dataclasses import dataclass

from .steps import Stage


@dataclass(frozen=True)
class Label:
    """A class with its probability; ``index`` is its ImageNet number when it is one of the 1,000."""

    label: str
    probability: float
    index: int | None = None


@dataclass(frozen=True)
class TextBox:
    """Text found in an image, with its box in pixels of the upright image."""

    text: str
    confidence: float
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Classification:
    """What one image is. ``labels`` are best first and sum to 1; ``image_labels``/``text_labels`` are the
    same labels by the picture alone and by its text alone (empty when no text was given)."""

    file: str
    labels: tuple[Label, ...]
    model: str
    seconds: float
    recognised: tuple[Label, ...] = ()  # ImageNet classes, best first
    text_read: tuple[TextBox, ...] | None = None  # None: not asked, or not read yet
    image_labels: tuple[Label, ...] = ()
    text_labels: tuple[Label, ...] = ()
    text_weight: float = 0.0
    flags: tuple[str, ...] = ()  # "unsure", "duplicates_removed", "imagenet_set"
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Word:
    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True)
class Segment:
    """A stretch of time of one ``kind``: "speech" (a transcript line), "scene" (what is seen) or "sound"
    (speech, singing, music or silence heard). ``flags`` say why its text is doubtful."""

    start_s: float
    end_s: float
    kind: str
    text: str
    flags: tuple[str, ...] = ()
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    recognised: tuple[Label, ...] = ()
    text_read: tuple[TextBox, ...] = ()
    told_by: str = ""  # the model whose words a scene's text is; "" when it says what was recognised and read


@dataclass(frozen=True)
class Caption:
    """A clip described over time. Grows while ``done`` is False."""

    language: str | None  # ISO 639-1, None when no speech was found
    duration_s: float
    segments: tuple[Segment, ...]
    summary: str
    models: tuple[str, ...]
    seconds: float
    done: bool = True
    heard_s: float = 0.0  # how much sound has been transcribed
    language_probability: float = 0.0
    stages: tuple[Stage, ...] = ()
    flags: tuple[str, ...] = ()  # "not_described": scenes without the words of the model that was to describe them

    def of(self, kind: str) -> tuple[Segment, ...]:
        """The segments of one kind, in order of time."""
        return tuple(s for s in self.segments if s.kind == kind)


@dataclass(frozen=True)
class Perception:
    """What was perceived in one file; ``caption`` for sound and video, the other two for an image."""

    file: str
    kind: str  # "image", "audio", "video"
    recognised: tuple[Label, ...] = ()
    text_read: tuple[TextBox, ...] = ()
    caption: Caption | None = None
    models: tuple[str, ...] = ()
    seconds: float = 0.0
