"""What an image is, among labels that were never trained on: decode, look, compare, and read its text."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import fusion, imagenet
from ..errors import InputError
from ..features.image import imagenet_input
from ..media import image as pictures
from ..settings import Limits
from ..types import Classification, Label, ModelSpec, Progress, Stage
from .kit import Kit
from .labels import LabelSpace, closed_space, encoder_for, label_space, text_probabilities
from .reading import read
from .steps import background, loaded

if TYPE_CHECKING:
    from PIL.Image import Image

CLASSES, JOINT = "image-classes", "image-text"
FITS = 0.02  # probability below which a sigmoid says that no label fits; SigLIP's are small (Zhai 2023)
LOOK_SIDE = 1024  # pixels; the classifier sees the central square, 256 pixels high
RECOGNISED = 5  # classes told as evidence
LIKELY, LEAD = 0.5, 0.15  # below these an answer is flagged "unsure"
CLOSED_TOP = 10  # classes of the closed set, when ``top`` does not say


def stream(
    kit: Kit,
    image: str | Path,
    labels: Sequence[str] = (),
    *,
    text: str = "",
    text_weight: float = 0.5,
    model: str | None = None,
    precision: str = "",
    top: int | None = None,
    read_text: bool = True,
) -> Iterator[Progress | Classification]:
    """See ``Studio.stream_classify``. Without labels the ten best classes come, or ``top``."""
    question = _question(kit.settings.limits, labels, text, text_weight, top)
    spec = _model(kit, model, question)
    clock = _Clock()
    with clock.stage("decode"):
        picture = pictures.load(image, kit.settings.limits, LOOK_SIDE)
    yield from _loaded(kit, spec, clock, precision)
    yield Progress("look", subject=Path(image).name)
    with clock.stage("look", spec), kit.store.use(spec, precision=precision) as eyes:
        if spec.task == JOINT:
            logits = label_logits(eyes, picture, question.labels)  # (L,)
        else:
            classes = eyes.probabilities(imagenet_input([picture]))[0]  # (1000,)
    if spec.task == JOINT:
        result = yield from _joined(kit, question, logits, eyes.activation, clock)
    else:
        result = yield from _compared(kit, question, classes, clock)
    result = replace(result, file=Path(image).name, model=spec.name, **clock.told())
    yield result
    if read_text:
        with clock.stage("read", kit.spec("reading")):
            boxes = yield from background(lambda report: read(kit, Path(image), report))
        yield replace(result, text_read=boxes, **clock.told())


# -- the question


@dataclass(frozen=True)
class _Question:
    labels: tuple[str, ...]  # empty: the 1,000 classes
    text: str
    text_weight: float
    top: int | None
    flags: tuple[str, ...]


def _question(limits: Limits, labels: Sequence[str], text: str, text_weight: float, top: int | None) -> _Question:
    """What was asked, cleaned. Raises InputError."""
    cleaned, has_duplicates = clean_labels(labels, limits)
    if len(text) > limits.text_chars:
        raise InputError("text_too_long", length=len(text), limit=limits.text_chars)
    if not (_is_number(text_weight) and 0 <= text_weight <= 1):
        raise InputError("bad_option", option="text_weight", allowed="between 0 and 1", value=text_weight)
    if top is not None and not (_is_number(top) and int(top) == top and top >= 1):
        raise InputError("bad_option", option="top", allowed="a whole number from 1", value=top)
    flags = ("duplicates_removed",) * has_duplicates + ("imagenet_set",) * (not cleaned)
    return _Question(cleaned, text.strip(), float(text_weight), None if top is None else int(top), flags)


def clean_labels(labels: Sequence[str], limits: Limits) -> tuple[tuple[str, ...], bool]:
    """The labels without blanks and repetitions (capitals do not count), and whether any was repeated.

    Raises InputError for a single label, for too many, and for one that is too long.
    """
    words = [" ".join(label.split()) for label in labels]
    words = [label for label in words if label]
    unique = {label.casefold(): label for label in reversed(words)}
    kept = tuple(label for label in dict.fromkeys(words) if unique[label.casefold()] == label)
    if len(kept) == 1:
        raise InputError("one_label")
    if len(kept) > limits.labels:
        raise InputError("too_many_labels", count=len(kept), limit=limits.labels)
    longest = max(map(len, kept), default=0)
    if longest > limits.label_chars:
        raise InputError("label_too_long", length=longest, limit=limits.label_chars)
    return kept, len(kept) < len(words)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# -- the steps


class _Clock:
    """Counts seconds by stage."""

    def __init__(self):
        self._started, self._stages = time.perf_counter(), []

    @contextmanager
    def stage(self, name: str, spec: ModelSpec | None = None):
        started = time.perf_counter()
        yield
        self._stages.append(Stage(name, time.perf_counter() - started, spec.name if spec else ""))

    def told(self) -> dict:
        return {"seconds": time.perf_counter() - self._started, "stages": tuple(self._stages)}


def _model(kit: Kit, name: str | None, question: _Question) -> ModelSpec:
    """The row named; else the first joint space that fits, for labels of one's own; else the classifier."""
    if name:
        joint = kit.row(name).task == JOINT
        return kit.spec(JOINT if joint and question.labels else CLASSES, name)
    return kit.spec(JOINT if question.labels and kit.choices(JOINT) else CLASSES)


def _loaded(kit: Kit, spec: ModelSpec, clock: _Clock, precision: str) -> Iterator[Progress]:
    if not kit.store.is_ready(spec, precision):
        with clock.stage("load", spec):
            yield from loaded(kit.store, spec, precision)


def label_logits(scorer, picture: Image, labels: Sequence[str]) -> np.ndarray:
    """The labels' (L,) logits for a picture by an ``ImageTextScorer``, averaged over the templates.

    An ensemble of prompts, as in Radford 2021 (arXiv:2103.00020), 3.1.4.
    """
    templates = imagenet.JOINT_TEMPLATES["en" if all(map(imagenet.is_ascii, labels)) else "other"]
    texts = [template.format(label=label) for template in templates for label in labels]
    return scorer.score([picture], texts).reshape(len(templates), len(labels)).mean(axis=0)


def _joined(
    kit: Kit, question: _Question, logits: np.ndarray, activation: str, clock: _Clock
) -> Generator[Progress, None, Classification]:
    """The logits of a joint space (L,) as an answer. A sigmoid says of each label alone whether it fits."""
    fits = activation != "sigmoid" or bool(1 / (1 + np.exp(-logits.max())) >= FITS)
    text_labels = None
    if question.text:
        text_labels = yield from _by_text(kit, question, None, None, clock)
    return _answer(question, None, fusion.softmax(logits), text_labels, fits=fits)


def _compared(
    kit: Kit, question: _Question, classes: np.ndarray, clock: _Clock
) -> Generator[Progress, None, Classification]:
    """The class probabilities (1000,) as an answer to the question."""
    image_labels, space, encoder = classes, None, None
    if question.labels:
        encoder = encoder_for(kit, question.labels)
        with clock.stage("think", encoder):
            space = yield from label_space(kit, encoder, question.labels)
            image_labels = fusion.through_classes(classes, space.given_class)
    if question.text:
        text_labels = yield from _by_text(kit, question, space, encoder, clock)
        return _answer(question, classes, image_labels, text_labels)
    fits = space is None or space.fits(classes, int(image_labels.argmax()))
    return _answer(question, classes, image_labels, None, fits=fits)


def _by_text(
    kit: Kit, question: _Question, space: LabelSpace | None, encoder: ModelSpec | None, clock: _Clock
) -> Generator[Progress, None, np.ndarray]:
    """What the accompanying text alone says: (L,). One encoder reads both it and the labels."""
    both = encoder_for(kit, (*question.labels, question.text))
    with clock.stage("think", both):
        if not question.labels:
            space = yield from closed_space(kit, both)
        elif both != encoder:
            space = yield from label_space(kit, both, question.labels)
        return (yield from text_probabilities(kit, both, question.text, space))


def _answer(
    question: _Question,
    classes: np.ndarray | None,
    image_labels: np.ndarray,
    text_labels: np.ndarray | None,
    *,
    fits: bool = True,
) -> Classification:
    has_text = text_labels is not None
    fused = fusion.late_fusion(image_labels, text_labels, question.text_weight) if has_text else image_labels
    top = question.top or (None if question.labels else CLOSED_TOP)
    flags = question.flags + ("unsure",) * (is_unsure(fused) or not fits)
    return Classification(
        file="",
        model="",
        seconds=0.0,
        labels=_ranked(fused, question.labels, top),
        recognised=() if classes is None else imagenet.likeliest(classes, RECOGNISED),
        image_labels=_ranked(image_labels, question.labels, top) if has_text else (),
        text_labels=_ranked(text_labels, question.labels, top) if has_text else (),
        text_weight=question.text_weight if has_text else 0.0,
        flags=flags,
    )


def _ranked(probabilities: np.ndarray, labels: tuple[str, ...], top: int | None) -> tuple[Label, ...]:
    """The best first; without ``labels`` they are the ImageNet classes."""
    if not labels:
        return imagenet.likeliest(probabilities, top)
    best = np.argsort(-probabilities, kind="stable")[:top].tolist()
    return tuple(Label(labels[n], float(probabilities[n])) for n in best)


def is_unsure(probabilities: np.ndarray) -> bool:
    """Whether a distribution (L,) is too flat to be believed: less than even odds, or a close second."""
    first, second = np.sort(probabilities)[::-1][:2]
    return bool(first < LIKELY or first - second < LEAD)
