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
    r"\b(?:what|which)\s+(?:other\s+)?(?:an?\s+)?{0}"
    r"|\b(?:what|which)\s+(?:kind|sort|type|breed|species)s?\b.{{0,20}}\b{0}"
    r"|(?:什么样的|什么品种的|什么种类的|什么|哪种|哪一种|哪类|哪个|哪只){0}|{0}(?:是|属于)?(?:什么|哪个|哪种)(?:品种|种类)"
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


#: Words too common to bear on anything.
_COMMON = (
    "a about all also am an and any are as at be been by can could did do does for from get had has have he "
    "her here him his how i if in into is it its just like make many me much my no not of on one or our out "
    "say says said see she so some tell than that the their them then there these they this those to too up "
    "us was we were what when where which who whose why will with would you your text sign picture image "
    "photo video recording file"
)
COMMON = frozenset(_COMMON.split())
_LATIN_WORD = re.compile(r"[a-z0-9][a-z0-9'.]*[a-z0-9]|[a-z0-9]")
_CJK_RUN = re.compile(r"[\u3400-\u9fff]+")


def content_words(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning; Chinese as pairs of characters."""
    words = {
        re.sub(r"(?<=...)(?:ing|ed|es|s|e)$", "", w) for w in _LATIN_WORD.findall(text.casefold()) if w not in COMMON
    }
    pairs = {run[n : n + 2] for run in _CJK_RUN.findall(text) for n in range(len(run) - 1)}
    return frozenset(words | pairs)


_ORDINALS = ("first|1st|第一|第1", "second|2nd|第二|第2", "third|3rd|第三|第3", "fourth|4th|第四|第4")
_NUMBERED = re.compile(r"(?:file|image|picture|photo|video|clip|recording|文件|图片|图|视频|录音|音频)\s*(\d)")
_ALL = re.compile(
    r"\b(both|all|each|every|compare|difference|files|images|pictures)\b|两|都|所有|全部|每|比较|区别|分别"
)


def files_in(question: str, count: int, new: int) -> tuple[int, ...]:
    """Which of ``count`` files, by place from 0, a question is about: those it numbers, all, or else the latest.

    ``new`` is how many came last.
    """
    folded = question.casefold()
    named = {n for n, words in enumerate(_ORDINALS) if re.search(words, folded)}
    named |= {int(digit) - 1 for digit in _NUMBERED.findall(folded)}
    if chosen := tuple(sorted(n for n in named if 0 <= n < count)):
        return chosen
    return tuple(range(count)) if _ALL.search(folded) else tuple(range(count - new, count))
