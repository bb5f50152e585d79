"""The sound of a clip over time: events first, then words, block by block.

Each block of two minutes is decoded once, given to the event model and then to the speech model, one pinned
at a time. A first pass over the whole file for the events would decode it twice and hold back the first line;
this way memory does not grow with the clip, and events and words appear together. Blocks do not know of each
other: told what was said before, the speech model skips and repeats lines (32 to 71 wrong words of 541
where there are 3 to 8 without).

A transcript is doubted where the two do not agree: words over a stretch in which no speech was heard are
flagged, and left out when the speech model itself was unsure of them.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import InputError
from ..features.audio import Stretch, excerpt, joined, length_s, overlap_s, quiet_stretches, without
from ..media import sound
from ..types import ModelSpec, Progress, Segment, Word
from .kit import Kit
from .steps import loaded

EVENTS = ("speech", "singing", "music")
BLOCK_S = 120.0  # shorter ones waste part of a 30 s window each: 10 % more time at 60 s, 3 % at 120 s
SILENCE_S = 2.0  # shorter pauses belong to what is around them
PAUSE_S = 0.01  # two blocks meet within this; a louder moment ends a silence
SHORTEST_S = 0.3  # of an event
GAP_S = 0.6  # events of one kind that are no further apart are one
EDGE_S = 0.3  # how far a word may lie outside the speech that was heard
HEARD = 0.3  # part of a line that must lie in speech
PAST_END_S = 1.0  # sound this far past the announced end makes the clip longer
UNSURE = 0.5  # probability below which a language is a guess
UNSURE_FLAGS = frozenset({"low_confidence", "no_speech_likely", "repetition"})


@dataclass
class Heard:
    """What was heard up to ``heard_s``. Grows."""

    duration_s: float
    language: str | None = None
    language_probability: float = 0.0
    speech: list[Segment] = field(default_factory=list)
    sounds: list[Segment] = field(default_factory=list)
    heard_s: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)  # per stage
    _stretches: dict[str, list[Stretch]] = field(default_factory=lambda: {kind: [] for kind in EVENTS})
    _quiet: list[Stretch] = field(default_factory=list)

    def add(self, stretches: dict[str, list[Stretch]], quiet: list[Stretch]) -> None:
        """The events of one more block, by kind, and where nothing could be heard; all in clip time."""
        for kind in EVENTS:
            self._stretches[kind] = joined(self._stretches[kind] + stretches[kind], GAP_S)
        self._quiet = joined(self._quiet + quiet, PAUSE_S)
        self.sounds = self._sounds()

    def _sounds(self) -> list[Segment]:
        """The "sound" segments: events without their blinks, and silence around them."""
        events = joined(stretch for kind in EVENTS for stretch in self._stretches[kind])
        silence = without((s for s in self._quiet if length_s(s) >= SILENCE_S), events)
        kinds = {kind: (self._stretches[kind], SHORTEST_S) for kind in EVENTS} | {"silence": (silence, SILENCE_S)}
        return [
            Segment(*stretch, "sound", kind)
            for kind, (stretches, shortest_s) in kinds.items()
            for stretch in stretches
            if length_s(stretch) >= shortest_s
        ]

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of a ``with`` block to ``stage``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started


def stream(
    kit: Kit,
    path: Path,
    duration_s: float,
    speech: ModelSpec,
    language: str | None,
    translate: bool,
    precision: str = "",
) -> Generator[Progress | Heard, None, Heard]:
    """Yields its one growing ``Heard`` whenever there is more of it; returns it complete."""
    heard, events = Heard(duration_s, language, float(bool(language))), kit.spec("sounds")
    yield from loaded(kit.store, events)
    yield from loaded(kit.store, speech, precision)
    _check_language(kit, speech, precision, language)
    with closing(sound.blocks(path, kit.settings.limits, BLOCK_S)) as blocks:
        for block in blocks:
            yield Progress("listen", block.start_s, duration_s, "s", path.name)
            stretches = _hear_events(kit, events, heard, block)
            yield heard
            yield from _hear_words(kit, speech, precision, heard, block, stretches, translate)
    _finish(heard)
    return heard


def _check_language(kit: Kit, speech: ModelSpec, precision: str, language: str | None) -> None:
    with kit.store.use(speech, precision=precision) as transcriber:
        if language and language not in transcriber.languages():
            raise InputError("not_transcribed_language", language=language, model=speech.title)


def _hear_events(kit: Kit, spec: ModelSpec, heard: Heard, block: sound.SoundBlock) -> dict[str, list[Stretch]]:
    """The stretches of each kind of event in ``block``, also added to ``heard``."""
    with heard.timed("sounds"), kit.store.use(spec) as detector:
        found = [_shifted(event, block.start_s) for event in detector.events(block.samples)]
        quiet = [(a + block.start_s, b + block.start_s) for a, b in quiet_stretches(block.samples)]
    stretches = {kind: joined((e.start_s, e.end_s) for e in found if e.text == kind) for kind in EVENTS}
    heard.add(stretches, quiet)
    return stretches


def _hear_words(
    kit: Kit,
    spec: ModelSpec,
    precision: str,
    heard: Heard,
    block: sound.SoundBlock,
    stretches: dict[str, list[Stretch]],
    translate: bool,
) -> Generator[Heard, None, None]:
    """The speech segments of ``block``, judged; the pin and the runtime are let go however it ends."""
    end_s = block.start_s + len(block.samples) / sound.RATE_HZ
    with kit.store.use(spec, precision=precision) as transcriber:
        with heard.timed("listen"):
            language = _language(transcriber, heard, block, stretches)
        yield heard  # a stop is heard between any two steps
        found = transcriber.segments(block.samples, language=language, translate=translate)
        with closing(found):
            while True:
                with heard.timed("listen"):
                    segment = next(found, None)
                if segment is None:
                    break
                judged = judge(_shifted(segment, block.start_s), stretches, heard.language_probability >= UNSURE)
                if judged is not None:
                    heard.speech.append(judged)
                heard.heard_s = max(heard.heard_s, min(block.start_s + segment.end_s, end_s))
                yield heard
    heard.heard_s = end_s


def _language(transcriber, heard: Heard, block: sound.SoundBlock, stretches: dict[str, list[Stretch]]) -> str | None:
    """The language of the clip: given, or that of the first block with a voice that leaves no doubt."""
    if heard.language_probability >= UNSURE:
        return heard.language
    voices = joined(stretches["speech"] + stretches["singing"])
    voice = excerpt(block.samples, [(a - block.start_s, b - block.start_s) for a, b in voices])
    if len(voice) >= SHORTEST_S * sound.RATE_HZ:
        language, probability = transcriber.language(voice)
        if probability > heard.language_probability:
            heard.language, heard.language_probability = language, probability
    return heard.language


def judge(segment: Segment, stretches: dict[str, list[Stretch]], sure_language: bool) -> Segment | None:
    """``segment`` with the flags that the events of its block add; None when neither model believes it."""
    flags = [*segment.flags, *(() if sure_language else ("unsure_language",))]
    if _part_inside(segment, stretches["speech"]) < HEARD:
        if UNSURE_FLAGS & set(flags):
            return None
        parts = {kind: _part_inside(segment, stretches[kind]) for kind in ("singing", "music")}
        best = max(parts, key=parts.get)
        flags.append(best if parts[best] >= HEARD else "no_speech_heard")
    return replace(segment, flags=tuple(flags))


def _part_inside(segment: Segment, stretches: list[Stretch]) -> float:
    """How much of the segment's words lies in ``stretches``, 0 to 1."""
    wider = joined((a - EDGE_S, b + EDGE_S) for a, b in stretches)
    spans = [(word.start_s, word.end_s) for word in segment.words] or [(segment.start_s, segment.end_s)]
    total_s = sum(b - a for a, b in spans)
    return sum(overlap_s(span, wider) for span in spans) / total_s if total_s > 0 else 0.0


def _shifted(segment: Segment, by_s: float) -> Segment:
    """``segment`` of a block in the time of the clip."""
    words = tuple(Word(w.start_s + by_s, w.end_s + by_s, w.text, w.probability) for w in segment.words)
    return replace(segment, start_s=segment.start_s + by_s, end_s=segment.end_s + by_s, words=words)


def _finish(heard: Heard) -> None:
    """Sound that stops before the pictures is followed by silence; no language where nobody spoke."""
    if heard.heard_s > heard.duration_s + PAST_END_S:
        heard.duration_s = heard.heard_s
    heard.add({kind: [] for kind in EVENTS}, [(heard.heard_s, max(heard.heard_s, heard.duration_s))])
    if not heard.speech:
        heard.language, heard.language_probability = None, 0.0
