"""A caption as SRT, VTT, TXT and JSON text, and as cues for a player. Pure: no files, no models.

Lines have at most 42 columns (a Chinese character takes two) and a cue at most two lines: longer segments are
cut between words, after a pause of the sentence where there is one. Doubtful lines are marked: sung ones as
“♪ … ♪”, others with “[?]”.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import records
from .types import Caption, Segment

COLUMNS = 42  # the width that subtitle guides ask for
SHORTEST_S = 1.0  # a cue that is shown for less cannot be read
PAUSES = tuple(".!?;:,…。！？；：，、")
IDEOGRAPHS = "\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60"  # written without spaces
CLOSING = "。，、！？；：）》」』”’…"  # never first in a line
PIECE = re.compile(rf"\s*(?:[{IDEOGRAPHS}][{CLOSING}]*|[^\s{IDEOGRAPHS}]+[{CLOSING}]*)")


@dataclass(frozen=True)
class Cue:
    """One or two ``lines`` of text shown from ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """Text that is not cut, with the space before it, and when it is said."""

    text: str
    start_s: float
    end_s: float


def write(caption: Caption, kind: str, everything: bool = False) -> str:
    """``caption`` as the text of a file of ``kind``: "srt", "vtt", "txt" or "json".

    With ``everything``, SRT and VTT also carry scenes and sounds, in [brackets].
    """
    if kind in ("srt", "vtt"):
        return _timed(split(caption, everything), kind)
    return {"txt": to_txt, "json": to_json}[kind](caption)


def to_srt(caption: Caption) -> str:
    """What was said, as SubRip."""
    return write(caption, "srt")


def to_vtt(caption: Caption) -> str:
    """What was said, as WebVTT."""
    return write(caption, "vtt")


def to_json(caption: Caption) -> str:
    """The record of a caption, as the command line and the HTTP API give it."""
    return json.dumps(records.caption(caption), ensure_ascii=False, indent=2) + "\n"


def to_txt(caption: Caption) -> str:
    """What was said, a segment per line; without speech, the summary."""
    lines = [f"{_marks(s)[0]}{_clean(s.text)}{_marks(s)[1]}" for s in caption.of("speech")]
    return "\n".join(lines or [_clean(caption.summary)]) + "\n"


def cues(caption: Caption) -> list[dict]:
    """The cues of a player: ``{"text", "timestamp": [start_s, end_s]}``, the text escaped for VTT."""
    return [
        {"text": _escaped("\n".join(cue.lines)), "timestamp": [round(cue.start_s, 3), round(cue.end_s, 3)]}
        for cue in split(caption)
    ]


def split(caption: Caption, everything: bool = False) -> list[Cue]:
    """The cues of a caption by start. Those of speech do not overlap."""
    spoken = [cue for segment in caption.of("speech") for cue in _cues_of(segment)]
    ends_s = [cue.start_s for cue in spoken[1:]] + [caption.duration_s]
    found = [_readable(cue, end_s) for cue, end_s in zip(spoken, ends_s, strict=False)]
    if everything:
        found += [cue for segment in caption.segments if _is_aside(segment) for cue in _cues_of(segment)]
    return sorted(found, key=lambda cue: cue.start_s)


def columns(text: str) -> int:
    """How wide ``text`` is: Chinese, Japanese and Korean characters take two columns, combining marks none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(bool(unicodedata.combining(character)) for character in text)


def _timed(cues_: Sequence[Cue], kind: str) -> str:
    import pysubs2

    file = pysubs2.SSAFile()
    for cue in cues_:
        # a backslash would start a command of pysubs2's own format: a word joiner, without width, keeps it text
        text = "\n".join(cue.lines).replace("\\", "\\\u2060")
        text = _escaped(text) if kind == "vtt" else text.replace("-->", "->")
        file.append(pysubs2.SSAEvent(round(cue.start_s * 1000), round(cue.end_s * 1000), text))
    return file.to_string(kind, keep_ssa_tags=True)


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _readable(cue: Cue, until_s: float) -> Cue:
    """``cue`` for at least a second where there is room, and never past ``until_s``."""
    end_s = min(max(cue.end_s, cue.start_s + SHORTEST_S), max(until_s, cue.start_s))
    return replace(cue, end_s=end_s)


# -- the text of a segment


def _is_aside(segment: Segment) -> bool:
    return segment.kind == "scene" or (segment.kind == "sound" and segment.text != "speech")


def _marks(segment: Segment) -> tuple[str, str]:
    """What stands before and after the text."""
    if segment.kind != "speech":
        return "[", "]"
    if "singing" in segment.flags:
        return "♪ ", " ♪"
    return ("[?] ", "") if segment.flags else ("", "")


def _clean(text: str) -> str:
    """Without line breaks and control characters, which would end a cue."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


# -- cutting


def _cues_of(segment: Segment) -> list[Cue]:
    pieces, found = _pieces(segment), []
    while pieces:
        count = _count(pieces)
        taken, pieces = pieces[:count], pieces[count:]
        found.append(Cue(taken[0].start_s, max(piece.end_s for piece in taken), _lines(taken)))
    return found


def _pieces(segment: Segment) -> list[_Piece]:
    """The marked text in pieces, timed by the words that were heard, or evenly where they do not match it."""
    text = _clean(segment.text)
    spans = [(word.text, word.start_s, word.end_s) for word in segment.words]
    if _clean("".join(said for said, _, _ in spans)) != text:
        spans = [(text, segment.start_s, segment.end_s)]
    found = [piece for span in spans for piece in _evenly(*span)]
    before, after = _marks(segment)
    if found:
        found[0] = replace(found[0], text=before + found[0].text.lstrip())
        found[-1] = replace(found[-1], text=found[-1].text + after)
    return found


def _evenly(text: str, start_s: float, end_s: float) -> list[_Piece]:
    parts = [part for run in PIECE.findall(text) for part in _halves(run)]
    step_s = (end_s - start_s) / max(1, len(parts))
    return [_Piece(part, start_s + n * step_s, start_s + (n + 1) * step_s) for n, part in enumerate(parts)]


def _halves(run: str) -> list[str]:
    """A run without spaces that is wider than half a line (marks need room too), halved until it is not."""
    middle = len(run) // 2
    return [run] if columns(run) <= COLUMNS // 2 or not middle else [*_halves(run[:middle]), *_halves(run[middle:])]


def _count(pieces: Sequence[_Piece]) -> int:
    """How many pieces make the next cue: what fits, cut back to the last pause in its second half."""
    fits = 1
    while fits < len(pieces) and _lines(pieces[: fits + 1]):
        fits += 1
    if fits == len(pieces):
        return fits
    pauses = [n for n in range(fits // 2 + 1, fits + 1) if pieces[n - 1].text.endswith(PAUSES)]
    return pauses[-1] if pauses else fits


def _lines(pieces: Sequence[_Piece]) -> tuple[str, ...]:
    """One line, or two of about the same width; empty when two lines do not hold it."""
    texts = [piece.text for piece in pieces]
    whole = _clean("".join(texts))
    if columns(whole) <= COLUMNS:
        return (whole,)
    pairs = [(_clean("".join(texts[:n])), _clean("".join(texts[n:]))) for n in range(1, len(texts))]
    best = min(pairs, key=lambda pair: max(map(columns, pair)), default=None)
    return best if best and max(map(columns, best)) <= COLUMNS else ()
