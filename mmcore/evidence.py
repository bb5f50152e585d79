"""What the facts hold on the very thing that is asked: the lines that stand under a question.

A small language model finds “no dog” hard to conclude from “seen: cheetah”, so the engine concludes it: each
thing that a question names is looked up among what was recognised, each property among what is measured,
and the words in a file that bear on the question are repeated. Nothing here knows any particular question:
things are the names of the 1,000 classes and their kinds, properties a table of words (``lexicon``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from . import describe, imagenet, passages
from .lexicon import Thing, asked_for, files_in, properties_in, things_in
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
SENTENCES = {
    "seen_sure": ("Yes, {a_thing} was recognised ({sure}).", "有，识别到{thing}（{sure}）。"),
    "seen_named": ("Yes, {a_thing} was recognised ({sure}): {a_name}.", "有，识别到{thing}（{sure}）：{name}。"),
    "which_sure": (
        "It is probably {a_thing} ({sure}), not sure which.",
        "很可能是{thing}（{sure}），具体哪一种不确定。",
    ),
    "which_guess": (
        "It is probably {a_thing} ({sure}), perhaps {a_guess}.",
        "很可能是{thing}（{sure}），也许是{guess}。",
    ),
    "which_named": ("It is probably {a_name} ({sure}).", "很可能是{name}（{sure}）。"),
    "perhaps": ("Perhaps, but not sure: {thing} {sure}.", "也许有{thing}，但不确定（{sure}）。"),
    "not_seen": ("No, no {thing} was recognised.", "没有，没有识别到{thing}。"),
    "not_listed": ("No, nothing of the kind was recognised.", "没有，没有识别到。"),
    "no_text": ("No, no text was found.", "没有，没有读到文字。"),
    "no_speech": ("No, nobody speaks.", "没有，没有人说话。"),
    "heard": ("Yes, {kind} was heard.", "有，听到{kind}。"),
    "not_heard": ("No, no {kind} was heard.", "没有，没有听到{kind}。"),
    "other_sound": (
        "I cannot tell: of sounds only speech, singing and music are recognised.",
        "无法得知：声音只能识别说话声、歌声和音乐。",
    ),
    "text": ("It says: {text}", "写着：{text}"),
    "text_yes": ("Yes, it says: {text}", "有，写着：{text}"),
    "speech_yes": ("Yes, someone says: {text}", "有，有人说：{text}"),
    "speech": ("What is said: {text}", "说的是：{text}"),
    "text_fact": ("Text in the picture: {text}", "画面中的文字：{text}"),
    "speech_fact": ("What is said: {text}", "说的话：{text}"),
    "unmeasured": ("I cannot tell: not measured ({what}).", "无法得知：没有测量{what}。"),
    "nothing": ("I cannot tell: the facts do not say.", "无法得知：事实中没有提到。"),
}
HEAD = {"en": "File {n}: ", "zh": "文件 {n}："}


@dataclass(frozen=True)
class Line:
    """One thing that is known: ``concluded`` when it is itself the answer, else a fact to read it from."""

    text: str
    concluded: bool = False


@dataclass(frozen=True)
class _Asked:
    """A question, taken apart once; ``words`` is the language of the lines."""

    question: str
    words: str
    properties: tuple[str, ...]
    named: tuple[Thing, ...]
    things: tuple[Thing, ...]  # those of ``named`` whose presence it is about

    def conclude(self, code: str, **values: str) -> Line:
        return Line(SENTENCES[code][self.words == "zh"].format(**values), True)

    def fact(self, code: str, text: str) -> Line:
        return Line(SENTENCES[code][self.words == "zh"].format(text=text))


def lines(question: str, seen: Sequence[Perception], words: str, new: int = 0) -> tuple[Line, ...]:
    """What is known on what ``question`` asks, of the files it is about; the last ``new`` came with it."""
    named = things_in(question)
    asked = _Asked(question, words, properties_in(question), named, asked_for(question, named))
    chosen = files_in(question, len(seen), new or 1)
    found: list[Line] = []
    for number in chosen:
        head = HEAD[words].format(n=number + 1) if len(chosen) > 1 else ""
        found += [Line(head + line.text, line.concluded) for line in _of_file(asked, seen[number])]
    return tuple(dict.fromkeys(found)) or tuple(_rest(asked, [seen[number] for number in chosen]))


def _of_file(asked: _Asked, perception: Perception) -> list[Line]:
    told = _told(asked, perception)
    if perception.caption and "sound" in asked.properties and any(thing.key != "person" for thing in asked.named):
        return [asked.conclude("other_sound")]
    missing = [name for name in asked.properties if name in UNMEASURED and not passages.may_tell(name, perception)]
    if "people" in missing and told:
        missing.remove("people")  # “does anyone speak” is not about who is seen
    if missing:
        return [*_absent_things(asked, perception, missing), _unmeasured(asked, missing)]
    if perception.kind != "audio":
        told += [line for thing in asked.things if (line := _thing(asked, thing, perception, bool(told)))]
    return told or _summary(asked, perception)


def _rest(asked: _Asked, seen: Sequence[Perception]) -> Iterator[Line]:
    """For a question that names nothing we know: words in the files, or what it is about in the world."""
    about_file = "file" in asked.properties or "exists" in asked.properties
    held = [line for perception in seen for line in _words(asked, perception, about_file)]
    if held or about_file:
        unlisted = "exists" in asked.properties and any(perception.kind != "audio" for perception in seen)
        yield from held or list(_named(asked, seen)) or [asked.conclude("not_listed" if unlisted else "nothing")]
        return
    for index in (min(thing.indices) for thing in asked.named if thing.indices):
        yield Line(f"{imagenet.name(index, asked.words)}: {imagenet.classes()[index].definition}")


def _named(asked: _Asked, seen: Sequence[Perception]) -> Iterator[Line]:
    """What the things of a question are, where something about them is asked that is in no table."""
    for perception in seen:
        for thing in asked.named:
            probability, best = _probability(thing, perception)
            if probability >= describe.SURE:
                yield _found(asked, replace(thing, which=True), probability, best)


# -- words and sounds


def _told(asked: _Asked, perception: Perception) -> list[Line]:
    """The facts that hold what is asked: text, speech, sounds, length, language."""
    told = [line for name in asked.properties if name in _FACTS for line in _FACTS[name](asked, perception)]
    if "text" in asked.properties or "speech" in asked.properties:
        return told or _said(asked, perception)
    if any(passages.may_tell(name, perception) for name in asked.properties):
        return told + _words(asked, perception, True)
    return told


def _said(asked: _Asked, perception: Perception) -> list[Line]:
    """For a question about words: those that bear on it, else all of them, else that there are none."""
    found, yes = _words(asked, perception, False), "_yes" * ("exists" in asked.properties)
    texts, speech = passages.texts(perception), passages.speech(perception)
    if not found and "text" in asked.properties and texts:
        found.append(asked.conclude(f"text{yes}", text=describe.quoted_all(texts, asked.words)))
    if not found and "speech" in asked.properties and speech:
        found.append(asked.conclude(f"speech{yes}", text=describe.speech_quoted(perception.caption, asked.words)))
    if not found and "speech" in asked.properties and perception.caption and not speech:
        found.append(asked.conclude("no_speech"))
    elif not found and "text" in asked.properties and perception.kind != "audio" and not texts:
        found.append(asked.conclude("no_text"))
    return found


def _words(asked: _Asked, perception: Perception, all_else: bool) -> list[Line]:
    """The text and the speech that bear on a question; ``all_else``: all of them where none does."""
    held = {"text_fact": passages.texts(perception), "speech_fact": passages.speech(perception)}
    found = {code: passages.on(asked.question, asked.properties, said) for code, said in held.items()}
    if all_else and not any(found.values()):
        found = held
    limit = describe.SPEECH_CHARS[asked.words]
    quoted = {code: describe.quoted_all(said, asked.words)[:limit] for code, said in found.items() if said}
    return [asked.fact(code, text) for code, text in quoted.items()]


def _heard(kind: str) -> Callable[[_Asked, Perception], list[Line]]:
    """A yes or a no to one kind of sound."""

    def of(asked: _Asked, perception: Perception) -> list[Line]:
        if perception.caption is None:
            return []
        heard = kind in describe.sounds_heard(perception.caption)
        return [asked.conclude("heard" if heard else "not_heard", kind=sound(kind, asked.words))]

    return of


def _of_caption(fact: Callable[[Caption, str], str]) -> Callable[[_Asked, Perception], list[Line]]:
    return lambda asked, seen: [Line(fact(seen.caption, asked.words))] if seen.caption else []


_FACTS: dict[str, Callable[[_Asked, Perception], list[Line]]] = {
    "music": _heard("music"),
    "singing": _heard("singing"),
    "sound": _of_caption(describe.sound_fact),
    "duration": _of_caption(describe.length_fact),
    "language": _of_caption(lambda caption, words: describe.speech_facts(caption, words)[0]),
}


# -- things


def _summary(asked: _Asked, perception: Perception) -> list[Line]:
    if "seen" not in asked.properties:
        return []
    if perception.caption:
        return [Line(describe.clip_summary(perception.caption, asked.words), True)]
    return [Line(describe.scene(perception.recognised, perception.text_read, asked.words), True)]


def _unmeasured(asked: _Asked, names: Sequence[str]) -> Line:
    what = [UNMEASURED[name][asked.words == "zh"] for name in names]
    return asked.conclude("unmeasured", what=("、" if asked.words == "zh" else ", ").join(what))


def _absent_things(asked: _Asked, perception: Perception, missing: Sequence[str]) -> list[Line]:
    """The things whose property is asked and that are not there at all."""
    if perception.kind == "audio" or "people" in missing:
        return []
    absent = (thing for thing in asked.things if _probability(thing, perception)[0] < describe.WEAK)
    return [asked.conclude("not_seen", thing=thing.name) for thing in absent if thing.key != "person"]


def _thing(asked: _Asked, thing: Thing, perception: Perception, told: bool) -> Line | None:
    """Whether the thing was recognised; not found, it counts for nothing where the words of a file answer."""
    probability, best = _probability(thing, perception)
    if probability >= describe.SURE:
        return _found(asked, thing, probability, best)
    if thing.key == "person":
        return _unmeasured(asked, ("people",))
    if probability >= describe.WEAK:
        return asked.conclude("perhaps", thing=thing.name, sure=percent(probability, asked.words))
    return None if told else asked.conclude("not_seen", thing=thing.name)


def _found(asked: _Asked, thing: Thing, probability: float, best: Label) -> Line:
    name, named = class_name(best, asked.words), best.probability >= describe.SURE
    more = "named" if named else "guess" if thing.which and best.probability >= describe.WEAK else "sure"
    code = ("which_" if thing.which else "seen_") + (more if name != thing.name else "sure")
    sure = percent(best.probability if code == "which_named" else probability, asked.words)
    values = {"thing": thing.name, "name": name, "guess": name}
    return asked.conclude(code, sure=sure, **values, **{f"a_{key}": article(value) for key, value in values.items()})


def _probability(thing: Thing, perception: Perception) -> tuple[float, Label | None]:
    """How sure the thing is, in the surest picture, and the class that makes it so."""
    found = (_in_picture(thing, labels) for labels in describe.pictures(perception))
    return max(found, key=lambda pair: pair[0], default=(0.0, None))


def _in_picture(thing: Thing, labels: Sequence[Label]) -> tuple[float, Label | None]:
    members = [label for label in labels if thing.holds(label.index)]
    return sum(label.probability for label in members), (members or [None])[0]
