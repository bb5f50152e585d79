"""Sound to arrays. S samples at 16 kHz, mono, float32 in [-1, 1]; a stretch is (start_s, end_s)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

RATE_HZ = 16_000
FRAME = RATE_HZ // 20  # samples, 50 ms
QUIET = 10 ** (-50 / 20)  # root mean square of a frame: 50 dB below full scale
LOUD = 10 ** (-20 / 20)  # where levelled sound has its loud frames
MOST_GAIN = 10 ** (40 / 20)

Stretch = tuple[float, float]


def levels(sound: np.ndarray) -> np.ndarray:
    """(S,) -> the root mean square of each 50 ms frame, (ceil(S / 800),)."""
    padded = np.zeros(-(-len(sound) // FRAME) * FRAME, np.float32)
    padded[: len(sound)] = sound
    return np.sqrt((padded.reshape(-1, FRAME) ** 2).mean(axis=1))


def levelled(sound: np.ndarray) -> np.ndarray:
    """(S,) -> the same made louder when it is faint, never softer, and never by more than 40 dB.

    A detector trained on ordinary recordings misses a voice that was recorded at a low level.
    """
    loud = np.percentile(levels(sound), 95) if len(sound) else 0.0
    gain = min(LOUD / max(loud, 1e-9), MOST_GAIN)
    return sound if gain <= 1 else np.clip(sound * np.float32(gain), -1, 1)


def quiet_stretches(sound: np.ndarray) -> list[Stretch]:
    """(S,) -> where nothing can be heard: every 50 ms frame below -50 dB."""
    quiet = np.concatenate(([False], levels(sound) < QUIET, [False]))
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]) * FRAME / RATE_HZ
    end_s = len(sound) / RATE_HZ
    return [(float(start_s), float(min(stop_s, end_s))) for start_s, stop_s in edges.reshape(-1, 2)]


def length_s(stretch: Stretch) -> float:
    return stretch[1] - stretch[0]


def joined(stretches: Iterable[Stretch], gap_s: float = 0.0) -> list[Stretch]:
    """Stretches in order of time, those no further apart than ``gap_s`` made one."""
    merged: list[Stretch] = []
    for start_s, end_s in sorted(stretches):
        if merged and start_s - merged[-1][1] <= gap_s:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((start_s, end_s))
    return merged


def without(stretches: Iterable[Stretch], holes: Iterable[Stretch]) -> list[Stretch]:
    """What is left of ``stretches`` outside ``holes``."""
    left = list(stretches)
    for hole_start_s, hole_end_s in holes:
        cut = [
            piece
            for start_s, end_s in left
            for piece in ((start_s, min(end_s, hole_start_s)), (max(start_s, hole_end_s), end_s))
        ]
        left = [(start_s, end_s) for start_s, end_s in cut if end_s > start_s]
    return sorted(left)


def overlap_s(stretch: Stretch, others: Iterable[Stretch]) -> float:
    """Seconds of ``stretch`` that lie in ``others`` (which do not overlap each other)."""
    return sum(max(0.0, min(stretch[1], end_s) - max(stretch[0], start_s)) for start_s, end_s in others)


def excerpt(sound: np.ndarray, stretches: Sequence[Stretch]) -> np.ndarray:
    """(S,) -> its samples within ``stretches``, one after the other."""
    pieces = [sound[int(start_s * RATE_HZ) : int(end_s * RATE_HZ)] for start_s, end_s in stretches]
    return np.concatenate(pieces) if pieces else sound[:0]
