"""Which things and which properties a question names, in English and Chinese. Words only: no facts, no models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from . import imagenet, kinds

#: Names of things that more often mean something else.
AMBIGUOUS = {
    "object",
    "thing",
    "item",
    "light",
    "watch",
    "seat",
    "cap",
    "ear",
    "hip",
    "rule",
    "file",
    "sign",
    "screen",
    "rock",
    "pick",
    "nail",
    "stage",
    "slot",
    "can",
    "page",
    "shot",
    "spot",
    "bar",
    "set",
    "scene",
    "site",
    "table",
    "recorder",
    "tape",
    "record",
    "reel",
    "organ",
    "mouth",
    "物品",
    "东西",
    "标志牌",
    "屏幕",
    "印刷品",
    "自然风景",
}
#: What stands before a thing that is asked for: “which animal”, “什么动物”.
WHICH = (
    r"\b(?:what|which)\s+(?:other\s+)?(?:(?:kind|sort|type|breed|species)s?\s+of\s+)?(?:an?\s+)?{0}"
    r"|(?:什么样的|什么品种的|什么种类的|什么|哪种|哪一种|哪类|哪个|哪只){0}"
)


@dataclass(frozen=True)
class Thing:
    """A thing named in a question, and which of the 1,000 classes it may be; ``key`` is set for a kind."""

    name: str
    key: str = ""
    which: bool = False  # asked as “which animal”
    indices: frozenset[int] = frozenset()

    def holds(self, index: int | None) -> bool:
        """Whether a class is this thing."""
        return index in self.indices or (bool(self.key) and any(kind.key == self.key for kind in kinds.of_class(index)))


@cache
def _things() -> dict[str, Thing]:
    """Every name of a class, of the classes that share a last word (terrier, piano), and of a kind."""
    indices: dict[str, set[int]] = {}
    for row in imagenet.classes():
        heads = (name.split()[-1] for name in row.synonyms[:1] if " " in name)
        for name in {name.casefold() for name in (row.name, row.chinese, *row.synonyms, *heads)}:
            indices.setdefault(name, set()).add(row.index)
    found = {name: Thing(name, indices=frozenset(numbers)) for name, numbers in indices.items()}
    for kind in kinds.all_kinds().values():
        found |= {name: Thing(name, kind.key) for name in (*kind.en, *kind.zh)}
    return {name: thing for name, thing in found.items() if name not in AMBIGUOUS and len(name.encode()) > 2}


def _any(terms: Sequence[str]) -> re.Pattern:
    """Any of the terms, the longest first; Latin ones as whole words, singular or plural."""
    ordered = sorted(terms, key=len, reverse=True)
    latin = "|".join(re.escape(term) for term in ordered if term.isascii())
    other = "|".join(re.escape(term) for term in ordered if not term.isascii())
    return re.compile(rf"\b({latin})(?:s|es)?\b|({other})", re.IGNORECASE)


_pattern = cache(lambda: _any(tuple(_things())))


def things_in(question: str) -> tuple[Thing, ...]:
    """The things that the question names, each once, in its order."""
    names = (match[1] or match[2] for match in _pattern().finditer(question))
    return tuple(dict.fromkeys(_things()[name.casefold()] for name in names))


def asked_for(question: str, things: Sequence[Thing]) -> tuple[Thing, ...]:
    """The things whose presence the question is about: “is there a dog”, “which animal”; not “what do dogs eat”."""
    marked = tuple(replace(t, which=_wanted(t, question)) for t in things)
    present = "thing" in (asked := properties_in(question)) or not VISIBLE.isdisjoint(asked)
    return tuple(t for t in marked if present or t.which)


def _wanted(thing: Thing, question: str) -> bool:
    return bool(re.search(WHICH.format(re.escape(thing.name)), question, re.IGNORECASE))


VISIBLE = {"colour", "number", "action", "people"}


@cache
def _properties() -> dict[str, re.Pattern]:
    """The words that ask for a property, from ``data/properties.tsv``."""
    lines = files(__package__).joinpath("data/properties.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {name: _any((*en.split(","), *zh.split(","))) for name, en, zh in rows}


def properties_in(question: str) -> tuple[str, ...]:
    """The properties that the question asks for, in the order of the table."""
    return tuple(name for name, pattern in _properties().items() if pattern.search(question))
