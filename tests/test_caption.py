"""A clip is captioned step by step, and honestly (on models without weights)."""

from __future__ import annotations

import threading
import wave
from itertools import pairwise

import numpy as np
import pytest

from mmcore.errors import InputError, ModelError
from mmcore.features.audio import joined, levelled, overlap_s, quiet_stretches, without
from mmcore.features.text import is_repetitive
from mmcore.features.video import ShotDetector, sharpness
from mmcore.tasks import hearing
from mmcore.tasks.hearing import judge
from mmcore.types import Caption, Progress, Segment, Word

RATE_HZ = 16_000


def tone(seconds, level=0.3):
    return level * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)


@pytest.fixture
def sound_file(tmp_path):
    """Six seconds loud, four silent, three loud."""
    sound = np.concatenate([tone(6), np.zeros(4 * RATE_HZ), tone(3)])
    path = tmp_path / "clip.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def silent_video(tmp_path):
    """Three seconds of a red chequer, three of a white one, no sound track."""
    import av

    path = tmp_path / "two shots.mp4"
    chequer = np.indices((120, 160)).sum(axis=0)[..., None] // 20 % 2
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for index in range(60):
            colour = (220, 20, 20) if index < 30 else (250, 250, 250)
            picture = (chequer * np.array(colour)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def captions(stream):
    return [step for step in stream if isinstance(step, Caption)]


# -- the stream


def test_lines_appear_while_the_rest_is_still_being_heard(studio, sound_file):
    growing = captions(studio.stream_caption(sound_file))
    first = next(caption for caption in growing if caption.of("speech"))
    assert not first.done
    assert first.heard_s < first.duration_s
    counts = [len(caption.of("speech")) for caption in growing]
    assert counts == sorted(counts)
    assert [caption.done for caption in growing].count(True) == 1
    assert growing[-1].done


def test_the_sounds_and_the_silence_between_them_are_found(studio, sound_file):
    caption = studio.caption(sound_file)
    found = [(s.text, round(s.start_s), round(s.end_s)) for s in caption.of("sound")]
    assert found == [("speech", 0, 6), ("silence", 6, 10), ("speech", 10, 13)]
    assert caption.language == "en"
    assert caption.heard_s == caption.duration_s == 13.0


def test_times_ascend_and_stay_inside_the_clip(studio, sound_file):
    caption = studio.caption(sound_file)
    starts = [segment.start_s for segment in caption.segments]
    assert starts == sorted(starts)
    assert all(0 <= s.start_s < s.end_s <= caption.duration_s for s in caption.segments)
    lines = caption.of("speech")
    assert all(a.end_s <= b.start_s for a, b in pairwise(lines))


def test_blocks_leave_no_seam(studio, sound_file, monkeypatch):
    whole = studio.caption(sound_file)
    monkeypatch.setattr(hearing, "BLOCK_S", 4.0)
    cut = studio.caption(sound_file)
    assert [s.text for s in cut.of("sound")] == [s.text for s in whole.of("sound")]
    for there, here in zip(whole.of("sound"), cut.of("sound"), strict=True):  # the fake hears half seconds
        assert (here.start_s, here.end_s) == pytest.approx((there.start_s, there.end_s), abs=0.5)
    assert cut.of("speech")[-1].end_s == whole.of("speech")[-1].end_s


def test_progress_says_where_it_is(studio, sound_file):
    steps = [s for s in studio.stream_caption(sound_file) if isinstance(s, Progress)]
    listening = [s for s in steps if s.stage == "listen"]
    assert listening
    assert all(s.total == 13.0 and s.unit == "s" and s.subject == "clip.wav" for s in listening)


def test_a_video_without_sound_has_scenes_and_no_language(studio, silent_video):
    caption = studio.caption(silent_video)
    red, white = caption.of("scene")
    assert (red.start_s, white.end_s) == (0.0, caption.duration_s)
    assert red.end_s == white.start_s == pytest.approx(3.0, abs=0.5)
    assert red.recognised[0].label != white.recognised[0].label
    assert white.text_read[0].text == "160 x 120"
    assert "160 x 120" in white.text
    assert caption.language is None
    assert not caption.of("speech") + caption.of("sound")
    assert caption.models == ("fake-image-classes", "fake-reading")


def test_sound_without_pictures_uses_no_picture_model(studio, sound_file):
    caption = studio.caption(sound_file)
    assert not caption.of("scene")
    assert caption.models == ("fake-sounds", "fake-speech")
    assert {stage.name for stage in caption.stages} == {"sounds", "listen"}


def test_the_summary_and_scenes_come_in_the_language_asked_for(studio, silent_video):
    english, chinese = (studio.caption(silent_video, words=words) for words in ("en", "zh"))
    assert english.summary.isascii() or "“" in english.summary
    assert any("一" <= c <= "鿿" for c in chinese.summary)
    assert any("一" <= c <= "鿿" for c in chinese.of("scene")[0].text)


def test_a_stop_half_way_leaves_no_thread_and_no_model_in_use(studio, sound_file):
    before = threading.active_count()
    stream = studio.stream_caption(sound_file)
    next(step for step in stream if isinstance(step, Caption) and step.of("speech"))
    assert any(model.in_use for model in studio.store.loaded())
    stream.close()
    assert not any(model.in_use for model in studio.store.loaded())
    assert threading.active_count() == before


def test_two_visitors_get_their_own_captions(studio, sound_file, silent_video):
    results = {}
    threads = [
        threading.Thread(target=lambda p=path: results.update({p: studio.caption(p)}))
        for path in (sound_file, silent_video)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[sound_file].of("speech")
    assert results[silent_video].of("scene")


# -- refusals


def test_an_unknown_language_is_refused_with_the_model_named(studio, sound_file):
    with pytest.raises(InputError) as refusal:
        studio.caption(sound_file, language="xx")
    assert refusal.value.code == "not_transcribed_language"
    assert "xx" in str(refusal.value)


def test_a_model_of_another_task_is_refused(studio, sound_file):
    with pytest.raises(ModelError) as refusal:
        studio.caption(sound_file, model="fake-chat")
    assert refusal.value.code == "wrong_task"


def test_a_file_that_is_not_media_is_refused_and_the_next_works(studio, sound_file, tmp_path):
    bad = tmp_path / "notes.mp4"
    bad.write_text("not a film")
    with pytest.raises(InputError):
        studio.caption(bad)
    assert studio.caption(sound_file).of("speech")


# -- which lines are believed


def line(start_s=1.0, end_s=3.0, flags=(), words=()):
    return Segment(start_s, end_s, "speech", "Thank you.", flags, 0.9, words)


def heard(**kinds):
    return {kind: kinds.get(kind, []) for kind in hearing.EVENTS}


def test_a_line_where_speech_was_heard_is_believed():
    assert judge(line(), heard(speech=[(0.8, 3.2)]), True).flags == ()
    assert judge(line(), heard(speech=[(0.8, 3.2)], music=[(0.0, 9.0)]), True).flags == ()


@pytest.mark.parametrize(
    ("events", "flag"),
    [
        ({}, "no_speech_heard"),
        ({"music": [(0.0, 5.0)]}, "music"),
        ({"singing": [(0.0, 5.0)], "music": [(0.0, 2.0)]}, "singing"),
        ({"speech": [(9.0, 12.0)]}, "no_speech_heard"),
    ],
)
def test_a_line_where_none_was_heard_is_flagged_with_what_was(events, flag):
    assert judge(line(), heard(**events), True).flags == (flag,)


@pytest.mark.parametrize("flag", sorted(hearing.UNSURE_FLAGS))
def test_a_line_that_neither_model_believes_is_left_out(flag):
    assert judge(line(flags=(flag,)), heard(music=[(0.0, 5.0)]), True) is None
    assert judge(line(flags=(flag,)), heard(speech=[(0.0, 5.0)]), True).flags == (flag,)


def test_words_count_and_not_the_pauses_between_them():
    words = (Word(1.0, 1.4, "Thank", 0.9), Word(8.6, 9.0, "you", 0.9))
    both = heard(speech=[(0.9, 1.5), (8.5, 9.1)])
    assert judge(line(1.0, 9.0, words=words), both, True).flags == ()


def test_a_guessed_language_is_told():
    assert judge(line(), heard(speech=[(0.0, 5.0)]), False).flags == ("unsure_language",)


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("Whoa, whoa, whoa, whoa.", True),
        ("Thank you very much, thank you very much, thank you very much.", True),
        ("ha" * 60, True),
        ("It was the best of times, it was the worst of times.", False),
        ("No, no, no.", False),
        ("", False),
    ],
)
def test_a_text_that_says_the_same_again_and_again_is_noticed(text, loops):
    assert is_repetitive(text) is loops


# -- arrays


def test_stretches_join_overlap_and_leave_rests():
    assert joined([(3, 4), (0, 1), (1.2, 2)], 0.5) == [(0, 2), (3, 4)]
    assert without([(0, 10)], [(2, 3), (9, 12)]) == [(0, 2), (3, 9)]
    assert overlap_s((1, 4), [(0, 2), (3, 9)]) == 2
    assert joined([]) == without([], [(0, 1)]) == []


def test_quiet_is_where_nothing_can_be_heard():
    hiss = np.random.default_rng(0).normal(0, 1e-4, 2 * RATE_HZ).astype(np.float32)
    sound = np.concatenate([tone(1), hiss, tone(1)]).astype(np.float32)
    ((start_s, end_s),) = quiet_stretches(sound)
    assert (start_s, end_s) == pytest.approx((1.0, 3.0), abs=0.1)
    assert quiet_stretches(np.zeros(0, np.float32)) == []


def test_faint_sound_is_levelled_and_loud_sound_is_left():
    faint = tone(2, 0.003).astype(np.float32)
    assert np.abs(levelled(faint)).max() > 0.1
    loud = tone(2, 0.5).astype(np.float32)
    assert levelled(loud) is loud
    assert np.abs(levelled(np.full(RATE_HZ, 1e-6, np.float32))).max() < 1e-3  # silence is not made noise


def test_a_new_shot_is_noticed_and_a_moving_one_is_not():
    picture = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    detector = ShotDetector()
    begins = [detector.begins(p) for p in (picture, picture, np.full_like(picture, 250), np.full_like(picture, 245))]
    assert begins == [False, False, True, False]


def test_the_sharper_picture_is_the_one_to_read():
    sharp = np.indices((64, 64)).sum(axis=0)[..., None].repeat(3, 2) % 2 * 255
    assert sharpness(sharp.astype(np.uint8)) > sharpness(np.full((64, 64, 3), 128, np.uint8))
