"""What kind of thing an ImageNet class is: cheetah -> wild cat -> mammal -> animal.

The probabilities of classes add up along this tree, so that a dog is surely a dog although its breed is
not sure. ``data/kinds.tsv`` holds the tree: our own grouping of the 1,000 classes, after WordNet's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .types import Label


@dataclass(frozen=True)
class Kind:
    """``en`` and ``zh`` are what it is called, the usual name first; ``parent`` is the wider kind or ""."""

    key: str
    parent: str
    en: tuple[str, ...]
    zh: tuple[str, ...]
    classes: tuple[int, ...]

    def names(self, words: str) -> tuple[str, ...]:
        return self.zh if words == "zh" else self.en


@cache
def all_kinds() -> dict[str, Kind]:
    """Every kind by its key; a parent comes before its children."""
    lines = files(__package__).joinpath("data/kinds.tsv").read_text(encoding="utf-8").splitlines()[1:]
    kinds = (_kind(*line.split("\t")) for line in lines)
    return {kind.key: kind for kind in kinds}


def _kind(key: str, parent: str, en: str, zh: str, classes: str) -> Kind:
    spans = (span.partition("-") for span in classes.split())
    numbers = tuple(n for low, _, high in spans for n in range(int(low), int(high or low) + 1))
    return Kind(key, parent, tuple(en.split(",")), tuple(zh.split(",")), numbers)


@cache
def _nearest() -> dict[int, str]:
    return {index: kind.key for kind in all_kinds().values() for index in kind.classes}


def of_class(index: int | None) -> tuple[Kind, ...]:
    """The kinds of a class, nearest first; empty when it has none."""
    key, chain = _nearest().get(index, ""), []
    while key:
        chain.append(all_kinds()[key])
        key = chain[-1].parent
    return tuple(chain)


def probabilities(recognised: Sequence[Label]) -> dict[str, float]:
    """How sure each kind is, by its key: the sum over its classes."""
    sums: dict[str, float] = {}
    for label in recognised:
        for kind in of_class(label.index):
            sums[kind.key] = sums.get(kind.key, 0.0) + label.probability
    return sums
