"""Clips made on the spot. Frame ``i`` of a video is one flat grey of level ``grey(i)``, so that a picture tells
which frame it is."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

LEVELS = 24  # greys that are told apart after lossy coding


def grey(index: int) -> int:
    return 20 + 9 * (index % LEVELS)


def index_of(pixels: np.ndarray) -> int:
    """Which frame (modulo LEVELS) the picture is."""
    return round((float(pixels.mean()) - 20) / 9)


def tone(seconds: float, rate: int = 48_000, hertz: float = 440.0, level: float = 0.5) -> np.ndarray:
    """(S,) float32."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def flat_pictures(count: int, width: int = 64, height: int = 48):
    """``count`` frames (H, W, 3)."""
    for index in range(count):
        yield np.full((height, width, 3), grey(index), np.uint8)


def write_clip(
    path,
    pictures=None,
    sound: np.ndarray | None = None,
    *,
    form: str | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: int = 10,
    times_ms=None,
    key_every: int = 12,
    rotation: float | None = None,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    sound_codec: str = "aac",
    sound_rate: int = 48_000,
    sound_starts_s=(0.0,),
    options: dict | None = None,
):
    """Write frames (H, W, 3) and mono sound (S,) float32, once at each of ``sound_starts_s``. Returns ``path``."""
    with av.open(str(path), "w", format=form, options=options or {}) as out:
        packets = []
        video = audio = None
        if pictures is not None:
            pictures = list(pictures)
            video = _video_stream(out, codec, pixel_format, rate, pictures[0].shape, key_every)
            if rotation is not None:
                video.set_display_rotation(rotation, hflip=mirrored)
            if aspect:
                video.codec_context.sample_aspect_ratio = aspect
        if sound is not None:
            audio = out.add_stream(sound_codec, rate=sound_rate, layout="mono")
        if video:
            packets += _video_packets(video, pictures, rate, times_ms)
        if audio:
            packets += _sound_packets(audio, sound, sound_rate, sound_starts_s)
        for packet in sorted(packets, key=lambda p: float((p.dts if p.dts is not None else p.pts) * p.time_base)):
            out.mux(packet)
    return path


def _video_stream(out, codec, pixel_format, rate, shape, key_every):
    stream = out.add_stream(codec, rate=rate)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = pixel_format
    if codec not in ("gif", "apng", "rawvideo", "prores_ks"):
        stream.gop_size = key_every
    if codec == "libx264":
        stream.options = {"preset": "veryfast", "crf": "12", "sc_threshold": "0"}
    if codec == "libvpx-vp9":
        stream.options = {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"}
    return stream


def _video_packets(stream, pictures, rate, times_ms):
    packets = []
    stream.codec_context.time_base = Fraction(1, 1000) if times_ms else Fraction(1, rate)
    for index, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame.time_base = stream.codec_context.time_base
        frame.pts = times_ms[index] if times_ms else index
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _sound_packets(stream, sound, rate, starts_s):
    frames = [frame for start_s in starts_s for frame in _sound_frames(stream, sound, rate, round(start_s * rate))]
    packets = []
    for frame in frames:
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _sound_frames(stream, sound, rate, start):
    size = stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler(stream.format, "mono", rate)
    whole = len(sound) - len(sound) % size  # encoders take full frames but for the last of all
    for begin in range(0, whole, size):
        made = av.AudioFrame.from_ndarray(sound[None, begin : begin + size], "fltp", "mono")
        made.sample_rate, made.time_base, made.pts = rate, Fraction(1, rate), start + begin
        yield from resampler.resample(made)
