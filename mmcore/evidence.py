"""What the facts hold on the very thing that is asked: the lines that stand under a question.

A small language model finds “no dog” hard to conclude from “seen: cheetah”, so the engine concludes it: each
thing that a question names is looked up among what was recognised, each property among what is measured,
and the fact that the question is about is repeated. Nothing here knows any particular question: things are
the names of the 1,000 classes and their kinds, properties a table of words (``lexicon``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import describe
from .lexicon import Thing, asked_for, properties_in, things_in
from .types import Caption, Label, Perception
from .wording import article, class_name, percent, sound

UNMEASURED = {
    "colour": ("colours", "颜色"),
    "number": ("the number of things", "数量"),
    "people": ("people", "人物"),
    "person": ("who someone is", "人的身份"),
    "name": ("names", "名称"),
    "place": ("the place", "地点"),
    "time": ("the time", "时间"),
    "action": ("actions", "动作"),
    "feeling": ("feelings", "情绪"),
    "weather": ("the weather", "天气"),
    "size": ("sizes", "大小"),
}

_NUMBER = (
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand)\b|[一二三四五六七八九十百千两]"
)
_DAY = (
    r"\b(mon|tues|wednes|thurs|fri|satur|sun)day|\b(to|yester)day|tomorrow|morning|noon|night|星期|周|月|今天|明天|昨天"
)
_PERSON = (
    r"\b(by|name|called|i am|i'm|this is|mr|mrs|ms|dr|©|copyright|photo|directed)\b|©|叫|我是|先生|女士|导演|作者|摄"
)
_PLACE = r"\b(in|at|from|to|near) [A-Z]|street|road|city|station|avenue|国|市|省|县|路|街|站|区"
#: What words must look like to be worth reading for a property that a text or a voice may tell.
TELLING = {
    "number": re.compile(_NUMBER, re.IGNORECASE),
    "time": re.compile(f"{_NUMBER}|{_DAY}", re.IGNORECASE),
    "person": re.compile(_PERSON, re.IGNORECASE),
    "name": re.compile(r"\w"),
    "place": re.compile(_PLACE),
}

SENTENCES = {
    "seen_sure": ("Yes, {a_thing} was recognised ({sure}).", "有，识别到{thing}（{sure}）。"),
    "seen_named": ("Yes, {a_thing} was recognised ({sure}): {a_name}.", "有，识别到{thing}（{sure}）：{name}。"),
    "which_sure": (
        "It is probably {a_thing} ({sure}); which one is not sure.",
        "很可能是{thing}（{sure}），具体哪一种不确定。",
    ),
    "which_named": ("It is probably {a_name} ({sure}).", "很可能是{name}（{sure}）。"),
    "perhaps": ("Perhaps, but not sure: {thing} {sure}.", "也许有{thing}，但不确定（{sure}）。"),
    "not_seen": ("No, no {thing} was recognised.", "没有，没有识别到{thing}。"),
    "no_text": ("No, no text was found.", "没有，没有读到文字。"),
    "no_speech": ("No, nobody speaks.", "没有，没有人说话。"),
    "heard": ("Yes, {kind} was heard.", "有，听到{kind}。"),
    "not_heard": ("No, no {kind} was heard.", "没有，没有听到{kind}。"),
    "unmeasured": ("I cannot tell: not measured ({what}).", "无法得知：没有测量{what}。"),
    "nothing": ("I cannot tell: the facts do not say.", "无法得知：事实中没有提到。"),
}


@dataclass(frozen=True)
class Line:
    """One thing that is known: ``concluded`` when it is itself the answer, else a fact to read it from."""

    text: str
    concluded: bool = False


def _concluded(code: str, words: str, **values: str) -> Line:
    return Line(SENTENCES[code][words == "zh"].format(**values), True)


def lines(question: str, seen: Sequence[Perception], words: str) -> tuple[Line, ...]:
    """What is known on what ``question`` asks, of all files so far."""
    asked, things = properties_in(question), asked_for(question, things_in(question))
    found: list[Line] = []
    for number, perception in enumerate(seen, 1):
        head = "" if len(seen) == 1 else (f"文件 {number}：" if words == "zh" else f"File {number}: ")
        found += [Line(head + line.text, line.concluded) for line in _of_file(perception, asked, things, words)]
    return tuple(dict.fromkeys(found)) or _rest(asked, seen, words)


def _rest(asked: Sequence[str], seen: Sequence[Perception], words: str) -> tuple[Line, ...]:
    """For a question about a file that names nothing we know: the words in the files, if there are any."""
    if "file" not in asked:
        return ()
    held = tuple(Line(text) for perception in seen for text in _words(perception, words))
    return held or (_concluded("nothing", words),)


def _of_file(perception: Perception, asked: Sequence[str], things: Sequence[Thing], words: str) -> Iterator[Line]:
    unmeasured = [name for name in asked if name in UNMEASURED and not _may_tell(name, perception)]
    told = _told(perception, asked, words)
    if any(name in TELLING and name not in unmeasured for name in asked):
        told += [Line(text) for text in _words(perception, words)]
    if "people" in unmeasured and any(line for line in told):
        unmeasured.remove("people")  # “does anyone speak” is not about who is seen
    if not unmeasured:
        yield from told
    if perception.kind != "audio":
        yield from (line for t in things if (line := _thing(t, perception, bool(told), bool(unmeasured), words)))
    if unmeasured:
        yield _unmeasured(unmeasured, words)


def _may_tell(name: str, perception: Perception) -> bool:
    """Whether the text or the speech of a file looks as if it held the property."""
    pattern = TELLING.get(name)
    texts = () if name == "name" and perception.caption else describe.texts_of(perception)
    heard = describe.believed_speech(perception.caption) if perception.caption and name != "name" else ()
    return bool(pattern) and any(pattern.search(text) for text in (*texts, *(segment.text for segment in heard)))


def _told(perception: Perception, asked: Sequence[str], words: str) -> list[Line]:
    """The facts that hold what is asked: text, speech, sounds, length, language, what is seen."""
    told = [line for name in asked if name in _FACTS for line in _FACTS[name](perception, words)]
    if {"text", "speech"} <= set(asked):  # “say” may mean either: what there is
        told = [line for line in told if not line.concluded] or told
    return told


def _text(perception: Perception, words: str) -> list[Line]:
    if perception.kind == "audio":
        return []
    if not describe.texts_of(perception):
        return [_concluded("no_text", words)]
    return [Line(describe.text_fact(perception, words))]


def _speech(perception: Perception, words: str) -> list[Line]:
    if perception.kind == "image":
        return []
    if not describe.believed_speech(perception.caption):
        return [_concluded("no_speech", words)]
    return [Line(text) for text in describe.speech_facts(perception.caption, words)[-1:]]


def _heard(kind: str) -> Callable[[Perception, str], list[Line]]:
    """A yes or a no to one kind of sound."""

    def of(perception: Perception, words: str) -> list[Line]:
        if perception.caption is None:
            return []
        name, heard = sound(kind, words), kind in describe.sounds_heard(perception.caption)
        return [_concluded("heard" if heard else "not_heard", words, kind=name)]

    return of


def _of_caption(fact: Callable[[Caption, str], str]) -> Callable[[Perception, str], list[Line]]:
    return lambda perception, words: [Line(fact(perception.caption, words))] if perception.caption else []


def _words(perception: Perception, words: str) -> list[str]:
    """The text and the speech, as far as there is any."""
    held = (*_text(perception, words), *_speech(perception, words))
    return [line.text for line in held if not line.concluded]


_FACTS: dict[str, Callable[[Perception, str], list[Line]]] = {
    "text": _text,
    "speech": _speech,
    "music": _heard("music"),
    "singing": _heard("singing"),
    "sound": _of_caption(describe.sound_fact),
    "duration": _of_caption(describe.length_fact),
    "language": _of_caption(lambda caption, words: describe.speech_facts(caption, words)[0]),
    "seen": lambda perception, words: [Line(text) for text in describe.facts(perception, words)],
}


def _unmeasured(names: Sequence[str], words: str) -> Line:
    what = [UNMEASURED[name][words == "zh"] for name in names]
    return _concluded("unmeasured", words, what=("、" if words == "zh" else ", ").join(what))


def _thing(thing: Thing, perception: Perception, told: bool, unmeasured: bool, words: str) -> Line | None:
    """Whether the thing was recognised. A thing not found counts for nothing when the words of a file were asked
    for, a thing found counts for nothing when something about it is asked that was not measured."""
    probability, best = _probability(thing, perception)
    if probability >= describe.SURE:
        return None if unmeasured else _found(thing, probability, best, words)
    if thing.key == "person":
        return None if unmeasured else _unmeasured(("people",), words)
    if probability >= describe.WEAK:
        return _concluded("perhaps", words, thing=thing.name, sure=percent(probability, words))
    return None if told else _concluded("not_seen", words, thing=thing.name)


def _found(thing: Thing, probability: float, best: Label, words: str) -> Line:
    name = class_name(best, words) if best.probability >= describe.SURE else ""
    name = "" if name == thing.name else name
    code = ("which_" if thing.which else "seen_") + ("named" if name else "sure")
    values = {"thing": thing.name, "a_thing": article(thing.name), "name": name, "a_name": name and article(name)}
    return _concluded(code, words, sure=percent(probability, words), **values)


def _probability(thing: Thing, perception: Perception) -> tuple[float, Label | None]:
    """How sure the thing is, in the surest picture, and the class that makes it so."""
    found = (_in_picture(thing, labels) for labels in describe.pictures(perception))
    return max(found, key=lambda pair: pair[0], default=(0.0, None))


def _in_picture(thing: Thing, labels: Sequence[Label]) -> tuple[float, Label | None]:
    members = [label for label in labels if thing.holds(label.index)]
    return sum(label.probability for label in members), (members or [None])[0]
