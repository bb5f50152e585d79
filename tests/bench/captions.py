"""Captions: wrong words on clean speech, invented lines where nobody speaks, time against faster-whisper alone.

    python -m tests.bench.captions [--rounds 3]

Speech comes from ``gradio.media`` and package moonshine-voice (fetched once); the clips without speech are made
here, with ``gradio.media``'s saxophone beside them. Raw is ``WhisperModel.transcribe`` on the same file with the
same weights, threads and settings, as its README uses it; the two take turns. With espeak-ng installed, a
synthetic voice is captioned too.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gradio.media import get_audio

from mmcore import Caption, Settings, Studio
from mmcore.device import Hardware, plan
from tests import speech
from tests.bench import unspoken

ESPEAK = (
    "Good morning. My name is Anna and I live in a small house near the river. "
    "Every day I walk to the market and buy some bread, an apple and a cup of coffee."
)


def main() -> None:
    sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    studio = Studio(Settings.from_env(profile="embedded"))
    with tempfile.TemporaryDirectory() as folder:
        recordings = speech.readings() | {name: speech.film(name) for name in speech.FILMS}
        long = joined(recordings, Path(folder) / "joined.wav")
        accuracy(studio, recordings, long)
        synthetic(studio, Path(folder) / "espeak.wav")
        invented(studio, Path(folder))
        against_raw(studio, long[0], rounds)
    studio.close()


def joined(recordings: dict[str, Path], target: Path) -> tuple[Path, str]:
    """All recordings in turn, the readings again: over two blocks long. And what is said."""
    names = [*speech.TEXTS, *speech.READINGS, *speech.FILMS, *speech.READINGS]
    return speech.join([recordings[name] for name in names], target), " ".join(speech.TEXTS[name] for name in names)


def said(caption: Caption) -> str:
    return " ".join(line.text for line in caption.of("speech"))


def accuracy(studio: Studio, recordings: dict[str, Path], long: tuple[Path, str]) -> None:
    print("speech: wrong words, flagged lines")
    errors = count = 0
    for name, path in recordings.items():
        wrong, words = told(name, studio.caption(path), speech.TEXTS[name])
        errors, count = errors + wrong, count + words
    print(f"  {'all four':18} {errors:3} of {count} = {errors / count:.1%}   (wanted: at most 5 %)")
    told("joined, 3 minutes", studio.caption(long[0]), long[1])


def told(name: str, caption: Caption, text: str) -> tuple[int, int]:
    """Print one recording; wrong words, and words."""
    wrong, words, lines = speech.word_errors(text, said(caption)), len(speech.normalised(text)), caption.of("speech")
    flagged = sum(bool(line.flags) for line in lines)
    print(f"  {name:18} {wrong:3} of {words} = {wrong / words:.1%}   flagged {flagged} of {len(lines)}")
    return wrong, words


def synthetic(studio: Studio, path: Path) -> None:
    if not shutil.which("espeak-ng"):
        print("  espeak-ng is not installed: no synthetic voice")
        return
    subprocess.run(["espeak-ng", "-s", "140", "-w", str(path), ESPEAK], check=True)
    told("espeak-ng", studio.caption(path), ESPEAK)


def invented(studio: Studio, folder: Path) -> None:
    print("nobody speaks: lines without a flag, lines with one")
    shown = 0
    for name in [*unspoken.CLIPS, "saxophone"]:
        made = None if name == "saxophone" else unspoken.clip(name)
        path = get_audio("sax.wav") if made is None else speech.write(made, folder / "unspoken.wav")
        caption = studio.caption(path)
        lines = caption.of("speech")
        bare = [line.text for line in lines if not line.flags]
        shown += len(bare)
        sounds = ", ".join(dict.fromkeys(sound.text for sound in caption.of("sound"))) or "-"
        print(f"  {name:18} {len(bare)} {len(lines) - len(bare)}   heard: {sounds}   {' | '.join(bare)}")
    print(f"  {len(unspoken.CLIPS) + 1} clips: {shown} invented lines without a flag   (wanted: 0)")


def against_raw(studio: Studio, path: Path, rounds: int) -> None:
    from faster_whisper import WhisperModel

    from mmcore.backends.faster_whisper import SETTINGS

    spec = studio.kit.spec("speech")
    threads = plan(spec, Hardware.here(studio.settings), studio.settings).threads
    folder = str(studio.fetch(spec.name))
    raw = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)

    def ours() -> None:
        studio.caption(path)

    def theirs() -> None:
        for _ in raw.transcribe(str(path), vad_filter=True, **SETTINGS)[0]:
            pass

    ours()  # loaded and warm
    theirs()
    taken = [(timed(ours), timed(theirs)) for _ in range(rounds)]
    for label, which in (("wall", 0), ("processor", 1)):
        mine, bare = (statistics.median(pair[side][which] for pair in taken) for side in (0, 1))
        print(f"{label:10} ours {mine:.1f} s, faster-whisper alone {bare:.1f} s: {mine / bare:.2f} ×   (wanted: ≤ 1.1)")


def timed(work) -> tuple[float, float]:
    """Seconds of the clock and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
