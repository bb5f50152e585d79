"""Labels of a person's own among the 1,000 classes, by a sentence encoder; kept, so that asking again is free."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .. import fusion, imagenet
from ..types import ModelSpec, Progress, Report
from .kit import Kit
from .steps import background

T = TypeVar("T")
BATCH = 64  # texts between two reports
SPREAD = 0.28  # temperature of an encoder without one, in standard deviations of its scores (fits both we know)
PIECE_CHARS = 400  # of a text that came with an image: about what an encoder reads at once
PIECES = 16  # of a longer text, spread evenly over it
KEPT = 8  # label sets (6 MB for 1,000 labels), and as many texts


@dataclass(frozen=True, eq=False)
class LabelSpace:
    """L labels as one encoder sees them."""

    vectors: np.ndarray  # (L, D) float32 of length 1
    base: np.ndarray  # (L,) what is subtracted from a cosine to the label
    given_class: np.ndarray  # (1000, L) probability of the label for each class
    classes: np.ndarray  # (1000, D) the classes as the same encoder sees them
    encoding: imagenet.Encoding
    text_temperature: float

    def fits(self, class_probabilities: np.ndarray, label: int) -> bool:
        """Whether a label has anything to do with what was recognised, (1000,)."""
        likeness = class_probabilities @ (self.classes @ self.vectors[label]) - self.base[label]
        return self.encoding.fit is None or bool(likeness >= self.encoding.fit)


class Kept:
    """The few results that were used last, by keys that hold no model."""

    def __init__(self, size: int):
        self._size, self._results, self._lock = size, OrderedDict(), threading.Lock()

    def get(self, key: Hashable):
        """The result, or None."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def put(self, key: Hashable, result) -> None:
        with self._lock:
            self._results[key] = result
            self._results.move_to_end(key)
            while len(self._results) > self._size:
                self._results.popitem(last=False)


_spaces, _texts, _tables = Kept(KEPT), Kept(KEPT), Kept(4)


def encoder_for(kit: Kit, texts: Sequence[str]) -> ModelSpec:
    """The default encoder for English letters; for others the first that knows more than English."""
    rows = kit.choices("sentences")
    if all(imagenet.is_ascii(text) for text in texts):
        return rows[0]
    return next((row for row in rows if set(row.languages) != {"en"}), rows[0])


def label_space(kit: Kit, spec: ModelSpec, labels: tuple[str, ...]) -> Generator[Progress, None, LabelSpace]:
    """``labels`` among the classes. A set seen before costs nothing, and no thread is started for it."""
    key = _key(spec), labels
    return (yield from _remembered(_spaces, key, lambda report: _placed(kit, spec, labels, report)))


def closed_space(kit: Kit, spec: ModelSpec) -> Generator[Progress, None, LabelSpace]:
    """The classes themselves as labels, for a text to be compared with."""
    key = _key(spec), "classes"
    return (yield from _remembered(_spaces, key, lambda report: _closed(kit, spec, report)))


def text_probabilities(
    kit: Kit, spec: ModelSpec, text: str, space: LabelSpace
) -> Generator[Progress, None, np.ndarray]:
    """Which label a text speaks of: (L,), summing to 1. A long text is the mean of pieces of it."""
    key = _key(spec), text
    vector = yield from _remembered(_texts, key, lambda report: _text_vector(kit, spec, text, report))
    return fusion.softmax((space.vectors @ vector - space.base) / space.text_temperature)


def _key(spec: ModelSpec) -> Hashable:
    return spec.name, spec.backend, tuple(file.sha256 for file in spec.files)


def _remembered(kept: Kept, key: Hashable, work: Callable[[Report], T]) -> Generator[Progress, None, T]:
    result = kept.get(key)
    if result is None:
        result = yield from background(work)
        kept.put(key, result)
    return result


# -- in the background: these load the encoder


def _placed(kit: Kit, spec: ModelSpec, labels: tuple[str, ...], report: Report) -> LabelSpace:
    template = _template(labels)
    vectors = _embedded(kit, spec, [template.format(label) for label in labels], report)
    return _space(spec, _table(kit, spec, report), vectors)


def _template(labels: Sequence[str]) -> str:
    """One template for all, so that their likenesses compare: neutral when the labels differ in language."""
    languages = {imagenet.label_language(label) for label in labels if any(map(str.isalpha, label))}
    if languages == {"en", "zh"}:
        languages = {"zh"}  # "T恤, iPod, 杯子"
    return imagenet.TEMPLATES[languages.pop() if len(languages) == 1 else ""]


def _closed(kit: Kit, spec: ModelSpec, report: Report) -> LabelSpace:
    table = _table(kit, spec, report)
    return _space(spec, table, table)


def _space(spec: ModelSpec, table: np.ndarray, vectors: np.ndarray) -> LabelSpace:
    encoding = imagenet.encoding(spec.name)
    base = fusion.hubness(table, vectors, encoding.centring)
    temperature = encoding.temperature or SPREAD * float((table @ vectors.T - base).std()) or 1.0
    given_class = fusion.label_scores(table, vectors, temperature, base)
    text_temperature = encoding.text_temperature or 2 * temperature
    return LabelSpace(vectors, base, given_class, table, encoding, text_temperature)


def _table(kit: Kit, spec: ModelSpec, report: Report) -> np.ndarray:
    """The classes as this encoder sees them: shipped, or made now and kept."""
    table = imagenet.table(spec.name)
    table = _tables.get(_key(spec)) if table is None else table
    if table is None:
        with kit.store.use(spec, report) as encoder:
            told = lambda done, total: report(Progress("think", done, total, subject=spec.title))  # noqa: E731
            table = imagenet.embedded(encoder, spec.name, told)
        _tables.put(_key(spec), table)
    return table


def _text_vector(kit: Kit, spec: ModelSpec, text: str, report: Report) -> np.ndarray:
    starts = range(0, len(text), PIECE_CHARS)
    chosen = sorted({round(n) for n in np.linspace(0, len(starts) - 1, PIECES)})
    pieces = [text[starts[n] : starts[n] + PIECE_CHARS] for n in chosen]
    return imagenet.unit(_embedded(kit, spec, pieces, report).mean(axis=0))


def _embedded(kit: Kit, spec: ModelSpec, texts: Sequence[str], report: Report) -> np.ndarray:
    rows = []
    with kit.store.use(spec, report) as encoder:
        for start in range(0, len(texts), BATCH):
            report(Progress("think", start, len(texts), subject=spec.title))
            rows.append(encoder.embed(texts[start : start + BATCH], query=True))
    return np.concatenate(rows)
