"""Text to items, numbers and yes-or-no: no files, no models."""

from __future__ import annotations

import re
import zlib

COMPRESSION = 2.4  # bytes per compressed byte; Whisper's own limit for a loop (Radford 2022, section 4.5)
SHORT_LOOP, PHRASE_LOOP = 4, 3  # how often in a row one word, or a longer phrase, is said


def listed(text: str) -> list[str]:
    """The items of a typed list: between commas (Western or Chinese), semicolons or line ends."""
    return [item.strip() for item in re.split(r"[,，、;；\n]", text) if item.strip()]


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
