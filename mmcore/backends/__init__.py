"""The seam to runtimes: one narrow protocol per task, one file per runtime, imported when first used.

A backend module has ``open(spec, folder, plan) -> model``. The model answers the protocol of the
spec's task, may be called from several threads, and gives its memory back on ``close()``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from .. import weights
from ..errors import ModelError, StudioError
from ..types import Delta, Message, ModelSpec, Plan, Progress, Report, Sampling, Segment, TextBox, ignore

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    PictureLike = Image.Image | np.ndarray


class Model(Protocol):
    def close(self) -> None:
        """Free the memory. The model is not used afterwards."""


class ImageClassifier(Model, Protocol):
    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, 3, 224, 224) float32, as ``features.image.imagenet_input`` makes them -> (N, 1000)."""


class ImageTextScorer(Model, Protocol):
    activation: str  # what turns a row of logits into probabilities: "softmax" or "sigmoid"

    def score(self, images: Sequence[PictureLike], labels: Sequence[str]) -> np.ndarray:
        """N images (PIL, or (H, W, 3) uint8) and L labels -> (N, L) float32 logits of the joint space."""


class Embedder(Model, Protocol):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        """T texts -> (T, D) float32 of length 1. ``query`` marks short texts that look for passages."""


class Reader(Model, Protocol):
    def read(self, image: np.ndarray) -> list[TextBox]:
        """(H, W, 3) uint8 RGB -> the text in it, in reading order."""


class SoundEvents(Model, Protocol):
    def events(self, sound: np.ndarray) -> list[Segment]:
        """(S,) float32 mono at 16 kHz -> "sound" segments whose text is speech, singing or music."""


class Transcriber(Model, Protocol):
    def languages(self) -> tuple[str, ...]:
        """The language codes it knows."""

    def language(self, sound: np.ndarray) -> tuple[str, float]:
        """(S,) float32 mono at 16 kHz -> the language spoken and its probability."""

    def segments(
        self, sound: np.ndarray, *, language: str | None = None, translate: bool = False, prompt: str = ""
    ) -> Iterator[Segment]:
        """The "speech" segments of (S,) float32 mono at 16 kHz, as they are found, times from its start.

        ``prompt`` is what was said just before. Segments that look invented carry flags.
        """


class ChatModel(Model, Protocol):
    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta | Progress]:
        """The answer, piece by piece; closing the iterator stops the runtime.

        Progress comes while the prompt is read. Raises InputError when it is longer than the context.
        """


def fetch(spec: ModelSpec, cache_dir: Path, report: Report = ignore) -> Path:
    """``weights.fetch``; a repository that its backend could not run is refused before its weights come."""
    return weights.fetch(spec, cache_dir, report, look=lambda folder: _check(spec, folder))


def open_model(spec: ModelSpec, folder: Path, plan: Plan) -> Model:
    """Load ``spec`` from ``folder``. Raises ModelError in a sentence when the runtime cannot."""
    with _told_in_a_sentence(spec):
        return _module(spec).open(spec, folder, plan)


def _check(spec: ModelSpec, folder: Path) -> None:
    try:
        check = getattr(_module(spec), "check", None)
    except ImportError:  # told when it is loaded: files may be fetched for another machine
        return
    with _told_in_a_sentence(spec):
        if check:
            check(spec, folder)


def _module(spec: ModelSpec) -> ModuleType:
    return import_module(f".{spec.backend}", __package__)


@contextmanager
def _told_in_a_sentence(spec: ModelSpec) -> Iterator[None]:
    try:
        yield
    except StudioError:
        raise
    except Exception as error:
        raise ModelError("load_failed", name=spec.title, reason=type(error).__name__) from error
