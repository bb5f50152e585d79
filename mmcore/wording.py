"""Names, numbers and quotations in sentences, English and Chinese; ``words`` is which, "en" or "zh"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import imagenet, kinds
from .types import Label

SOUNDS = {
    "speech": ("speech", "说话声"),
    "singing": ("singing", "歌声"),
    "music": ("music", "音乐"),
    "silence": ("silence", "静音"),
}
STUFF = {"food", "clothing", "furniture", "cattle", "bread", "jewellery", "kitchenware", "hay", "corn", "wool", "fruit"}
_CJK_GAP = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) | (?=[\u3000-\u9fff\uff00-\uffef])")
LANGUAGES = {
    "en": ("English", "英语"),
    "zh": ("Chinese", "中文"),
    "yue": ("Cantonese", "粤语"),
    "ja": ("Japanese", "日语"),
    "ko": ("Korean", "韩语"),
    "fr": ("French", "法语"),
    "de": ("German", "德语"),
    "es": ("Spanish", "西班牙语"),
    "pt": ("Portuguese", "葡萄牙语"),
    "it": ("Italian", "意大利语"),
    "nl": ("Dutch", "荷兰语"),
    "pl": ("Polish", "波兰语"),
    "ru": ("Russian", "俄语"),
    "uk": ("Ukrainian", "乌克兰语"),
    "tr": ("Turkish", "土耳其语"),
    "ar": ("Arabic", "阿拉伯语"),
    "hi": ("Hindi", "印地语"),
    "id": ("Indonesian", "印尼语"),
    "th": ("Thai", "泰语"),
    "vi": ("Vietnamese", "越南语"),
}


def class_name(label: Label, words: str) -> str:
    """What a class is called: its first name."""
    return label.label.split(",")[0] if label.index is None else imagenet.name(label.index, words)


def kind_name(kind: kinds.Kind, words: str) -> str:
    return kind.names(words)[0]


def language_name(code: str | None, words: str) -> str:
    """ "fr" -> French, 法语; a code we have no name for stays as it is."""
    return LANGUAGES.get(code or "", (code or "",) * 2)[words == "zh"]


def sound(kind: str, words: str) -> str:
    """ "music" -> "music" or "音乐"."""
    return SOUNDS.get(kind, (kind, kind))[words == "zh"]


def percent(probability: float, words: str) -> str:
    """Whole percent; never 100 and never 0, since a model is never that sure."""
    number = min(max(round(probability * 100), 1), 99)
    return f"{number}%" if words == "zh" else f"{number} %"


def duration(seconds: float, words: str) -> str:
    """7.9 -> "7.9 seconds", 95 -> "1 minute 35 seconds", 4000 -> "1 hour 6 minutes 40 seconds"."""
    if seconds < 10 and round(seconds, 1) % 1:
        return f"{seconds:.1f} 秒" if words == "zh" else f"{seconds:.1f} seconds"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "hour", "小时"), (minutes, "minute", "分"), (rest, "second", "秒")]
    shown = [part for part in parts if part[0]] or parts[-1:]
    if words == "zh":
        unit = {"分": "分钟"} if shown[-1][2] == "分" else {}
        return " ".join(f"{number} {unit.get(zh, zh)}" for number, _, zh in shown)
    return " ".join(f"{number} {en}" + "s" * (number != 1) for number, en, _ in shown)


def clock(seconds: float) -> str:
    """95.2 -> "1:35"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def article(noun: str) -> str:
    """ "cheetah" -> "a cheetah"; plurals and stuff as they are."""
    if noun in STUFF or (noun.endswith("s") and not noun.endswith(("ss", "us", "is"))):
        return noun
    return ("an " if noun[0].lower() in "aeiou" and not noun.startswith(("uni", "eu", "Eu")) else "a ") + noun


def quoted(text: str) -> str:
    """Someone's words as a quotation that cannot be left: quotation marks inside become single ones."""
    inner = " ".join(text.replace("“", "‘").replace("”", "’").replace('"', "'").split())
    return f"“{inner}”"


def joined(lines: Iterable[str]) -> str:
    """Lines of speech as one text: a space between Latin words, none between Chinese ones."""
    return _CJK_GAP.sub("", " ".join(line.strip() for line in lines))


def stopped(sentence: str, words: str) -> str:
    """A sentence with its full stop, unless a quotation ends it with one."""
    if sentence.endswith((".", "。", "…", ".”", "。”", "!”", "?”", "！”", "？”", "…”")):
        return sentence
    return sentence + ("。" if words == "zh" else ".")
