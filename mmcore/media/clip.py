"""What kind of file it is, and how long and large, without decoding it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..settings import Limits
from . import animation, image, source
from .source import check_pixels, check_seconds, opened_container, picture_stream, sound_stream

if TYPE_CHECKING:
    import av.container

#: Containers that only guess their duration, from the bit rate or the last packets.
GUESSED = frozenset({"mp3", "aac", "ac3", "eac3", "amr", "amrnb", "amrwb", "mpegts", "mpeg", "mpegvideo", "h264",
                     "hevc", "m4v", "h263", "obu", "av1", "mjpeg", "truehd", "dts", "flv", "yuv4mpegpipe"})  # fmt: skip
RAW_RATE = 25.0  # frames per second of a raw stream that says nothing, as ffmpeg takes it


@dataclass(frozen=True)
class ClipInfo:
    """A clip of sound, pictures or both; ``width`` and ``height`` are of the upright picture, 0 without one."""

    duration_s: float
    has_sound: bool
    has_pictures: bool
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0  # frames per second, the mean where it varies
    container: str = ""


def kind(path: str | os.PathLike, limits: Limits) -> str:
    """ "image", "audio" or "video", by content. An animation is an image, a song with cover art audio.

    Raises InputError when it is none of them.
    """
    if image.is_image(path, limits):
        return "image"
    name = Path(path).name
    with opened_container(path, limits) as container:
        if picture_stream(container, name, limits):
            return "video"
        if sound_stream(container):
            return "audio"
    raise InputError("no_streams", name=name)


def probe(path: str | os.PathLike, limits: Limits) -> ClipInfo:
    """What the clip holds and how long it is. Animated images are clips without sound.

    Where the container does not know its duration, the packets are read through, undecoded. Raises InputError,
    also when the clip is longer or its pictures larger than the limits.
    """
    name = Path(path).name
    if image.is_image(path, limits):
        return _of_animation(path, limits)
    with opened_container(path, limits) as container:
        sound, pictures = sound_stream(container), picture_stream(container, name, limits)
        if sound is None and pictures is None:
            raise InputError("no_streams", name=name)
        duration_s = _duration_s(container, [s for s in (sound, pictures) if s], name, limits)
        check_seconds(duration_s, name, limits)
        width, height = _upright_size(container, pictures) if pictures else (0, 0)
        return ClipInfo(
            duration_s, sound is not None, pictures is not None, width, height, _rate(pictures), container.format.name
        )


def _of_animation(path: str | os.PathLike, limits: Limits) -> ClipInfo:
    with animation.opened(path, limits) as moving:
        duration_s, count = animation.length(moving, limits)
        check_pixels(*moving.size, Path(path).name, limits)
        check_seconds(duration_s, Path(path).name, limits)
        return ClipInfo(duration_s, False, True, *moving.size, count / duration_s, moving.format.lower())


def _rate(pictures: av.VideoStream | None) -> float:
    return float(pictures.average_rate or pictures.guessed_rate or 0.0) if pictures else 0.0


def _duration_s(container: av.container.InputContainer, streams: list, name: str, limits: Limits) -> float:
    said_s = None if container.format.name in GUESSED else source.end_s(container)
    return _scanned_s(container, streams, name, limits) if said_s is None else said_s


def _scanned_s(container: av.container.InputContainer, streams: list, name: str, limits: Limits) -> float:
    """The end of the last packet, read without decoding."""
    origin, end_s, count = source.origin_s(container), 0.0, 0
    untimed_s = 1 / (_rate(next((s for s in streams if s.type == "video"), None)) or RAW_RATE)
    for packet in source.packets(container, *streams):
        if packet.size == 0:
            continue
        count += packet.stream.type == "video"
        end_s = max(end_s, _packet_end_s(packet, origin), count * untimed_s if packet.pts is None else 0.0)
        check_seconds(end_s, name, limits)
    return end_s


def _packet_end_s(packet: av.Packet, origin: float) -> float:
    start = packet.pts if packet.pts is not None else packet.dts
    return 0.0 if start is None else float((start + (packet.duration or 0)) * packet.time_base) - origin


def _upright_size(container: av.container.InputContainer, pictures: av.VideoStream) -> tuple[int, int]:
    """Width and height as shown. The turn is only known from a decoded picture."""
    import av

    from .video import shown_size

    stored = (pictures.width, pictures.height)
    try:
        container.seek(0)
        frames = source.decoded(container, pictures)
        return next((shown_size(frame, pictures.sample_aspect_ratio) for frame in frames), stored)
    except av.FFmpegError:
        return stored
