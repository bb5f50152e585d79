"""The sound of a clip as mono 16 kHz samples, in blocks cut where it is quiet. Memory does not grow with length."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..settings import Limits
from .source import check_seconds, decoded, end_s, opened_container, origin_s, sound_stream

if TYPE_CHECKING:
    import av

RATE_HZ = 16_000
GAP_S = 0.1  # smaller jumps of the timestamps are rounding
SEARCH_S = 10.0  # a block is cut at the quietest moment of its last seconds
QUIET_S = 0.3  # how long a moment is
HOP = RATE_HZ // 50  # samples, 20 ms
PIECE = RATE_HZ // 2  # samples that leave the resampler together
SILENCE = 10 * RATE_HZ  # samples of padding made at once
TRUST_S = 1.0  # timestamps further off than this are a new clock, not an overlap or an end
_NONE = np.zeros(0, np.float32)


@dataclass(frozen=True)
class SoundBlock:
    """A stretch of sound: ``start_s`` in clip time, ``samples`` (S,) float32 in [-1, 1] at 16 kHz."""

    start_s: float
    samples: np.ndarray
    last: bool


def blocks(path: str | os.PathLike, limits: Limits, block_s: float = 60.0) -> Iterator[SoundBlock]:
    """The whole sound, without gap or overlap from second 0 of the clip, in blocks of at most ``block_s``.

    Silence stands where the sound starts late or was interrupted. Raises InputError, ``no_streams`` when the
    clip has no sound.
    """
    name, cutter = Path(path).name, _Cutter(int(block_s * RATE_HZ))
    for piece in filter(len, _timed(path, limits)):
        yield from cutter.blocks(piece)
        check_seconds(cutter.end / RATE_HZ, name, limits)
    if not cutter.end:
        raise InputError("broken_media", name=name)
    yield cutter.rest()


def samples(path: str | os.PathLike, limits: Limits, max_s: float | None = None) -> np.ndarray:
    """The sound of a short clip as one array (S,) float32, at most its first ``max_s`` seconds. Raises InputError."""
    found, have, wanted = [], 0, None if max_s is None else int(max_s * RATE_HZ)
    for block in blocks(path, limits):
        found.append(block.samples)
        have += len(block.samples)
        if wanted is not None and have >= wanted:
            break
    return np.concatenate(found)[:wanted]


def quietest(sound: np.ndarray) -> int:
    """Where to cut (S,) samples: the middle of the quietest moment of their last ten seconds (or last half)."""
    start = len(sound) - min(int(SEARCH_S * RATE_HZ), len(sound) // 2)
    hops = (len(sound) - start) // HOP
    window = round(QUIET_S * RATE_HZ / HOP)
    if hops <= window:
        return len(sound)
    power = np.square(sound[start : start + hops * HOP].astype(np.float64)).reshape(hops, HOP).mean(1)
    moments = np.convolve(power, np.ones(window) / window, "valid")
    best = len(moments) - 1 - int(np.argmin(moments[::-1]))  # the last of equals: longer blocks
    return start + (best + window // 2) * HOP


class _Cutter:
    """Pieces of sound in, blocks of at most ``size`` samples out."""

    def __init__(self, size: int):
        self.size = size
        self.start = self.end = 0  # samples given out, samples taken in
        self._pieces: list[np.ndarray] = []

    def blocks(self, piece: np.ndarray) -> Iterator[SoundBlock]:
        """Take ``piece``; the blocks that are full by it."""
        self._pieces.append(piece)
        self.end += len(piece)
        while self.end - self.start > self.size:
            waiting = np.concatenate(self._pieces)
            cut = quietest(waiting[: self.size])
            self._pieces = [waiting[cut:].copy()]
            yield self._block(waiting[:cut].copy(), last=False)

    def rest(self) -> SoundBlock:
        return self._block(np.concatenate(self._pieces), last=True)

    def _block(self, sound: np.ndarray, last: bool) -> SoundBlock:
        block = SoundBlock(self.start / RATE_HZ, sound, last)
        self.start += len(sound)
        return block


def _timed(path: str | os.PathLike, limits: Limits) -> Iterator[np.ndarray]:
    """Pieces of sound (S,) float32 that follow each other from second 0, gaps filled with silence."""
    with opened_container(path, limits) as container:
        stream = sound_stream(container)
        if stream is None:
            raise InputError("no_streams", name=Path(path).name)
        mono, clock = _Mono(), _Clock(origin_s(container), _last_s(container, limits))
        made = 0
        for frame in decoded(container, stream):
            place = clock.place(frame)
            if place == "drop":
                continue
            for piece in _pieces(mono, frame, clock.gap_end_s if place == "gap" else None, made):
                made += len(piece)
                yield piece
        yield mono.rest()


def _pieces(mono: _Mono, frame: av.AudioFrame, gap_end_s: float | None, made: int) -> Iterator[np.ndarray]:
    """The sound of ``frame``, after silence up to ``gap_end_s`` when there is a gap before it."""
    if gap_end_s is not None:
        rest = mono.rest()
        yield rest
        missing = round(gap_end_s * RATE_HZ) - made - len(rest)
        for start in range(0, missing, SILENCE):
            yield np.zeros(min(SILENCE, missing - start), np.float32)
    yield mono.samples(frame)


def _last_s(container: av.container.InputContainer, limits: Limits) -> float:
    """The clip time that no timestamp can truly be past."""
    said_s = end_s(container)
    return TRUST_S + (limits.clip_s if said_s is None else said_s)


class _Clock:
    """Compares the timestamps of frames with the sound heard so far."""

    def __init__(self, origin_s: float, end_s: float):
        self.origin_s, self.end_s = origin_s, end_s
        self.heard_s = 0.0  # clip time up to which there is sound
        self.gap_end_s = 0.0

    def place(self, frame: av.AudioFrame) -> str:
        """ "next" when the frame follows, "gap" when it starts later, "drop" when its time is already over."""
        starts_s = self.heard_s if frame.time is None else frame.time - self.origin_s
        jump_s = starts_s - self.heard_s
        if -TRUST_S < jump_s < -GAP_S:
            return "drop"
        gap = jump_s > GAP_S and starts_s < self.end_s
        if gap:
            self.heard_s = self.gap_end_s = starts_s
        elif abs(jump_s) > GAP_S:  # the clock was set anew: go on from here
            self.origin_s += jump_s
        self.heard_s += frame.samples / frame.sample_rate
        return "gap" if gap else "next"


class _Mono:
    """Frames of any rate, sample format and channels to mono float samples at 16 kHz."""

    def __init__(self):
        self._resampler, self._source = None, None

    def samples(self, frame: av.AudioFrame) -> np.ndarray:
        """The samples (S,) that are ready after ``frame``; a few stay in the filter."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        rest = self.rest() if source != self._source else _NONE
        if self._resampler is None:
            self._resampler, self._source = _resampler(), source
        return np.concatenate((rest, _array(self._resampler.resample(frame))))

    def rest(self) -> np.ndarray:
        """The samples still in the filter."""
        if self._resampler is None:
            return _NONE
        resampler, self._resampler = self._resampler, None
        return _array(resampler.resample(None))


def _resampler() -> av.AudioResampler:
    import av

    # channels are averaged so that full scale stays full scale; swresample would add them for float samples
    return av.AudioResampler("flt", "mono", RATE_HZ, frame_size=PIECE, options={"rematrix_maxval": "1.0"})


def _array(frames: list[av.AudioFrame]) -> np.ndarray:
    """The samples of mono frames (S,), in range whatever a float file holds."""
    if not frames:
        return _NONE
    sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    return np.nan_to_num(sound, copy=False, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)
