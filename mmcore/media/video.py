"""Pictures of a clip at wanted times, upright RGB. Memory does not grow with the length of the clip."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from ..errors import InputError
from ..settings import Limits
from . import animation
from .image import is_image, rgb
from .source import decoded, opened_container, origin_s, picture_stream

if TYPE_CHECKING:
    from fractions import Fraction

    import av

BACK_S = (0.0, 1.0, 10.0, float("inf"))  # a seek that lands too late is tried again from earlier
BEFORE_S = -10.0  # some demuxers land behind the first key frame when sent to second 0
KEYS_APART_S = 10.0  # encoders set a key frame about this often; a jump further than this is tried as a seek


@dataclass(frozen=True)
class Frame:
    """The picture shown from ``time_s`` on: ``pixels`` (H, W, 3) uint8 RGB, upright."""

    time_s: float
    pixels: np.ndarray


def sample_times(duration_s: float, count_max: int, every_s: float) -> list[float]:
    """Times (s) at the middles of equal parts of the clip: one per ``every_s``, at most ``count_max``, at least 1."""
    count = max(1, min(count_max, round(duration_s / every_s)))
    return [duration_s * (index + 0.5) / count for index in range(count)]


def frames(path: str | os.PathLike, times_s: Sequence[float], limits: Limits, max_side: int = 640) -> Iterator[Frame]:
    """The picture shown at each of ``times_s`` (ascending), one frame per time, no larger than ``max_side``.

    Past the end of the pictures the last one stays. Raises InputError, ``no_streams`` when the clip has no
    pictures, ``broken_media`` when none can be decoded.
    """
    if is_image(path, limits):
        yield from _animation_frames(path, times_s, limits, max_side)
        return
    name = Path(path).name
    with opened_container(path, limits) as container:
        stream = picture_stream(container, name, limits)
        if stream is None:
            raise InputError("no_streams", name=name)
        player = _Player(container, stream)
        for time_s in times_s:
            picture = player.at(time_s)
            if picture is None:
                raise InputError("broken_media", name=name)
            yield Frame(max(0.0, picture.time_s), upright(picture.frame, max_side, stream.sample_aspect_ratio))


def _animation_frames(path, times_s: Sequence[float], limits: Limits, max_side: int) -> Iterator[Frame]:
    wanted, shown = deque(times_s), None
    with animation.opened(path, limits) as moving:
        for start_s, end_s in animation.steps(moving):
            if not wanted:
                return
            shown = Frame(start_s, _small(moving, max_side))
            while wanted and wanted[0] < end_s:
                wanted.popleft()
                yield shown
        yield from [shown] * len(wanted)


def _small(picture: Image.Image, max_side: int) -> np.ndarray:
    pixels = rgb(picture)
    pixels.thumbnail((max_side, max_side))
    return np.asarray(pixels)


class _Picture(NamedTuple):
    time_s: float  # clip time
    frame: av.VideoFrame


class _Player:
    """Walks through the pictures in order of time, and jumps where that saves decoding."""

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream):
        stream.thread_type = "AUTO"
        self._container, self._stream, self._origin_s = container, stream, origin_s(container)
        self._frame_s = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        self._pictures = self._decoded()
        self._shown = self._next = self._before = None  # before: what was shown before a jump
        self._jumps = True  # until one led back

    def at(self, time_s: float) -> _Picture | None:
        """The picture shown at ``time_s``, the first or last one outside the pictures, None when there is none."""
        if self._jumps and self._worth_a_jump(time_s):
            self._jump(time_s)
        while True:
            self._next = self._next or next(self._pictures, None)
            if self._next is None or (self._shown and self._next.time_s > time_s):
                return self._shown or self._before
            self._shown, self._next = self._next, None

    def _decoded(self) -> Iterator[_Picture]:
        """The pictures from where the container stands; those without a time follow the one before."""
        time_s = self._here_s() - self._frame_s
        for frame in decoded(self._container, self._stream):
            time_s = time_s + self._frame_s if frame.time is None else frame.time - self._origin_s
            yield _Picture(time_s, frame)

    def _here_s(self) -> float:
        latest = self._next or self._shown or self._before
        return latest.time_s if latest else 0.0

    def _worth_a_jump(self, time_s: float) -> bool:
        """Whether a key frame lies between here and there; where the container has no index, whether it is far."""
        here_s, index = self._here_s(), self._stream.index_entries
        key = index.search_timestamp(self._ticks(time_s))
        if key >= 0 and self._entry_s(index[key]) > here_s:
            return True
        indexed_s = self._entry_s(index[len(index) - 1]) if len(index) else 0.0
        return indexed_s <= here_s and time_s - here_s > KEYS_APART_S

    def _jump(self, time_s: float) -> None:
        """Go to the last key frame before ``time_s``."""
        import av

        here_s = self._here_s()
        self._before = self._shown or self._before
        for back_s in BACK_S:
            try:
                self._container.seek(self._ticks(max(BEFORE_S, time_s - back_s)), stream=self._stream)
            except av.FFmpegError:
                self._jumps = False
                return
            self._shown, self._pictures = None, self._decoded()
            self._next = next(self._pictures, None)
            if self._next and self._next.time_s <= time_s:
                break
        else:
            self._shown = self._before
        self._jumps = self._next is not None and self._next.time_s > here_s

    def _ticks(self, time_s: float) -> int:
        return round((time_s + self._origin_s) / self._stream.time_base)

    def _entry_s(self, entry: av.index.IndexEntry) -> float:
        return float(entry.timestamp * self._stream.time_base) - self._origin_s


def shown_size(frame: av.VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height (pixels) of the frame as shown: upright, and square pixels where ``aspect`` (width of a
    stored pixel over its height) is not 1."""
    width, height = _square(frame, aspect)
    (a, _), _ = _turn(frame)
    return (width, height) if a else (height, width)


def upright(frame: av.VideoFrame, max_side: int, aspect: Fraction | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB of the frame as shown, no larger than ``max_side``."""
    width, height = _square(frame, aspect)
    scale = min(1.0, max_side / max(width, height))
    small = frame.reformat(max(1, round(width * scale)), max(1, round(height * scale)), "rgb24", interpolation="AREA")
    return np.ascontiguousarray(_turned(small.to_ndarray(), _turn(frame)))


def _square(frame: av.VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height as stored, the width stretched to square pixels; absurd aspects are not believed."""
    stretch = float(aspect) if aspect and 0.25 <= aspect <= 4 else 1.0
    return max(1, round(frame.width * stretch)), frame.height


def _turn(frame: av.VideoFrame) -> tuple[tuple[int, int], tuple[int, int]]:
    """The signs of the display matrix ((a, b), (c, d)): a stored (x, y) is shown at (ax + cy, bx + dy)."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return ((1, 0), (0, 1))
    a, b, _, c, d, *_ = np.frombuffer(bytes(data), np.int32)
    if abs(int(a)) + abs(int(d)) >= abs(int(b)) + abs(int(c)):
        return ((-1 if a < 0 else 1, 0), (0, -1 if d < 0 else 1))
    return ((0, -1 if b < 0 else 1), (-1 if c < 0 else 1, 0))


def _turned(pixels: np.ndarray, turn: tuple[tuple[int, int], tuple[int, int]]) -> np.ndarray:
    (a, b), (c, d) = turn
    if not a:
        pixels = pixels.transpose(1, 0, 2)
    down, right = (d, a) if a else (b, c)
    return pixels[::down, ::right]
