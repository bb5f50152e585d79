"""Recordings of known text, and how many words of a transcript are wrong."""

from __future__ import annotations

import re
import wave
from pathlib import Path

import numpy as np

from mmcore import weights
from mmcore.media import sound
from mmcore.settings import Limits, Settings
from mmcore.types import ModelSpec, WeightFile, WheelPart

#: From ``gradio.media``: what is said, from listening and from the films they are of.
FILMS = {
    "heath_ledger.mp3": "If you're good at something, never do it for free.",
    "cate_blanch.mp3": (
        "I sleep with a dagger. If you so much as move to touch me, I will sever your manhood. You understand?"
    ),
}
#: Read aloud, in package moonshine-voice (MIT): the opening of A Tale of Two Cities, and a line of Beckett's.
READINGS = {
    "two_cities.wav": (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
        "foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it "
        "was the season of Darkness, it was the spring of hope, it was the winter of despair, we had everything "
        "before us, we had nothing before us, we were all going direct to Heaven, we were all going direct the "
        "other way in short, the period was so far like the present period, that some of its noisiest authorities "
        "insisted on its being received, for good or for evil, in the superlative degree of comparison only."
    ),
    "beckett.wav": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
}
CHECKSUMS = {
    "two_cities.wav": (4_260_326, "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e"),
    "beckett.wav": (318_978, "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61"),
}
TEXTS = FILMS | READINGS


def readings() -> dict[str, Path]:
    """The read recordings by name, fetched through the package index like any weights."""
    parts = {name: (WheelPart("moonshine-voice", "0.1.5", f"moonshine_voice/assets/{name}"),) for name in READINGS}
    files = tuple(WeightFile(name, *CHECKSUMS[name], parts[name]) for name in READINGS)
    spec = ModelSpec("speech-recordings", "Recordings of speech", "speech", "", "MIT", "moonshine-voice", files)
    folder = weights.fetch(spec, Settings.from_env().cache_dir)
    return {name: folder / name for name in READINGS}


def film(name: str) -> Path:
    from gradio.media import get_audio

    return Path(get_audio(name))


def normalised(text: str) -> list[str]:
    """Words without case and punctuation."""
    return re.sub(r"[^\w' ]", "", text.lower().replace("-", " ")).split()


def word_errors(said: str, written: str) -> int:
    """Fewest words to change, leave out and put in (Levenshtein), after normalising both."""
    reference, found = normalised(said), normalised(written)
    row = list(range(len(found) + 1))
    for number, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            change = diagonal + (word != other)
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, change)
    return row[-1]


def join(paths: list[Path], target: Path, pause_s: float = 0.5) -> Path:
    """The recordings one after the other, with pauses, as a WAV of 16 kHz."""
    pause = np.zeros(int(pause_s * sound.RATE_HZ), np.float32)
    pieces = [piece for path in paths for piece in (sound.samples(path, Limits()), pause)]
    return write(np.concatenate(pieces), target)


def write(samples: np.ndarray, target: Path) -> Path:
    """(S,) in [-1, 1] at 16 kHz as a WAV file."""
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, sound.RATE_HZ, 0, "NONE", ""))
        file.writeframes((samples * 32767).clip(-32768, 32767).astype("<i2").tobytes())
    return target
