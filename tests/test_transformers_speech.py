"""Speech models on tiny random checkpoints: windows, times, languages, beams, stops."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tiny_rows import RATE_HZ, SPEECH, made, opened, sound

from mmcore.errors import InputError, ModelError, Stopped

pytestmark = pytest.mark.tiny

LONG_S = 42.0


@pytest.fixture(scope="module", params=SPEECH)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: made(SPEECH[name], tmp_path_factory.mktemp(name)) for name in SPEECH}


def listener(folder, precision="fp32", **options):
    return opened("speech", "transformers_speech", folder, precision, **options)


@pytest.fixture(scope="module")
def long_sound():
    """A tone that swells and fades, quietest at 25 s."""
    return sound(LONG_S) * np.abs(np.linspace(-25, LONG_S - 25, int(LONG_S * RATE_HZ), dtype=np.float32)) / 25


def test_a_long_sound_becomes_lines_in_order_inside_it(family, folders, long_sound):
    model = listener(folders[family])
    lines = list(model.segments(long_sound))
    assert lines and all(line.kind == "speech" and line.text for line in lines)
    edges = [edge for line in lines for edge in (line.start_s, line.end_s)]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= LONG_S
    assert lines[-1].start_s > 20, "the second window was heard"
    assert all(0 < line.confidence < 1 and "low_confidence" in line.flags for line in lines), (
        "random weights are unsure"
    )
    model.close()


@pytest.mark.parametrize(("precision", "beams"), [("bf16", 5), ("int8", 1), ("nf4", 2)])
def test_every_precision_and_beam_width_writes_something(family, folders, precision, beams):
    model = listener(folders[family], precision, beams=beams)
    assert list(model.segments(sound(4)))
    model.close()


def test_beams_find_another_answer_than_one(folders):
    texts = []
    for beams in (1, 5):
        model = listener(folders["moonshine"], beams=beams)
        texts.append([line.text for line in model.segments(sound(4))])
        model.close()
    assert texts[0] != texts[1]


def test_what_is_heard_makes_a_difference(family, folders):
    model = listener(folders[family])
    heard = {tuple(line.text for line in model.segments(piece)) for piece in (sound(4), noise(4), sound(9, 2000))}
    assert len(heard) > 1
    model.close()


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.3, int(seconds * RATE_HZ)).astype(np.float32)


def test_silence_is_no_speech_and_a_blink_of_sound_does_no_harm(family, folders):
    model = listener(folders[family])
    assert list(model.segments(np.zeros(3 * RATE_HZ, np.float32))) == []
    assert list(model.segments(np.zeros(0, np.float32))) == []
    for line in model.segments(sound(0.1)):
        assert 0 <= line.start_s < line.end_s <= 0.1
    model.close()


def test_a_stretch_without_times_is_cut_where_it_is_quietest(folders, long_sound):
    model = listener(folders["moonshine"])
    first, second = model.segments(long_sound)
    assert first.end_s == pytest.approx(25, abs=0.05) and second.start_s == first.end_s
    model.close()


def test_whisper_knows_its_languages_and_how_sure_it_is(folders):
    model = listener(folders["whisper"])
    assert model.languages() == ("en", "zh")
    code, probability = model.language(sound(4))
    assert code in ("en", "zh") and 0.5 <= probability < 1
    english, chinese = (told(model, language=spoken) for spoken in ("en", "zh"))
    assert english != chinese, "the language is told to the model"
    assert told(model, language="en", translate=True) != english, "and the task"
    model.close()


def told(model, **options) -> list[tuple[str, float]]:
    """What the model makes of one sound, and how sure it is."""
    return [(line.text, line.confidence) for line in model.segments(noise(6), **options)]


def test_what_was_said_before_is_told_to_the_model(folders):
    for name in ("whisper", "qwen3_asr"):
        model = listener(folders[name])
        assert told(model) != told(model, prompt="a red bird " * 60)
        model.close()


def test_an_unknown_language_and_a_translation_that_cannot_be_made_are_refused(folders):
    for name in SPEECH:
        model = listener(folders[name])
        with pytest.raises(InputError) as refused:
            list(model.segments(sound(2), language="tlh"))
        assert refused.value.code == "not_transcribed_language"
        model.close()
    with pytest.raises(InputError) as refused:
        list(listener(folders["moonshine"]).segments(sound(2), translate=True))
    assert refused.value.code == "cannot_translate"


def test_qwen3_asr_reads_the_language_that_the_model_names(folders, monkeypatch):
    model = listener(folders["qwen3_asr"])
    written = "language Chinese<asr_text>一张红色的鸟的照片"
    processor = model._processor
    monkeypatch.setattr(processor.tokenizer, "decode", lambda *_, **__: written)
    code, probability = model.language(sound(2))
    assert code == "zh" and 0 < probability < 1
    assert [line.text for line in model.segments(sound(2))] == ["一张红色的鸟的照片"]
    monkeypatch.undo()
    model.close()


def test_closing_the_iterator_hears_no_further_window(folders, long_sound, monkeypatch):
    model = listener(folders["moonshine"])
    windows, hear = [], model._hear
    monkeypatch.setattr(model, "_hear", lambda *given: windows.append(1) or hear(*given))
    lines = model.segments(long_sound)
    next(lines)
    lines.close()
    assert len(windows) == 1
    assert list(model.segments(sound(2))), "the lock is free"
    model.close()


def test_closing_the_model_ends_a_window_at_its_next_token(folders):
    model = listener(folders["moonshine"])
    steps, begun, closing = [], threading.Event(), model._closing

    def step(*_):
        steps.append(1)
        begun.set()
        assert closing.wait(20)

    def close_once_begun():
        assert begun.wait(20)
        model.close()

    closer = threading.Thread(target=close_once_begun)
    model._model.get_decoder().register_forward_hook(step)
    closer.start()
    with pytest.raises(Stopped):
        list(model.segments(sound(8)))
    closer.join()
    assert len(steps) == 1


def test_without_memory_a_window_is_refused_and_the_next_one_works(folders, monkeypatch):
    import torch

    model = listener(folders["whisper"])
    with monkeypatch.context() as patch:
        patch.setattr(model, "_hear", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("simulated")))
        with pytest.raises(ModelError) as refused:
            list(model.segments(sound(2)))
        assert refused.value.code == "out_of_memory"
    assert model.language(sound(2))
    assert list(model.segments(noise(6))) is not None
    model.close()


def test_time_tokens_become_lines(folders):
    """Windows of 30 s, as the paper's section 3.8 has them, written by hand."""
    model = listener(folders["whisper"])
    tokenizer, zero = model._processor.tokenizer, model._model.generation_config.no_timestamps_token_id + 1
    start = model._model.generation_config.decoder_start_token_id

    def tokens(*parts):
        return [start] + [
            number
            for part in parts
            for number in (
                [zero + round(part / 0.02)]
                if isinstance(part, float)
                else tokenizer.encode(part, add_special_tokens=False)
            )
        ]

    closed = tokens(0.0, " a bird", 2.5, 2.5, " a house", 4.0)
    assert model._timed(closed, 30.0) == ([(0.0, 2.5, "a bird"), (2.5, 4.0, "a house")], 30.0)
    cut_off = tokens(0.0, " a bird", 26.0, 26.0, " a hou")
    assert model._timed(cut_off, 30.0) == ([(0.0, 26.0, "a bird")], 26.0), "heard again from 26 s"
    never_closed = tokens(1.0, " a bird")
    assert model._timed(never_closed, 12.0) == ([(1.0, 12.0, "a bird")], 12.0)
    beyond = tokens(0.0, " a bird", 29.0)
    assert model._timed(beyond, 10.0) == ([(0.0, 10.0, "a bird")], 10.0)
    assert model._timed(tokens(), 30.0) == ([], 30.0)
    model.close()
