"""The sound of any clip is mono 16 kHz in honest clip time, in blocks cut where it is quiet."""

from __future__ import annotations

import tracemalloc
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from made_media import flat_pictures, tone, write_clip

from mmcore.errors import InputError
from mmcore.media import clip, sound
from mmcore.settings import Limits

LIMITS = Limits()
RATE = sound.RATE_HZ


def write_wav(path, channels: np.ndarray, rate: int):
    """(S, C) floats as 16 bits."""
    with wave.open(str(path), "wb") as out:
        out.setparams((channels.shape[1], 2, rate, 0, "NONE", ""))
        out.writeframes((channels * 32767).astype("<i2").tobytes())
    return path


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


def pitch(samples: np.ndarray) -> float:
    """The strongest frequency (Hz)."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 10])
def test_any_rate_and_number_of_channels_becomes_mono_16_khz(tmp_path, rate, channels):
    path = write_wav(tmp_path / "a.wav", np.repeat(tone(1, rate, level=0.9)[:, None], channels, 1), rate)
    samples = sound.samples(path, LIMITS)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(RATE, abs=20)
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert 0.85 < np.abs(samples).max() <= 1.0


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("u8.wav", "pcm_u8"),
        ("s16.wav", "pcm_s16le"),
        ("s24.wav", "pcm_s24le"),
        ("s32.wav", "pcm_s32le"),
        ("f32.wav", "pcm_f32le"),
        ("f64.wav", "pcm_f64le"),
        ("alaw.wav", "pcm_alaw"),
        ("a.flac", "flac"),
        ("a.mp3", "libmp3lame"),
        ("a.ogg", "libopus"),
        ("a.aiff", "pcm_s16be"),
        ("a.m4a", "aac"),
        ("a.ac3", "ac3"),
    ],
)
def test_every_sample_format_and_codec_gives_the_same_sound(tmp_path, name, codec):
    samples = sound.samples(write_clip(tmp_path / name, None, tone(2), sound_codec=codec), LIMITS)
    assert len(samples) / RATE == pytest.approx(2, abs=0.05)
    assert pitch(samples[RATE // 2 : 3 * RATE // 2]) == pytest.approx(440, abs=2)
    assert loudness(samples[RATE // 2 : 3 * RATE // 2]) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_full_scale_stereo_does_not_clip_and_one_silent_side_halves(tmp_path):
    left = tone(1, 48_000, level=0.99)
    both = sound.samples(write_wav(tmp_path / "a.wav", np.stack((left, left), 1), 48_000), LIMITS)
    one = sound.samples(write_wav(tmp_path / "b.wav", np.stack((left, left * 0), 1), 48_000), LIMITS)
    assert np.abs(both).max() == pytest.approx(0.99, abs=0.01)
    assert np.abs(one).max() == pytest.approx(0.495, abs=0.01)


def test_floats_beyond_full_scale_or_not_numbers_are_held_in_range(tmp_path):
    wild = tone(1, 48_000, level=3.0)
    wild[1000:1010] = np.nan
    samples = sound.samples(write_clip(tmp_path / "a.wav", None, wild, sound_codec="pcm_f32le"), LIMITS)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == 1.0


def test_no_block_cuts_a_word(tmp_path):
    words = np.zeros(60 * 8_000, np.float32)
    pauses = [7.1, 12.9, 19.3, 27.7, 36.2, 44.4, 52.8]
    words[:] = tone(60, 8_000)
    for pause_s in pauses:
        words[int(pause_s * 8000) : int((pause_s + 0.4) * 8000)] *= 0.01
    path = write_wav(tmp_path / "talk.wav", words[:, None], 8_000)
    blocks = list(sound.blocks(path, LIMITS, block_s=15))
    assert all(len(block.samples) <= 15 * RATE for block in blocks)
    starts = [block.start_s for block in blocks[1:]]
    assert all(any(pause_s <= start <= pause_s + 0.4 for pause_s in pauses) for start in starts)
    assert len(starts) >= 4


@pytest.mark.parametrize("block_s", [0.5, 1.0, 2.5, 7.0, 60.0])
def test_blocks_follow_each_other_without_gap_or_overlap(tmp_path, block_s):
    path = write_clip(tmp_path / "a.flac", None, tone(7, hertz=100), sound_codec="flac")
    blocks = list(sound.blocks(path, LIMITS, block_s))
    assert [block.last for block in blocks] == [False] * (len(blocks) - 1) + [True]
    assert all(0 < len(block.samples) <= block_s * RATE for block in blocks)
    starts = np.cumsum([0] + [len(block.samples) for block in blocks])[:-1] / RATE
    assert [block.start_s for block in blocks] == pytest.approx(list(starts))
    joined = np.concatenate([block.samples for block in blocks])
    assert np.array_equal(joined, sound.samples(path, LIMITS))


def test_samples_stop_where_they_are_told(tmp_path):
    path = write_clip(tmp_path / "a.wav", None, tone(5), sound_codec="pcm_s16le")
    assert len(sound.samples(path, LIMITS, max_s=1.5)) == 1.5 * RATE
    assert len(sound.samples(path, LIMITS, max_s=99)) == pytest.approx(5 * RATE, abs=600)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts", "a.webm"])
def test_sound_that_starts_late_is_padded_with_silence(tmp_path, name):
    made = {"codec": "libvpx", "sound_codec": "libopus"} if name == "a.webm" else {}
    path = write_clip(tmp_path / name, flat_pictures(40), tone(2), sound_starts_s=(1.5,), **made)
    samples = sound.samples(path, LIMITS)
    assert len(samples) / RATE == pytest.approx(3.5, abs=0.1)
    assert loudness(samples[: int(1.4 * RATE)]) < 1e-3
    assert loudness(samples[int(1.65 * RATE) : 3 * RATE]) > 0.3


@pytest.mark.parametrize("name", ["a.mka", "a.m4a", "a.nut", "a.ogg", "a.flv"])
def test_late_sound_without_pictures_keeps_its_time(tmp_path, name):
    made = {"a.mka": {"form": "matroska"}, "a.m4a": {"form": "mp4"}, "a.ogg": {"sound_codec": "libopus"}}.get(name, {})
    path = write_clip(tmp_path / name, None, tone(2), sound_starts_s=(1.0,), **made)
    assert clip.probe(path, LIMITS).duration_s == pytest.approx(3, abs=0.1)
    samples = sound.samples(path, LIMITS)
    assert loudness(samples[: int(0.9 * RATE)]) < 1e-3 < loudness(samples[int(1.2 * RATE) : int(2.8 * RATE)])


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_gap_in_the_sound_is_filled(tmp_path, name):
    path = write_clip(tmp_path / name, flat_pictures(60), tone(1), sound_starts_s=(0.0, 4.0), sound_codec="aac")
    samples = sound.samples(path, LIMITS)
    assert len(samples) / RATE == pytest.approx(5, abs=0.1)
    assert loudness(samples[int(0.2 * RATE) : int(0.9 * RATE)]) > 0.3
    assert loudness(samples[int(1.2 * RATE) : int(3.8 * RATE)]) < 1e-3
    assert loudness(samples[int(4.15 * RATE) : int(4.85 * RATE)]) > 0.3


def test_silence_is_not_made_beyond_the_limit(tmp_path):
    path = write_clip(
        tmp_path / "a.nut", flat_pictures(20), tone(1), sound_starts_s=(0.0, 9e4), sound_codec="pcm_s16le"
    )
    with pytest.raises(InputError) as caught:
        list(sound.blocks(path, Limits(clip_s=60)))
    assert caught.value.code == "too_long"


def test_a_timestamp_past_the_end_of_the_clip_is_not_believed():
    clock = sound._Clock(origin_s=0.0, end_s=5.0)
    frame = av.AudioFrame(format="flt", layout="mono", samples=1600)
    frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
    places = []
    for time_s in (0.0, 0.1, 900.0, 900.1, 902.0, 901.6, 1.0):
        frame.pts = round(time_s * RATE)
        places.append(clock.place(frame))
    assert places == ["next", "next", "next", "next", "gap", "drop", "next"]
    assert clock.heard_s == pytest.approx(0.3 + 1.9 + 0.1, abs=0.2)


def test_a_change_of_rate_within_a_stream_is_followed():
    mono = sound._Mono()
    pieces = []
    for rate, layout in ((48_000, "stereo"), (44_100, "mono"), (8_000, "5.1")):
        for begin in range(0, rate, rate // 50):
            part = tone(1, rate)[begin : begin + rate // 50]
            frame = av.AudioFrame.from_ndarray(
                np.repeat(part[None], {"mono": 1, "stereo": 2, "5.1": 6}[layout], 0).copy(), "fltp", layout
            )
            frame.sample_rate = rate
            pieces.append(mono.samples(frame))
    samples = np.concatenate([*pieces, mono.rest()])
    assert len(samples) == pytest.approx(3 * RATE, abs=100)
    assert all(pitch(samples[s * RATE + 2000 : s * RATE + 14_000]) == pytest.approx(440, abs=3) for s in range(3))


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp3", "libmp3lame"), ("a.ts", "aac"), ("a.mkv", "aac"), ("a.ogg", "libopus"), ("a.flac", "flac")],
)
def test_damage_in_the_middle_is_skipped(tmp_path, name, codec):
    path = write_clip(tmp_path / name, None, tone(8), sound_codec=codec)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(1).bytes(400)
    path.write_bytes(data)
    samples = sound.samples(path, LIMITS)
    assert len(samples) / RATE == pytest.approx(8, abs=1.5)
    assert loudness(samples[RATE : 2 * RATE]) > 0.3 < loudness(samples[-2 * RATE : -RATE])


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.mp3", "libmp3lame")])
def test_memory_does_not_grow_with_length(tmp_path, name, codec):
    peaks = []
    for minutes in (0.5, 3):
        path = write_clip(
            tmp_path / name, None, np.zeros(int(minutes * 60) * 8_000, np.float32), sound_codec=codec, sound_rate=8_000
        )
        list(sound.blocks(path, LIMITS, block_s=10))  # what is loaded once is not counted
        tracemalloc.start()
        count = sum(len(block.samples) for block in sound.blocks(path, LIMITS, block_s=10))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count / RATE == pytest.approx(minutes * 60, abs=0.5)
    assert peaks[1] < 1.2 * peaks[0] < 10 * 10**6


def test_a_clock_that_was_running_before_is_taken_as_the_start(tmp_path):
    path = write_clip(tmp_path / "a.mkv", None, tone(2), sound_starts_s=(7000.0,))
    assert clip.probe(path, LIMITS).duration_s == pytest.approx(2, abs=0.1)
    assert len(sound.samples(path, LIMITS)) / RATE == pytest.approx(2, abs=0.1)


def test_an_hour_late_is_padded_in_small_pieces(tmp_path):
    path = write_clip(tmp_path / "a.mkv", flat_pictures(40), tone(1), sound_starts_s=(3600.0,))
    tracemalloc.start()
    total = sum(len(block.samples) for block in sound.blocks(path, LIMITS, block_s=30))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total / RATE == pytest.approx(3601, abs=0.2)
    assert peak < 20 * 10**6


def test_silence_is_cut_late_and_a_tiny_clip_is_one_block():
    assert sound.quietest(np.zeros(60 * RATE, np.float32)) > 59 * RATE
    assert sound.quietest(np.zeros(100, np.float32)) == 100


def test_a_clip_over_the_limit_is_refused_while_it_is_read(tmp_path):
    path = write_clip(tmp_path / "a.wav", None, tone(5), sound_codec="pcm_s16le")
    with pytest.raises(InputError) as caught:
        list(sound.blocks(path, Limits(clip_s=3), block_s=1))
    assert caught.value.code == "too_long"
