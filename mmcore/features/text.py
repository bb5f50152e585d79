"""Text to items, numbers and yes-or-no: no files, no models."""

from __future__ import annotations

import re
import zlib

COMPRESSION = 2.4  # bytes per compressed byte; Whisper's own limit for a loop (Radford 2022, section 4.5)
NUMBER = r"\d+(?:[.:,]\d+)*"
SENTENCE_END = re.compile(r"[.!?…][”\"’)]*(?=\s|$)|[。！？][”」）]*")
SHORT_LOOP, PHRASE_LOOP = 4, 3  # how often in a row one word, or a longer phrase, is said


def listed(text: str) -> list[str]:
    """The items of a typed list: between commas (Western or Chinese), semicolons or line ends."""
    return [item.strip() for item in re.split(r"[,，、;；\n]", text) if item.strip()]


def whole_sentences(text: str) -> str:
    """Up to the last full stop, on one line; with "…" where there is none."""
    text = " ".join(text.split())
    ends = [found.end() for found in SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else f"{text}…" if text else ""


def unsupported(text: str, source: str) -> list[str]:
    """The numbers, quotations and, within a sentence, capitalised words of ``text`` that ``source`` does not hold."""
    numbers = set(re.findall(NUMBER, text)) - set(re.findall(NUMBER, source))
    others = [*re.findall(r"[“\"「](.+?)[”\"」]", text), *re.findall(r"(?<=[a-z,;] )[A-Z][\w'’-]+", text)]
    held = _plain(source)
    return [*sorted(numbers), *(words for words in others if _plain(words) not in held)]


def _plain(text: str) -> str:
    """Words alone, in lower case."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def is_repetitive(text: str) -> bool:
    """Whether ``text`` says the same over and over, as speech models do when there is nothing to hear."""
    raw = text.encode()
    if len(raw) / len(zlib.compress(raw)) > COMPRESSION:
        return True
    words = re.findall(r"\w+", text.lower())
    return _loops(words, 1, SHORT_LOOP) or any(_loops(words, size, PHRASE_LOOP) for size in range(2, 7))


def _loops(words: list[str], size: int, times: int) -> bool:
    """Whether some phrase of ``size`` words stands ``times`` times in a row."""
    needed = size * (times - 1)  # words in a row that equal the word ``size`` places earlier
    run = 0
    for earlier, later in zip(words, words[size:], strict=False):
        run = run + 1 if earlier == later else 0
        if run >= needed:
            return True
    return False
