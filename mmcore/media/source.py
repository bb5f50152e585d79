"""The one place where a file of the user is opened, and where a container is handed to ffmpeg.

ffmpeg gets a Python file object, a list of demuxers that read nothing but that file, and a door that opens
no other: a playlist cannot make it read a path or fetch an address.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import InputError
from ..settings import Limits

if TYPE_CHECKING:
    import av.container

#: Demuxers of one self-contained file. Left out: playlists (hls, dash, concat, sdp), image sequences, devices,
#: subtitles, and formats that are guessed from a file's extension.
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,ogg,wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,amr,amrnb,amrwb,"
    "asf,flv,mpegts,mpeg,mpegvideo,h264,hevc,m4v,h263,obu,av1,ivf,mjpeg,dv,mxf,nut,rm,wv,tta,ape,tak,mpc,mpc8,dsf,"
    "voc,truehd,dts,qoa,gif,apng,yuv4mpegpipe"
)
BUFFER_BYTES = 2**18
#: How the containers begin, to tell a damaged file from one that is something else: (offset, bytes).
SIGNATURES = (
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (0, b"OggS"),
    (0, b"fLaC"),
    (0, b"ID3"),
    (0, b"FLV\x01"),
    (8, b"WAVE"),
    (8, b"AVI "),
    (8, b"AIFF"),
    (0, b"\x30\x26\xb2\x75"),  # ASF
    (0, b"caff"),
)


@contextmanager
def opened_file(path: str | os.PathLike, limits: Limits) -> Iterator[BinaryIO]:
    """The file open for reading. Raises InputError when it is missing, a folder, empty or too large."""
    name = Path(path).name
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - closed at the end
    except IsADirectoryError:
        raise InputError("file_is_folder", name=name) from None
    except (OSError, ValueError):
        code = "file_is_folder" if os.path.isdir(path) else "file_missing"
        raise InputError(code, name=name) from None
    with file:
        _check_size(os.fstat(file.fileno()), name, limits)
        yield file


def _without_waiting(path: str, flags: int) -> int:
    """A pipe is opened at once too, to be refused."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_size(found: os.stat_result, name: str, limits: Limits) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InputError("not_media", name=name)
    if found.st_size == 0:
        raise InputError("file_empty", name=name)
    if found.st_size > limits.file_bytes:
        raise InputError("file_too_large", name=name, size_mb=found.st_size / 1e6, limit_mb=limits.file_bytes / 1e6)


@contextmanager
def opened_container(path: str | os.PathLike, limits: Limits) -> Iterator[av.container.InputContainer]:
    """The file as a container of streams, closed at the end; what ffmpeg refuses inside is ``broken_media``."""
    import av

    name = Path(path).name
    with opened_file(path, limits) as file:
        try:
            container = _demuxer(file, limits)
        except (av.FFmpegError, ValueError, OSError):
            raise InputError("broken_media" if _signed(file) else "not_media", name=name) from None
        with container:
            try:
                yield container
            except av.FFmpegError:
                raise InputError("broken_media", name=name) from None


def _demuxer(file: BinaryIO, limits: Limits) -> av.container.InputContainer:
    import av

    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "max_pixels": str(limits.pixels)}
    return av.open(file, options=options, buffer_size=BUFFER_BYTES, metadata_errors="replace", io_open=_no_other_file)


def _no_other_file(url: str, flags: int, options: dict) -> BinaryIO:
    raise PermissionError("a clip may not open other files")


def _signed(file: BinaryIO) -> bool:
    """Whether the file begins as a container does."""
    file.seek(0)
    head = file.read(16)
    return any(head.startswith(mark, offset) for offset, mark in SIGNATURES)


def sound_stream(container: av.container.InputContainer) -> av.AudioStream | None:
    """The main sound that can be decoded, or None."""
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    return next((s for s in streams if "default" in _dispositions(s)), streams[0] if streams else None)


def picture_stream(container: av.container.InputContainer, name: str, limits: Limits) -> av.VideoStream | None:
    """The main moving pictures that can be decoded (cover art is not), or None.

    Raises InputError when a frame has more pixels than the limit.
    """
    streams = [s for s in container.streams.video if s.codec_context is not None and not _is_cover(s)]
    if not streams:
        return None
    stream = max(streams, key=lambda s: ("default" in _dispositions(s), s.width * s.height))
    check_pixels(stream.width, stream.height, name, limits)
    return stream


def _dispositions(stream: av.stream.Stream) -> set[str]:
    return {flag.name for flag in stream.disposition}


def _is_cover(stream: av.VideoStream) -> bool:
    return bool({"attached_pic", "timed_thumbnails"} & _dispositions(stream))


def check_pixels(width: int, height: int, name: str, limits: Limits) -> None:
    """Raises InputError when one picture of this size is over the limit."""
    if width * height > limits.pixels:
        raise InputError("too_many_pixels", name=name, megapixels=width * height / 1e6, limit=limits.pixels / 1e6)


def check_seconds(seconds: float, name: str, limits: Limits) -> None:
    """Raises InputError when a clip of this length is over the limit."""
    if seconds > limits.clip_s:
        raise InputError("too_long", name=name, minutes=seconds / 60, limit=limits.clip_s / 60)


#: Containers whose clock starts anywhere: their first packet is the start of the clip.
BROADCAST = frozenset({"mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "obu"})
LEAD_IN_S = 60.0  # a longer wait before the first packet is a clock that was already running, not silence


def origin_s(container: av.container.InputContainer) -> float:
    """The container's time that is second 0 of the clip."""
    start_s = (container.start_time or 0) / 1e6
    if container.format.name in BROADCAST or start_s > LEAD_IN_S:
        return start_s
    return 0.0


#: Containers whose duration is the time of their end, even when the first packet comes late.
FROM_ZERO = frozenset({"matroska,webm", "nut", "ogg", "asf"})


def end_s(container: av.container.InputContainer) -> float | None:
    """The clip time at which the container says that it ends; None when it does not say."""
    if not container.duration or container.duration < 0:
        return None
    first_s = 0.0 if container.format.name in FROM_ZERO else (container.start_time or 0) / 1e6
    end = first_s + container.duration / 1e6 - origin_s(container)
    return end if end > 0 else None


ERRORS_MAX = 200  # damaged packets in a row after which the rest is given up


def packets(container: av.container.InputContainer, *streams: av.stream.Stream) -> Iterator[av.Packet]:
    """The packets of ``streams`` from where the container stands, undecoded; what cannot be read is skipped."""
    import av

    errors, demuxed = 0, container.demux(*streams)
    while errors < ERRORS_MAX:
        try:
            packet = next(demuxed, None)
        except (av.FFmpegError, IndexError) as error:  # IndexError: of a stream that was not there at the start
            errors += isinstance(error, av.FFmpegError)
            demuxed = container.demux(*streams)  # an error ends the generator, not the file
            continue
        if packet is None:
            return
        errors = 0
        yield packet


def decoded(container: av.container.InputContainer, stream: av.stream.Stream) -> Iterator[av.frame.Frame]:
    """The frames of ``stream`` from where the container stands; damaged packets are skipped."""
    import av

    for packet in packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        yield from frames
