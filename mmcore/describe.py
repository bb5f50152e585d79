"""Results as plain sentences, English and Chinese. Pure: no models, no files.

``words`` is the language of the sentence, "en" or "zh". ``facts`` are the lines that the page shows as
"what the model saw" and that the chat model is given: the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import kinds
from .types import Caption, Label, Perception, Segment, TextBox
from .wording import (
    SOUNDS,
    article,
    class_name,
    clock,
    duration,
    joined,
    kind_name,
    language_name,
    percent,
    quoted,
    sound,
    stopped,
)

SURE = 0.5  # probability from which a thing is named
WEAK = 0.1  # probability from which a guess is worth a word
READ = 0.75  # confidence from which text counts as read
LONE = 0.95  # confidence that a single character needs: textures look like letters
SPEECH_CHARS = {"en": 2400, "zh": 900}  # of one transcript, about 600 tokens
TEXT_CHARS = {"en": 800, "zh": 300}  # of the text in one file, about 200 tokens
SCENES = 6  # of one video
SUMMED_SCENES = 24  # of a video that is summed up

# -- one picture


def sure_texts(boxes: Sequence[TextBox]) -> tuple[str, ...]:
    """The rows of text that were read well enough to be believed, each once. Boxes side by side are one row."""
    kept = [box for box in boxes if box.text.strip() and box.confidence >= (READ if len(box.text) > 1 else LONE)]
    rows: list[list[TextBox]] = []
    for box in kept:
        if rows and _beside(rows[-1][-1], box):
            rows[-1].append(box)
        else:
            rows.append([box])
    return tuple(dict.fromkeys(" ".join(box.text.strip() for box in row) for row in rows))


def _beside(left: TextBox, right: TextBox) -> bool:
    """Whether one box continues the row of the other: to its right, and their middles at one height."""
    height = min(left.bottom - left.top, right.bottom - right.top)
    middles = abs((left.top + left.bottom) - (right.top + right.bottom)) / 2
    return right.left >= left.right - height and middles < height / 2


def sure_kind(recognised: Sequence[Label]) -> tuple[kinds.Kind, float] | None:
    """The narrowest kind that is sure, with its probability; the tree lists children after parents."""
    sums = kinds.probabilities(recognised)
    sure = [kind for key, kind in kinds.all_kinds().items() if sums.get(key, 0) >= SURE and kind.parent]
    return (sure[-1], sums[sure[-1].key]) if sure else None


def scene(recognised: Sequence[Label], text_read: Sequence[TextBox], words: str) -> str:
    """What one picture shows, in a sentence: “Probably a cheetah (87 %); text read: “OPEN”.”"""
    zh = words == "zh"
    parts = [seen(recognised, words)]
    if texts := sure_texts(text_read):
        parts.append(("读到文字：" if zh else "text read: ") + quoted_all(texts, words))
    return stopped(("；" if zh else "; ").join(parts), words)


def told(text: str, text_read: Sequence[TextBox], words: str) -> str:
    """A model's description of a scene, and the text that was read and is not in it."""
    left = [read for read in sure_texts(text_read) if read.casefold() not in text.casefold()]
    if not left:
        return text
    read = ("读到文字：" if words == "zh" else "Text read: ") + quoted_all(left, words)
    return ("" if words == "zh" else " ").join(stopped(part, words) for part in (text, read))


def seen(recognised: Sequence[Label], words: str) -> str:
    """What is in the picture, by class, by kind, or as a guess; no full stop."""
    zh = words == "zh"
    best, found = recognised[0] if recognised else None, sure_kind(recognised)
    if best and best.probability >= SURE:
        return _sure(class_name(best, words), best.probability, found and kind_name(found[0], words), words)
    if found:
        sure = _sure(kind_name(found[0], words), found[1], None, words)
        guess = class_name(best, words)
        return f"{sure}，也许是{guess}" if zh else f"{sure}, perhaps {article(guess)}"
    nothing = "没有可靠的识别结果" if zh else "Nothing recognised with confidence"
    if best and best.probability >= WEAK:
        guess, sure = class_name(best, words), percent(best.probability, words)
        return f"{nothing}，也许是{guess}（{sure}）" if zh else f"{nothing}, perhaps {article(guess)} ({sure})"
    return nothing


def _sure(name: str, probability: float, kind: str | None, words: str) -> str:
    sure = percent(probability, words)
    kind = None if kind and kind in name else kind
    if words == "zh":
        return f"很可能是{name}（{sure}）" + (f"，属于{kind}" if kind else "")
    return f"Probably {article(name)} ({sure})" + (f", a kind of {kind}" if kind else "")


def quoted_all(texts: Sequence[str], words: str) -> str:
    """Each text as a quotation of its own."""
    return ("" if words == "zh" else " ").join(quoted(text) for text in texts)


# -- sound


def sounds_heard(caption: Caption) -> tuple[str, ...]:
    """The kinds of sound in a clip, each once, longest first, without silence."""
    lengths: dict[str, float] = {}
    codes = {name: code for code, names in SOUNDS.items() for name in names}
    for segment in caption.of("sound"):
        code = codes.get(segment.text, segment.text)
        lengths[code] = lengths.get(code, 0.0) + segment.end_s - segment.start_s
    lengths.pop("silence", None)
    return tuple(sorted(lengths, key=lambda code: -lengths[code]))


def believed_speech(caption: Caption) -> tuple[Segment, ...]:
    """The transcript lines that carry no flag."""
    return tuple(segment for segment in caption.of("speech") if not segment.flags)


# -- a whole clip


def clip_summary(caption: Caption, words: str) -> str:
    """A clip in a few plain sentences, from sound and picture."""
    zh = words == "zh"
    sentences = [f"时长 {duration(caption.duration_s, words)}" if zh else f"{duration(caption.duration_s, words)} long"]
    sentences += _summary_of_sound(caption, words)
    if caption.of("scene"):
        sentences += [_things_over_time(caption, words)]
        sentences += _summary_of_texts(caption, words)
    return ("" if zh else " ").join(stopped(sentence, words) for sentence in sentences)


def _summary_of_sound(caption: Caption, words: str) -> list[str]:
    zh = words == "zh"
    speech, doubtful = believed_speech(caption), any(s.flags for s in caption.of("speech"))
    others = [sound(code, words) for code in sounds_heard(caption) if code != "speech"]
    lines = []
    if speech:
        language, said = language_name(caption.language, words), quoted(_first_words(speech, words))
        lines.append(f"{language}讲话：{said}" if zh else f"Speech in {language}: {said}".replace(" in :", ":"))
    else:
        lines.append("没有听到讲话" if zh else "No speech was heard")
    if doubtful:
        lines.append("有几句转写可疑" if zh else "Some transcript lines are doubtful")
    if others:
        lines.append(("听到" + "、".join(others)) if zh else "Heard: " + ", ".join(others))
    return lines


def _first_words(speech: Sequence[Segment], words: str, limit: int = 120) -> str:
    text = joined(segment.text for segment in speech)
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0].rstrip(",.;，。；") + "…"


def _summary_of_texts(caption: Caption, words: str) -> list[str]:
    left = (s for s in caption.of("scene") if not s.told_by)  # the others tell their text themselves
    texts = tuple(dict.fromkeys(text for s in left for text in sure_texts(s.text_read)))[:5]
    return [("画面文字：" if words == "zh" else "Text read: ") + quoted_all(texts, words)] if texts else []


def _things_over_time(caption: Caption, words: str) -> str:
    told = list(dict.fromkeys(segment.text for segment in caption.of("scene") if segment.told_by))[:5]
    if told:
        sentences = ("" if words == "zh" else " ").join(stopped(text, words) for text in told)
        return ("画面：" if words == "zh" else "In the pictures: ") + sentences
    names = []
    for segment in caption.of("scene"):
        best, kind = (segment.recognised or (None,))[0], sure_kind(segment.recognised)
        if best and best.probability >= SURE:
            names.append(class_name(best, words))
        elif kind:
            names.append(kind_name(kind[0], words))
    names = list(dict.fromkeys(names))[:5]
    if words == "zh":
        return "画面中可能有" + "、".join(names) if names else "画面中没有可靠的识别结果"
    return "Seen: probably " + ", ".join(map(article, names)) if names else "In the pictures nothing was recognised"


# -- what the chat model and the visitor are told


def clip_facts(caption: Caption, words: str) -> tuple[str, ...]:
    """What was found in a clip with pictures, a line per fact, for a summary."""
    texts = text_fact(Perception("", "video", caption=caption), words)
    heard = [length_fact(caption, words), *speech_facts(caption, words), sound_fact(caption, words)]
    return (*heard, *_scene_facts(caption, words)[:SUMMED_SCENES], texts)


def facts(perception: Perception, words: str) -> tuple[str, ...]:
    """What was perceived in one file, a line per fact."""
    caption = perception.caption
    lines = [] if caption is None else [length_fact(caption, words), *speech_facts(caption, words)]
    lines += [] if caption is None else [sound_fact(caption, words)]
    if perception.kind != "audio":
        lines += [*seen_facts(perception, words), text_fact(perception, words)]
    return tuple(lines)


def pictures(perception: Perception) -> tuple[tuple[Label, ...], ...]:
    """What was recognised in the image, or in each scene of the video."""
    if perception.caption is None:
        return (perception.recognised,)
    return tuple(scene.recognised for scene in perception.caption.of("scene"))


def texts_of(perception: Perception) -> tuple[str, ...]:
    """The text read in the image, or in all scenes of the video, each once."""
    scenes = perception.caption.of("scene") if perception.caption else (perception,)
    return tuple(dict.fromkeys(text for scene in scenes for text in sure_texts(scene.text_read)))


def length_fact(caption: Caption, words: str) -> str:
    return ("时长：" if words == "zh" else "Length: ") + duration(caption.duration_s, words)


def sound_fact(caption: Caption, words: str) -> str:
    """What is heard and, of the three kinds that are known, what is not."""
    heard = sounds_heard(caption)
    names = [sound(code, words) for code in heard]
    others = [sound(code, words) for code in ("speech", "music", "singing") if code not in heard]
    heads = ("听到", "没有听到") if words == "zh" else ("Heard: ", "Not heard: ")
    comma, stop = ("、", "；") if words == "zh" else (", ", ". ")
    return stop.join(head + comma.join(part) for head, part in zip(heads, (names, others), strict=True) if part)


def text_fact(perception: Perception, words: str) -> str:
    texts, zh = texts_of(perception), words == "zh"
    if not texts:
        return "没有读到文字" if zh else "No text was found in the picture"
    shown, left = _cut(quoted_all(texts, words), TEXT_CHARS[words])
    note = f"（省略 {left} 个字符）" if zh else f" (text cut, {left} characters left out)"
    return ("画面中的文字：" if zh else "Text in the picture: ") + shown + (note if left else "")


def speech_facts(caption: Caption, words: str) -> list[str]:
    """The language and what is said, or that nothing is."""
    zh = words == "zh"
    if not believed_speech(caption):
        return ["没有人说话" if zh else "Nobody speaks"]
    language, said = language_name(caption.language, words), speech_quoted(caption, words)
    return (
        [f"讲话的语言：{language}", f"说的话：{said}"]
        if zh
        else [f"Spoken language: {language}", f"What is said: {said}"]
    )


def speech_quoted(caption: Caption, words: str) -> str:
    """All that is said, in quotation marks; a long transcript is cut, and says so."""
    said, left = _cut(joined(segment.text for segment in believed_speech(caption)), SPEECH_CHARS[words])
    note = f"（转写太长，省略 {left} 个字符）" if words == "zh" else f" (transcript cut, {left} characters left out)"
    return quoted(said) + (note if left else "")


def _cut(text: str, limit: int) -> tuple[str, int]:
    """The beginning of a text, and how many characters were left out."""
    return text[:limit], max(0, len(text) - limit)


def seen_facts(perception: Perception, words: str) -> list[str]:
    """What was recognised, a line per scene of a video; like neighbours share a line."""
    if perception.caption is None:
        return [("看到：" if words == "zh" else "Seen: ") + seen(perception.recognised, words)]
    return _scene_facts(perception.caption, words)[:SCENES]


def _scene_facts(caption: Caption, words: str) -> list[str]:
    head, colon = ("看到", "：") if words == "zh" else ("Seen", ": ")
    return [f"{head} {clock(start)}–{clock(end)}{colon}{text}" for start, end, text in _scenes(caption, words)]


def _scenes(caption: Caption, words: str) -> list[tuple[float, float, str]]:
    spans: list[tuple[float, float, str]] = []
    for scene in caption.of("scene"):
        text = quoted(scene.text) if scene.told_by else seen(scene.recognised, words)
        if spans and spans[-1][2] == text:
            spans[-1] = (spans[-1][0], scene.end_s, text)
        else:
            spans.append((scene.start_s, scene.end_s, text))
    return spans
