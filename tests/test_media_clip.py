"""What a file is, how long it is, and that no file can make the demuxer read another."""

from __future__ import annotations

import gc
import os
import random
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from made_media import flat_pictures, tone, write_clip
from PIL import Image

from mmcore.errors import InputError
from mmcore.media import clip, sound, video
from mmcore.settings import Limits

LIMITS = Limits()
VIDEOS = {
    "h264.mp4": {},
    "fragments.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}},
    "a.mkv": {},
    "a.mov": {"codec": "mpeg4"},
    "a.avi": {"codec": "mpeg4", "sound_codec": "libmp3lame"},
    "a.webm": {"codec": "libvpx-vp9", "sound_codec": "libopus"},
    "a.ts": {},
    "a.flv": {"sound_rate": 44_100},
}
SOUNDS = {
    "8.wav": {"sound_codec": "pcm_u8"},
    "16.wav": {"sound_codec": "pcm_s16le"},
    "24.wav": {"sound_codec": "pcm_s24le"},
    "float.wav": {"sound_codec": "pcm_f32le"},
    "a.mp3": {"sound_codec": "libmp3lame"},
    "a.flac": {"sound_codec": "flac"},
    "a.ogg": {"sound_codec": "libopus"},
    "a.m4a": {},
    "a.aac": {"form": "adts"},
    "sound.mp4": {},
    "sound.webm": {"sound_codec": "libopus"},
}


def refused(read, *args) -> InputError:
    with pytest.raises(InputError) as caught:
        read(*args)
    assert "/" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", VIDEOS)
def test_a_video_is_told_with_its_length_and_size(tmp_path, name):
    path = write_clip(
        tmp_path / name, flat_pictures(20), tone(2, VIDEOS[name].get("sound_rate", 48_000)), **VIDEOS[name]
    )
    assert clip.kind(path, LIMITS) == "video"
    info = clip.probe(path, LIMITS)
    assert info.duration_s == pytest.approx(2.0, abs=0.25)  # containers round, and may start a few frames late
    assert (info.has_sound, info.has_pictures, info.width, info.height) == (True, True, 64, 48)
    assert info.frame_rate == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_alone_is_audio_whatever_the_container(tmp_path, name):
    path = write_clip(tmp_path / name, None, tone(2), **SOUNDS[name])
    assert clip.kind(path, LIMITS) == "audio"
    info = clip.probe(path, LIMITS)
    assert info.duration_s == pytest.approx(2.0, abs=0.06)
    assert (info.has_sound, info.has_pictures, info.width) == (True, False, 0)


def test_pictures_alone_are_a_video_without_sound(tmp_path):
    path = write_clip(tmp_path / "mute.mp4", flat_pictures(10))
    assert clip.kind(path, LIMITS) == "video"
    assert not clip.probe(path, LIMITS).has_sound
    assert refused(lambda: list(sound.blocks(path, LIMITS))).code == "no_streams"


def test_a_song_with_cover_art_is_audio(tmp_path):
    path = tmp_path / "song.mp3"
    Image.new("RGB", (32, 32), "red").save(tmp_path / "cover.jpg")
    with av.open(str(path), "w") as out, av.open(str(tmp_path / "cover.jpg")) as cover:
        audio = out.add_stream("libmp3lame", rate=44_100, layout="mono")
        art = out.add_stream_from_template(cover.streams.video[0])
        art.disposition = av.stream.Disposition.attached_pic
        packet = next(cover.demux(video=0))
        packet.stream = art
        frame = av.AudioFrame.from_ndarray(tone(1, 44_100)[None], "fltp", "mono")
        frame.sample_rate = 44_100
        sounds = audio.encode(frame) + audio.encode(None)
        for each in [*sounds, packet]:
            out.mux(each)
    with av.open(str(path)) as written:
        assert len(written.streams.video) == 1
    assert clip.kind(path, LIMITS) == "audio"
    assert not clip.probe(path, LIMITS).has_pictures
    assert refused(lambda: list(video.frames(path, [0], LIMITS))).code == "no_streams"


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_an_animation_is_an_image_that_can_be_probed_as_a_clip(tmp_path, name):
    frames = [Image.new("RGB", (20, 10), (value, 0, 0)) for value in (0, 80, 160, 240)]
    path = tmp_path / name
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 200, 300, 400])
    assert clip.kind(path, LIMITS) == "image"
    info = clip.probe(path, LIMITS)
    assert info.duration_s == pytest.approx(1.0)
    assert (info.width, info.height, info.has_sound, info.has_pictures) == (20, 10, False, True)
    assert info.frame_rate == pytest.approx(4)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.jpg", "a.bmp", "a.mp4"])
def test_a_still_picture_is_an_image_and_no_clip(tmp_path, name):
    Image.new("RGB", (20, 10)).save(tmp_path / name, "PNG" if name == "a.mp4" else None)
    assert clip.kind(tmp_path / name, LIMITS) == "image"
    assert refused(clip.probe, tmp_path / name, LIMITS).code == "not_media"


@pytest.mark.parametrize(
    ("name", "wrong"), [("a.mp4", "a.jpg"), ("a.webm", "a.txt"), ("a.wav", "a.mp4"), ("a.mp3", "x")]
)
def test_content_decides_not_the_extension(tmp_path, name, wrong):
    made = {**VIDEOS, **SOUNDS}.get(name, {"sound_codec": "pcm_s16le"})
    pictures = None if name in ("a.wav", "a.mp3") else flat_pictures(5)
    write_clip(tmp_path / name, pictures, tone(0.5), **made).rename(tmp_path / wrong)
    assert clip.kind(tmp_path / wrong, LIMITS) == ("audio" if pictures is None else "video")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("live.webm", {"codec": "libvpx", "sound_codec": "libopus", "options": {"live": "1"}}),
        ("live.mkv", {"options": {"live": "1"}}),
        ("raw.h264", {"form": "h264", "rate": 25}),
        ("raw.m4v", {"form": "m4v", "codec": "mpeg4", "rate": 25}),
    ],
)
def test_a_length_the_container_does_not_say_is_found_in_its_packets(tmp_path, name, made):
    count = 3 * made.get("rate", 10)
    path = write_clip(tmp_path / name, flat_pictures(count), None if name.startswith("raw") else tone(3), **made)
    with av.open(str(path)) as container:
        assert not container.duration or container.format.name in clip.GUESSED
    assert clip.probe(path, LIMITS).duration_s == pytest.approx(3, abs=0.15)


def test_a_wav_whose_header_does_not_know_its_length_is_read_to_its_end(tmp_path):
    path = write_clip(tmp_path / "stream.wav", None, tone(2), sound_codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    place = data.index(b"data")
    data[4:8] = data[place + 4 : place + 8] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert clip.probe(path, LIMITS).duration_s == pytest.approx(2, abs=0.05)
    assert len(sound.samples(path, LIMITS)) == pytest.approx(32_000, abs=600)


def test_a_variable_bit_rate_mp3_is_measured_not_guessed(tmp_path):
    loud = np.random.default_rng(0).normal(0, 0.3, 48_000 * 3).astype(np.float32)
    path = tmp_path / "vbr.mp3"
    sound_parts = np.concatenate((loud, np.zeros(48_000 * 17, np.float32)))
    write_clip(path, None, sound_parts, sound_codec="libmp3lame", options={"write_xing": "0"})
    assert clip.probe(path, LIMITS).duration_s == pytest.approx(20, abs=0.1)


def test_limits_of_seconds_bytes_and_pixels_hold(tmp_path):
    path = write_clip(tmp_path / "a.mp4", flat_pictures(20), tone(2))
    assert refused(clip.probe, path, Limits(clip_s=1.0)).code == "too_long"
    assert refused(clip.probe, path, Limits(file_bytes=1000)).code == "file_too_large"
    assert refused(clip.probe, path, Limits(pixels=64 * 48 - 1)).code == "too_many_pixels"
    assert refused(lambda: list(video.frames(path, [0], Limits(pixels=3000)))).code == "too_many_pixels"
    live = write_clip(tmp_path / "l.mkv", flat_pictures(20), tone(2), options={"live": "1"})
    assert refused(clip.probe, live, Limits(clip_s=1.0)).code == "too_long"
    assert refused(lambda: list(sound.blocks(live, Limits(clip_s=1.0)))).code == "too_long"


READERS = {
    "kind": lambda path: clip.kind(path, LIMITS),
    "probe": lambda path: clip.probe(path, LIMITS),
    "sound": lambda path: list(sound.blocks(path, LIMITS)),
    "frames": lambda path: list(video.frames(path, [0.0, 1.0], LIMITS)),
}


@pytest.mark.parametrize("reader", READERS)
def test_files_that_cannot_be_opened_are_refused(tmp_path, reader):
    read = READERS[reader]
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    assert refused(read, tmp_path / "gone.mp4").code == "file_missing"
    assert refused(read, tmp_path / "empty.mp4").code == "file_empty"
    assert refused(read, tmp_path / "folder.mp4").code == "file_is_folder"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", [b"once upon a time\n" * 200, b"\0" * 4000, b"\1", b"<html></html>", b"{}"])
def test_what_is_no_media_is_refused_whatever_its_extension(tmp_path, reader, content):
    path = tmp_path / "story.mp4"
    path.write_bytes(content)
    error = refused(READERS[reader], path)
    assert error.code == "not_media"
    assert error.values == {"name": "story.mp4"}


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_are_refused(tmp_path, seed):
    path = tmp_path / "noise.mp4"
    path.write_bytes(random.Random(seed).randbytes(20_000))
    for read in READERS.values():
        assert refused(read, path).code in ("not_media", "broken_media", "no_streams")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["h264.mp4", "a.mov"])
def test_a_file_cut_before_its_index_is_called_damaged(tmp_path, reader, name):
    path = write_clip(tmp_path / name, flat_pictures(20), tone(2), **VIDEOS[name])
    path.write_bytes(path.read_bytes()[:3000])
    assert refused(READERS[reader], path).code == "broken_media"


@pytest.mark.parametrize("name", ["fragments.mp4", "a.mkv", "a.webm", "a.ts", "a.avi", "a.flv"])
def test_a_cut_stream_is_read_as_far_as_it_goes(tmp_path, name):
    path = write_clip(
        tmp_path / name, flat_pictures(40), tone(4, VIDEOS[name].get("sound_rate", 48_000)), **VIDEOS[name]
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert clip.kind(path, LIMITS) == "video"
    assert clip.probe(path, LIMITS).has_sound
    assert 1 < len(sound.samples(path, LIMITS)) / sound.RATE_HZ < 4
    assert len(list(video.frames(path, [0.5, 3.9], LIMITS))) == 2


@pytest.mark.parametrize("name", ["h264.mp4", "a.mkv", "a.webm", "a.avi", "16.wav", "a.mp3", "a.flac", "a.ogg"])
def test_changed_bytes_give_a_result_or_a_sentence(tmp_path, name):
    made = {**VIDEOS, **SOUNDS}[name]
    path = write_clip(tmp_path / name, flat_pictures(10) if name in VIDEOS else None, tone(1), **made)
    whole, dice, sentences = path.read_bytes(), random.Random(name), 0
    for _ in range(8):
        data = bytearray(whole)
        for _ in range(20):
            data[dice.randrange(min(len(data), 2000))] = dice.randrange(256)
        path.write_bytes(data)
        for read in READERS.values():
            try:
                read(path)
            except InputError as error:
                sentences += bool(str(error))
    assert sentences


def hostile(folder) -> dict[str, str]:
    """Playlists and the like that point at ``secret.wav`` beside them, and at an address."""
    secret = (folder / "secret.wav").absolute()
    return {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{secret}\n#EXT-X-ENDLIST\n",
        "m3u8 relative": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "m3u8 url": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile {secret}\n",
        "ffconcat relative": "ffconcat version 1.0\nfile secret.wav\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        f'<Representation id="1"><BaseURL>{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>',
        "pls": f"[playlist]\nFile1={secret}\nNumberOfEntries=1\n",
        "imf": '<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"></AssetMap>',
        "subtitles": "1\n00:00:00,000 --> 00:00:01,000\nhello\n\n2\n00:00:01,000 --> 00:00:02,000\nyou\n",
    }


@pytest.mark.parametrize("kind", hostile(__import__("pathlib").Path()))
@pytest.mark.parametrize("name", ["list.m3u8", "movie.mp4"])
@pytest.mark.parametrize("reader", READERS)
def test_no_playlist_makes_the_demuxer_open_another_file(tmp_path, kind, name, reader):
    write_clip(tmp_path / "secret.wav", None, tone(1), sound_codec="pcm_s16le")
    path = tmp_path / name
    path.write_text(hostile(tmp_path)[kind])
    assert refused(READERS[reader], path).code == "not_media"


def test_the_hostile_playlist_would_work_without_the_guard(tmp_path):
    write_clip(tmp_path / "secret.wav", None, tone(1), sound_codec="pcm_s16le")
    (tmp_path / "list.ffconcat").write_text(hostile(tmp_path)["ffconcat relative"])
    with av.open(str(tmp_path / "list.ffconcat")) as opened:
        assert opened.streams.audio


def test_no_file_stays_open(tmp_path):
    path = write_clip(tmp_path / "a.mkv", flat_pictures(60), tone(6))
    (tmp_path / "bad.mkv").write_bytes(path.read_bytes()[:700])
    (tmp_path / "text.mkv").write_text("no clip")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        clip.probe(path, LIMITS)
        for bad in ("bad.mkv", "text.mkv"):
            refused(READERS["frames"], tmp_path / bad)
        early = [sound.blocks(path, LIMITS, block_s=1.0), video.frames(path, [0, 1, 2], LIMITS)]
        for stream in early:
            next(stream)
            stream.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_refused_folder_is_left_closed(tmp_path):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        before = open_files()
        assert refused(clip.probe, tmp_path, LIMITS).code == "file_is_folder"
        assert open_files() == before
    assert warned == []


def open_files() -> int:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list open files")
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
