"""The picture shown at a wanted time, upright, whatever the container, codec, rate and damage."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
from made_media import LEVELS, flat_pictures, grey, index_of, write_clip
from PIL import Image

from mmcore.errors import InputError
from mmcore.media import clip, video
from mmcore.settings import Limits

LIMITS = Limits()
KINDS = {
    "a.mp4": {},
    "a.mkv": {},
    "live.mkv": {"options": {"live": "1"}},
    "a.mov": {"codec": "mpeg4"},
    "a.webm": {"codec": "libvpx-vp9"},
    "a.avi": {"codec": "mpeg4"},
    "raw.ivf": {"codec": "libvpx"},
    "deep.mov": {"codec": "prores_ks", "pixel_format": "yuv422p10le"},
    "deep.mkv": {"codec": "ffv1", "pixel_format": "gbrp16le"},
    "grey.mkv": {"codec": "ffv1", "pixel_format": "gray16le"},
    "full.mp4": {"pixel_format": "yuv444p"},
    "a.gif": {"codec": "gif", "pixel_format": "gray"},
}


def shown(path, times_s, **options):
    return [(frame.time_s, index_of(frame.pixels)) for frame in video.frames(path, times_s, LIMITS, **options)]


@pytest.mark.parametrize("name", KINDS)
def test_the_picture_shown_at_each_time_is_found(tmp_path, name):
    path = write_clip(tmp_path / name, flat_pictures(LEVELS), **KINDS[name])
    times = [0.0, 0.05, 0.31, 0.72, 0.79, 1.13, 1.96, 2.35]
    for (time_s, index), wanted in zip(shown(path, times), times, strict=True):
        assert 0 <= time_s <= wanted + 1e-6
        assert index == pytest.approx(int(wanted * 10 + 1e-6), abs=1 if name == "a.avi" else 0)
        assert wanted - time_s < 0.1001


@pytest.mark.parametrize("key_every", [1, 5, 300])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "live.mkv", "a.ts", "a.webm"])
def test_seeking_and_decoding_on_give_the_same_pictures(tmp_path, name, key_every):
    made = {**KINDS.get(name, {}), "key_every": key_every}
    path = write_clip(tmp_path / name, flat_pictures(480, 32, 32), **made)  # 48 s
    every = [frame.time_s for frame in video.frames(path, [0.0], LIMITS)]
    starts_s = every[0]
    times = [0.05, 3.33, 11.11, 25.55, 39.99, 40.05, 47.95]
    found = shown(path, [starts_s + time_s for time_s in times])
    assert [time_s - starts_s for time_s, _ in found] == pytest.approx(
        [int(t * 10 + 1e-6) / 10 for t in times], abs=1e-3
    )
    assert [index for _, index in found] == [int(t * 10 + 1e-6) % LEVELS for t in times]


def test_key_frames_save_decoding(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", flat_pictures(400, 32, 32), key_every=10)
    decoded, count = video.decoded, []
    monkeypatch.setattr(video, "decoded", lambda *args: (count.append(1) or frame for frame in decoded(*args)))
    shown(path, [5.0, 20.0, 35.0])
    assert len(count) < 60


def test_one_key_frame_is_not_sought_again_and_again(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mkv", flat_pictures(480, 32, 32), key_every=1000)
    decoded, count = video.decoded, []
    monkeypatch.setattr(video, "decoded", lambda *args: (count.append(1) or frame for frame in decoded(*args)))
    shown(path, [0.5, 15.0, 30.0, 45.0])
    assert len(count) < 480 * 1.3


def test_times_before_and_after_the_pictures_give_the_first_and_last(tmp_path):
    path = write_clip(tmp_path / "a.mp4", flat_pictures(10))
    assert shown(path, [-5.0, 0.95, 99.0, 1e6]) == [(0.0, 0), (0.9, 9), (0.9, 9), (0.9, 9)]
    assert shown(path, []) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_frame_rate_is_honoured(tmp_path, name):
    path = write_clip(tmp_path / name, flat_pictures(5), times_ms=[0, 100, 1500, 1540, 4000], key_every=2)
    found = shown(path, [0.05, 1.4, 1.52, 3.9, 4.0])
    assert [index for _, index in found] == [0, 1, 2, 3, 4]
    assert [time_s for time_s, _ in found] == pytest.approx([0, 0.1, 1.5, 1.54, 4.0], abs=0.002)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_animations_are_shown_by_their_own_durations(tmp_path, name):
    frames = [Image.new("RGB", (32, 16), (grey(index),) * 3) for index in range(4)]
    path = tmp_path / name
    lossless = {"lossless": True} if name == "a.webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 400, 300, 200], **lossless)
    found = shown(path, [0.0, 0.099, 0.1, 0.45, 0.51, 0.79, 0.81, 5.0])
    assert [index for _, index in found] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [time_s for time_s, _ in found] == pytest.approx([0, 0, 0.1, 0.1, 0.5, 0.5, 0.8, 0.8])
    assert next(iter(video.frames(path, [0], LIMITS, max_side=8))).pixels.shape == (4, 8, 3)


def test_a_transparent_animation_is_on_white(tmp_path):
    frames = [Image.new("RGBA", (8, 8), (200, 0, 0, 0)), Image.new("RGBA", (8, 8), (0, 0, 200, 255))]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    first, second = video.frames(tmp_path / "a.webp", [0, 0.15], LIMITS)
    assert first.pixels.min() == 255
    assert second.pixels[0, 0].tolist() == [0, 0, 200]


def quarters() -> np.ndarray:
    """(48, 64, 3): red, green / blue, white."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32], picture[24:, 32:] = (
        (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255),
    )  # fmt: skip
    return picture


def colours(pixels: np.ndarray) -> list[str]:
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    height, width = pixels.shape[:2]
    spots = [(height // 4, width // 4), (height // 4, 3 * width // 4), (3 * height // 4, width // 4)]
    return [names[tuple(int(level > 128) for level in pixels[spot])] for spot in spots]


@pytest.mark.parametrize(
    ("clockwise", "mirrored", "wanted"),
    [  # top left, top right, bottom left
        (0, False, ["red", "green", "blue"]),
        (90, False, ["blue", "red", "white"]),
        (180, False, ["white", "blue", "green"]),
        (270, False, ["green", "white", "red"]),
        (0, True, ["green", "red", "white"]),
    ],
)
def test_phone_videos_are_turned_upright(tmp_path, clockwise, mirrored, wanted):
    path = write_clip(
        tmp_path / "a.mp4", [quarters()] * 3, rotation=-clockwise, mirrored=mirrored, pixel_format="yuv444p"
    )
    frame = next(iter(video.frames(path, [0.1], LIMITS)))
    assert colours(frame.pixels) == wanted
    info = clip.probe(path, LIMITS)
    assert (info.height, info.width) == frame.pixels.shape[:2] == ((64, 48) if clockwise % 180 else (48, 64))


def test_pixels_that_are_not_square_are_stretched(tmp_path):
    path = write_clip(tmp_path / "a.mkv", flat_pictures(3), aspect=Fraction(3, 2))
    assert next(iter(video.frames(path, [0], LIMITS))).pixels.shape == (48, 96, 3)
    assert (clip.probe(path, LIMITS).width, clip.probe(path, LIMITS).height) == (96, 48)


def test_frames_are_made_no_larger_than_asked(tmp_path):
    path = write_clip(tmp_path / "a.mp4", flat_pictures(2, 320, 180))
    sizes = [next(iter(video.frames(path, [0], LIMITS, max_side=side))).pixels.shape for side in (1000, 160, 7, 1)]
    assert sizes == [(180, 320, 3), (90, 160, 3), (4, 7, 3), (1, 1, 3)]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts", "a.avi"])
def test_damaged_packets_in_the_middle_are_skipped(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 60, (60, 48, 64, 3), np.uint8)
    pictures = [np.clip(picture.astype(int) + grey(0), 0, 255).astype(np.uint8) for picture in noise]
    path = write_clip(tmp_path / name, pictures, key_every=6, **KINDS.get(name, {}))
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data) // 2, 300):
        data[place : place + 20] = b"\xff" * 20
    path.write_bytes(data)
    found = list(video.frames(path, [0.5, 2.5, 5.5], LIMITS))
    assert len(found) == 3
    assert found[-1].time_s == pytest.approx(5.5, abs=0.7)


def test_a_clip_without_one_good_picture_is_called_damaged(tmp_path):
    path = write_clip(tmp_path / "a.mp4", flat_pictures(10))
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = b"\xff" * (end - start)
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        list(video.frames(path, [0.0], LIMITS))
    assert caught.value.code == "broken_media"


def test_memory_does_not_grow_with_length(tmp_path):
    peaks = []
    for count in (60, 600):
        path = write_clip(tmp_path / f"{count}.mp4", flat_pictures(count, 160, 120), key_every=30)
        tracemalloc.start()
        for _ in video.frames(path, video.sample_times(count / 10, 40, 0.5), LIMITS):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_sample_times_are_the_middles_of_equal_parts():
    assert video.sample_times(10, 5, 2) == [1, 3, 5, 7, 9]
    assert video.sample_times(100, 4, 1) == [12.5, 37.5, 62.5, 87.5]
    assert video.sample_times(0.4, 8, 2) == [0.2]
    assert video.sample_times(0, 8, 2) == [0]


def test_the_display_matrix_is_read_from_the_frame(tmp_path):
    path = write_clip(tmp_path / "a.mp4", flat_pictures(2), rotation=90)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert video.shown_size(frame, None) == (48, 64)
