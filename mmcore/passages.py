"""Which of the words read or heard in a file bear on a question: the rows of text and the lines of speech."""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import describe
from .lexicon import content_words
from .types import Perception

_NUMBER = (
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand)\b|[一二三四五六七八九十百千两]"
)
_TIME = (
    r"\b(mon|tues|wednes|thurs|fri|satur|sun)day|\b(to|yester)day|tomorrow|morning|noon|night|week|\d\s?[ap]\.?m\b"
    r"|\d[:：]\d\d|\b(19|20)\d\d\b|\d[-/.]\d+[-/.]\d|january|february|march|april|june|july|august|september|october"
    r"|november|december|星期|[上下本每]?周[一二三四五六日末]|月|[今明昨]天|点|时|年|日"
)
_PERSON = (
    r"\b(by|name|called|i am|i'm|this is|mr|mrs|ms|dr|copyright|photo|directed)\b|©|叫|我是|先生|女士|导演|作者|摄"
)
_PLACE = r"\b(in|at|from|to|near) [A-Z]|street|road|city|station|avenue|[国市省县路街站区]"
#: What words must look like to be worth reading for a property that a text or a voice may tell.
TELLING = {
    "number": re.compile(_NUMBER, re.IGNORECASE),
    "time": re.compile(_TIME, re.IGNORECASE),
    "person": re.compile(_PERSON, re.IGNORECASE),
    "name": re.compile(r"\w"),
    "place": re.compile(_PLACE),
}
MOST = 4  # passages told


def texts(perception: Perception) -> tuple[str, ...]:
    """The rows of text in a picture or a video."""
    return describe.texts_of(perception)


def speech(perception: Perception) -> tuple[str, ...]:
    """The lines said in a clip."""
    caption = perception.caption
    return tuple(segment.text.strip() for segment in describe.believed_speech(caption)) if caption else ()


def may_tell(name: str, perception: Perception) -> bool:
    """Whether the text or the speech of a file looks as if it held a property."""
    if name not in TELLING:
        return False
    heard = () if name == "name" else speech(perception)  # a shop sign is a name, a sentence is not
    return any(TELLING[name].search(text) for text in (*texts(perception), *heard))


def on(question: str, asked: Sequence[str], passages: Sequence[str]) -> tuple[str, ...]:
    """The passages that share the most words with the question, and those that look like the property it asks for:
    a time, a number. Empty when there are none."""
    wanted = content_words(question)
    shared = [len(wanted & content_words(passage)) for passage in passages]
    best = max(shared, default=0) or 1
    patterns = [TELLING[name] for name in asked if name in ("time", "number", "person")]
    found = zip(passages, shared, strict=True)
    return tuple(p for p, count in found if count >= best or any(pattern.search(p) for pattern in patterns))[:MOST]
