"""What the embedded models make of real sound: right words, no invented ones, no leftovers."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
import speech
from bench import unspoken
from gradio.media import get_audio, get_image

from mmcore.media import sound
from mmcore.settings import Limits
from mmcore.tasks import hearing
from mmcore.types import Caption

pytestmark = pytest.mark.weights
GERMAN = Path(__file__).parent / "media" / "german.ogg"  # made with espeak-ng: “Guten Morgen. Ich heiße Anna. …”


def spoken(caption: Caption) -> str:
    return " ".join(segment.text for segment in caption.of("speech"))


@pytest.fixture(scope="module")
def reading():
    """A page of Dickens read aloud, 44 s."""
    return speech.readings()["two_cities.wav"]


def test_clean_speech_is_written_down_word_for_word(real_studio):
    caption = real_studio.caption(speech.film("heath_ledger.mp3"))
    assert speech.word_errors(speech.FILMS["heath_ledger.mp3"], spoken(caption)) == 0
    assert caption.language == "en"
    assert caption.language_probability > 0.9
    (line,) = caption.of("speech")
    assert line.flags == ()
    assert all(a.end_s <= b.start_s + 0.01 for a, b in pairwise(line.words))


@pytest.mark.parametrize("block_s", [120.0, 20.0])
def test_a_page_read_aloud_has_few_wrong_words_however_it_is_cut(real_studio, reading, monkeypatch, block_s):
    monkeypatch.setattr(hearing, "BLOCK_S", block_s)
    caption = real_studio.caption(reading)
    text = speech.READINGS["two_cities.wav"]
    assert speech.word_errors(text, spoken(caption)) <= 0.05 * len(speech.normalised(text))
    assert not any(line.flags for line in caption.of("speech"))
    assert caption.of("speech")[-1].end_s == pytest.approx(41.5, abs=1.0)  # heard by ear


def test_a_saxophone_says_nothing_that_is_not_flagged(real_studio):
    caption = real_studio.caption(get_audio("sax.wav"))
    assert all(line.flags for line in caption.of("speech"))
    assert {"music", "singing"} & {event.text for event in caption.of("sound")}


@pytest.mark.parametrize("name", ["silence", "white noise", "band", "hummed melody", "telephone ringing"])
def test_where_nobody_speaks_nothing_is_written(real_studio, tmp_path, name):
    caption = real_studio.caption(speech.write(unspoken.clip(name), tmp_path / "unspoken.wav"))
    assert all(line.flags for line in caption.of("speech"))
    assert caption.language is None or caption.of("speech")


def test_silence_is_one_sound_from_start_to_end(real_studio, tmp_path):
    caption = real_studio.caption(speech.write(np.zeros(5 * 16_000, np.float32), tmp_path / "silence.wav"))
    assert [(s.kind, s.text, s.start_s, s.end_s) for s in caption.segments] == [("sound", "silence", 0.0, 5.0)]
    assert caption.language is None


def test_a_faint_voice_is_still_believed(real_studio, tmp_path):
    faint = sound.samples(speech.film("heath_ledger.mp3"), Limits()) * 0.02  # 34 dB softer
    caption = real_studio.caption(speech.write(faint, tmp_path / "faint.wav"))
    assert speech.word_errors(speech.FILMS["heath_ledger.mp3"], spoken(caption)) <= 1
    assert not any(line.flags for line in caption.of("speech"))


def test_german_is_recognised_and_translated(real_studio):
    german = real_studio.caption(GERMAN)
    assert german.language == "de"
    assert "guten morgen" in spoken(german).lower()
    english = real_studio.caption(GERMAN, translate=True)
    assert english.language == "de"  # what was spoken
    assert "good morning" in spoken(english).lower()


def test_a_video_shows_what_is_seen_and_what_is_said(real_studio, tmp_path):
    path = film_of(get_image("cheetah.jpg"), speech.film("heath_ledger.mp3"), tmp_path / "film.mp4")
    caption = real_studio.caption(path)
    assert "cheetah" in caption.of("scene")[0].text
    assert "good at something" in spoken(caption)
    assert "cheetah" in caption.summary
    assert "good at something" in caption.summary


def film_of(picture: str, recording: Path, target: Path) -> Path:
    """A still picture with the sound of a recording, two pictures a second."""
    import av
    from PIL import Image

    frame = av.VideoFrame.from_image(Image.open(picture).convert("RGB").resize((480, 320)))
    with av.open(str(recording)) as source, av.open(str(target), "w") as container:
        video = container.add_stream("mpeg4", rate=2)
        video.width, video.height, video.pix_fmt = 480, 320, "yuv420p"
        audio = container.add_stream("aac", rate=44_100, layout="mono")
        resampler = av.AudioResampler("fltp", "mono", 44_100)
        for piece in source.decode(audio=0):
            for resampled in resampler.resample(piece):
                container.mux(audio.encode(resampled))
        container.mux(audio.encode(None))
        for index in range(6):
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return target


def test_a_stop_leaves_no_thread_and_the_model_free(real_studio, reading):
    real_studio.caption(speech.film("heath_ledger.mp3"))  # everything is loaded
    before = threading.active_count()
    stream = real_studio.stream_caption(reading)
    next(step for step in stream if isinstance(step, Caption) and step.of("speech"))
    stream.close()
    assert threading.active_count() == before
    assert not any(model.in_use for model in real_studio.store.loaded())
    assert spoken(real_studio.caption(speech.film("heath_ledger.mp3")))


def test_two_captions_at_once_do_not_mix(real_studio):
    found = {}
    names = list(speech.FILMS)
    threads = [
        threading.Thread(target=lambda n=name: found.update({n: real_studio.caption(speech.film(n))})) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        assert speech.word_errors(speech.FILMS[name], spoken(found[name])) <= 2


def test_closing_gives_the_memory_back(real_studio):
    process, spec = psutil.Process(), real_studio.kit.spec("speech")
    real_studio.caption(speech.film("heath_ledger.mp3"))
    loaded_bytes = process.memory_info().rss
    assert real_studio.store.evict(spec.name)
    assert loaded_bytes - process.memory_info().rss > 80e6  # of the 75 million weights of a byte each, and work space
