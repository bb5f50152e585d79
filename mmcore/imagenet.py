"""The 1,000 ImageNet classes: what they are called, what they mean, and where they lie among sentences.

A table holds the embedding of every class by one sentence encoder, made once by
``python -m mmcore.backends.imagenet_tables``, so that new labels cost only their own embedding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np

from . import kinds
from .types import Label

DATA = files(__package__).joinpath("data")
SYNONYM_SEPARATOR = ", "
MADE_FROM = "imagenet_tables.sha256"
BATCH = 200  # texts between two reports

#: Hears how many of how many texts are done.
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class ImageNetClass:
    """One class; ``name`` is its first English name and differs from that of every other class."""

    index: int
    name: str
    synonyms: tuple[str, ...]
    definition: str
    chinese: str


@cache
def classes() -> tuple[ImageNetClass, ...]:
    """All 1,000, by index."""
    lines = DATA.joinpath("imagenet.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return tuple(_class(*line.split("\t")) for line in lines)


def _class(index: str, name: str, synonyms: str, definition: str, chinese: str) -> ImageNetClass:
    return ImageNetClass(int(index), name, tuple(synonyms.split(SYNONYM_SEPARATOR)), definition, chinese)


def name(index: int, words: str) -> str:
    """What a class is called in "en" or "zh": 293 -> "cheetah", "猎豹"."""
    row = classes()[index]
    return row.chinese if words == "zh" else row.name


def likeliest(probabilities: np.ndarray, most: int | None = None) -> tuple[Label, ...]:
    """(1000,) -> the classes by their probability, best first."""
    best = np.argsort(-probabilities, kind="stable")[:most].tolist()
    return tuple(Label(name(index, "en"), float(probabilities[index]), index) for index in best)


# -- classes and labels as sentences


@dataclass(frozen=True)
class Encoding:
    """How classes and labels are put to one sentence encoder.

    ``parts`` weighs what is told of a class, see ``class_texts``. ``centring`` is the share of its mean
    likeness to all classes that a label loses, since some labels are near everything. The temperatures
    make the probabilities about as large as the share of right answers; None: from the spread of the scores.
    Below a likeness of ``fit`` a label has nothing to do with what was recognised; None: not known.
    """

    parts: tuple[tuple[str, float], ...]
    centring: float
    temperature: float | None = None
    text_temperature: float | None = None
    fit: float | None = None
    table: str = ""


ENGLISH = (("definition", 1.0), ("synonyms", 1.0), ("kinds", 2.0))
CHINESE = (("definition", 1.0), ("chinese", 2.0), ("chinese kind", 2.0), ("name and kind", 1.0))
ENCODINGS = {
    "minilm-l6": Encoding(ENGLISH, 0.5, 0.03, 0.05, 0.12, "imagenet_minilm.npy"),
    "e5-small-q4": Encoding(CHINESE, 0.75, 0.004, 0.009, 0.22, "imagenet_e5.npy"),
}
OTHER = Encoding(ENGLISH, 0.5)  # any other encoder: embedded when it is first used

#: A label as the sentence that is embedded, by its language; "" is any other.
#: For a joint image-text space, by the letters of the labels: several, whose scores are averaged.
JOINT_TEMPLATES = {
    "en": ("a photo of a {label}.", "a picture of the {label}.", "{label}"),
    "other": ("{label}",),
}
TEMPLATES = {"en": "a photo of a {}", "zh": "一张{}的照片", "": "{}"}


def encoding(encoder: str) -> Encoding:
    """How to put sentences to the encoder of that name."""
    return ENCODINGS.get(encoder, OTHER)


def class_texts(part: str) -> tuple[str, ...]:
    """One text for each of the 1,000 classes."""
    return tuple(_text(row, part) for row in classes())


def _text(row: ImageNetClass, part: str) -> str:
    chain = kinds.of_class(row.index)  # nearest first
    if part == "definition":
        return row.definition
    if part == "synonyms":
        return SYNONYM_SEPARATOR.join(row.synonyms)
    if part == "chinese":
        return row.chinese
    if part == "kinds":
        return ", ".join(word for kind in chain for word in kind.en) or row.name
    if part == "chinese kind":
        return "，".join(kind.zh[0] for kind in chain) or row.chinese
    if part == "name and kind":
        return ", ".join([row.name, *(kind.en[0] for kind in chain)])
    raise ValueError(part)


@cache
def table(encoder: str) -> np.ndarray | None:
    """The classes as embedded by ``encoder``: (1000, D) float32 of length 1; None when none was made."""
    file = encoding(encoder).table
    if not file:
        return None
    with as_file(DATA.joinpath(file)) as path:
        return unit(np.load(path, allow_pickle=False).astype(np.float32))


def embedded(encoder, name: str, told: Told = lambda done, total: None) -> np.ndarray:
    """The classes as ``encoder`` (an ``Embedder``) sees them: (1000, D) float32 of length 1.

    Each part of what is told of a class is embedded on its own; their weighted mean is the class. ``told``
    hears how many texts are done, and may raise to stop.
    """
    parts = encoding(name).parts
    total, done, mean = len(classes()) * len(parts), 0, 0.0
    for part, weight in parts:
        texts, rows = class_texts(part), []
        for start in range(0, len(texts), BATCH):
            rows.append(encoder.embed(texts[start : start + BATCH]))
            done += len(rows[-1])
            told(done, total)
        mean = mean + weight * np.concatenate(rows)
    return unit(mean)


def fingerprint() -> str:
    """SHA-256 of all that is told of the classes: a table made from other texts is out of date."""
    parts = [encoding.parts for encoding in ENCODINGS.values()]
    texts = [class_texts(part) for weighed in parts for part, _ in weighed]
    return hashlib.sha256(repr((parts, texts)).encode()).hexdigest()


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., D) -> the same directions at length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(1e-12)


def is_ascii(text: str) -> bool:
    """Whether all letters are those of English; punctuation of any kind may be there."""
    return all(character.isascii() for character in text if character.isalpha())


def label_language(text: str) -> str:
    """The language whose template suits: "en" for English letters, "zh" for Chinese ones without kana, else ""."""
    if is_ascii(text):
        return "en"
    has_han = any("\u4e00" <= c <= "\u9fff" for c in text)
    has_kana = any("\u3040" <= c <= "\u30ff" for c in text)
    return "zh" if has_han and not has_kana else ""
