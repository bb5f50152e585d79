"""Scenes in the words of a model that sees, and what remains when it refuses (on models without weights)."""

from __future__ import annotations

import threading
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from made_media import tone, write_clip

from demo import layout, timeline, view
from demo.page import Page
from demo.tabs import caption as tab
from demo.text import speaker
from mmcore import Settings, Studio, catalog, records
from mmcore.__main__ import main
from mmcore.backends import fake
from mmcore.errors import InputError, ModelError, WeightsError
from mmcore.features.text import unsupported, whole_sentences
from mmcore.tasks import describing
from mmcore.tasks.steps import last
from mmcore.types import Caption, Delta, Message, Precision, Progress

EYES = """
[[model]]
name = "fake-eyes"
title = "Fake eyes"
task = "chat"
backend = "fake"
licence = "MIT"
profile = "fake"
languages = ["en", "zh"]
modalities = ["text", "image", "video"]
"""
DARK, BRIGHT = 100, 250  # of the light squares; a chequer is half as bright


@pytest.fixture
def studio(tmp_path, monkeypatch):
    """One with a chat model that sees."""
    monkeypatch.setattr(fake, "TOKEN_S", 0.001)
    (tmp_path / "models.toml").write_text(EYES)
    made = Studio(Settings(profile="fake", cache_dir=tmp_path / "cache", models_file=tmp_path / "models.toml"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Three seconds of a dark chequer, three of a bright one, and a tone."""
    squares = np.indices((120, 160)).sum(axis=0)[..., None] // 20 % 2
    pictures = [(squares * np.full(3, level)).astype(np.uint8) for level in [DARK] * 30 + [BRIGHT] * 30]
    return write_clip(tmp_path_factory.mktemp("film") / "two scenes.mp4", pictures, tone(6.0))


def saying(monkeypatch, *answers: str | Exception) -> list[tuple[Message, ...]]:
    """The fake gives these answers in turn, the last again and again; what it is asked."""
    asked, left = [], list(answers)

    def stream(self, messages, sampling):
        asked.append(tuple(messages))
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        yield from (Delta(f"{word} ") for word in answer.split())

    monkeypatch.setattr(fake.FakeChat, "stream", stream)
    return asked


def scenes(caption: Caption) -> list[str]:
    return [scene.text for scene in caption.of("scene")]


# -- described


def test_each_scene_is_told_by_the_model_from_its_own_frames(studio, film):
    caption = studio.caption(film)
    dark, bright = caption.of("scene")
    assert (dark.told_by, bright.told_by) == ("fake-eyes", "fake-eyes")
    assert dark.text.startswith("Seen: pictures of brightness 4") and "brightness 12" in bright.text
    assert dark.recognised and "160 x 120" in dark.text, "what was recognised and read is kept"
    assert caption.stages[-2:] == (replace(caption.stages[-2], name="describe", model="fake-eyes"), caption.stages[-1])
    assert "fake-eyes" in caption.models and caption.flags == () and "pictures of brightness" in caption.summary


def test_a_scene_grows_word_by_word_after_all_were_recognised(studio, film):
    growing = [step for step in studio.stream_caption(film) if isinstance(step, Caption)]
    first = next(n for n, caption in enumerate(growing) if any(scene.told_by for scene in caption.of("scene")))
    assert len(growing[first - 1].of("scene")) == 2 and not growing[first].of("scene")[1].told_by
    told = [caption.of("scene")[0].text for caption in growing[first : first + 3]]
    assert told == ["Seen:", "Seen: pictures", "Seen: pictures of"]


def test_few_frames_of_a_shot_are_shown_small_and_in_order(studio, film, monkeypatch):
    asked = saying(monkeypatch, "A chequer.")
    studio.caption(film)
    (first, second) = (messages[-1].media[0] for messages in asked[:2])
    assert first.kind == "video" and first.frames.shape[1:] == (120, 160, 3) and 2 <= len(first.frames) <= 4
    assert first.times_s == second.times_s == tuple(sorted(first.times_s)) and first.times_s[0] == 0
    assert [message.role for message in asked[0]] == ["system", "user"]


def test_one_model_is_in_use_at_a_time(studio, film):
    for _ in studio.stream_caption(film):
        assert sum(model.in_use for model in studio.store.loaded()) <= 1


@pytest.mark.parametrize("found", ["a scene", "a step"])
def test_a_stop_while_a_scene_is_described_leaves_no_thread_and_no_model_in_use(studio, film, found):
    before = threading.active_count()
    stream = studio.stream_caption(film)
    for step in stream:
        if found == "a step" and isinstance(step, Progress) and (step.stage, step.done) == ("describe", 1):
            break
        if found == "a scene" and isinstance(step, Caption) and any(s.told_by for s in step.of("scene")):
            break
    assert [model.name for model in studio.store.loaded() if model.in_use] == ["fake-eyes"]
    stream.close()
    assert not any(model.in_use for model in studio.store.loaded())
    assert threading.active_count() == before and fake.running == 0


def test_a_sound_alone_asks_no_model_that_sees(studio, tmp_path):
    caption = studio.caption(write_clip(tmp_path / "tone.mp4", sound=tone(2.0)))
    assert "fake-eyes" not in caption.models and not any(m.name == "fake-eyes" for m in studio.store.loaded())


def test_in_chinese_it_is_asked_in_chinese(studio, film, monkeypatch):
    asked = saying(monkeypatch, "一块黑白相间的板子。")
    caption = studio.caption(film, words="zh")
    assert all("一" <= message.text[0] <= "鿿" for message in asked[0])
    assert scenes(caption)[0].startswith("一块黑白相间的板子。读到文字：")
    assert caption.summary == "一块黑白相间的板子。", "the model's own summary"


# -- who describes


def test_automatic_takes_the_first_that_sees_and_none_is_the_classifier(studio, film):
    assert [row.name for row in studio.describers()] == ["fake-eyes"]
    alone = studio.caption(film, describer="none")
    assert not any(scene.told_by for scene in alone.of("scene")) and "fake-eyes" not in alone.models
    assert alone.flags == () and alone.stages[-1].name == "read"


def test_a_model_that_knows_the_language_comes_before_one_that_does_not(studio, tmp_path):
    english = EYES.replace("fake-eyes", "english-eyes").replace(', "zh"', "")
    (tmp_path / "models.toml").write_text(english + EYES)
    assert [row.name for row in studio.describers("en")] == ["english-eyes", "fake-eyes"]
    assert [row.name for row in studio.describers("zh")] == ["fake-eyes", "english-eyes"]


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("fake-chat", InputError, "not_taken"),
        ("fake-speech", ModelError, "wrong_task"),
        ("x", ModelError, "unknown_model"),
    ],
)
def test_a_describer_that_cannot_see_is_refused_before_anything_is_heard(studio, film, name, error, code):
    with pytest.raises(error) as refused:
        studio.caption(film, describer=name)
    assert refused.value.code == code and not studio.store.loaded()


def test_what_chat_perceives_in_a_clip_needs_no_describer(studio, film):
    reply = last(studio.stream_chat((Message("user", "What is it?", (str(film),)),), model="fake-chat"))
    (saw,) = reply.saw
    assert saw.caption.of("scene") and not any(scene.told_by for scene in saw.caption.of("scene"))


# -- refusals


def test_a_model_that_cannot_be_loaded_leaves_the_classifier_with_its_reason(studio, film, tmp_path):
    (tmp_path / "models.toml").write_text(EYES.replace('backend = "fake"', 'backend = "no_such"'))
    caption = studio.caption(film)
    assert not any(scene.told_by for scene in caption.of("scene")) and all(scenes(caption))
    (stage,) = (stage for stage in caption.stages if stage.refusal)
    assert (stage.name, stage.refusal.code) == ("describe", "load_failed")
    assert caption.flags == ("not_described",) and "fake-eyes" not in caption.models
    assert records.caption(caption)["flags"] == ["not_described"]
    english, chinese = (timeline.clip("film.mp4", caption, {}, language) for language in ("en", "zh"))
    assert "Fake eyes could not be loaded" in english and "what the classifier recognised" in english
    assert "Fake eyes 无法加载" in chinese
    assert "描述画面：Fake eyes 无法加载" in view.how_made(caption.stages, (), {}, "", "zh")
    badge = timeline.clip("film.mp4", caption, {row.name: row for row in studio.catalogue()}, "en").split("mm-badge")[1]
    assert "Fake" in badge and "Fake eyes" not in badge, "it answered nothing"


def test_a_refusal_half_way_keeps_what_was_described(studio, film, monkeypatch):
    saying(monkeypatch, "A dark chequer.", ModelError("out_of_memory", name="Fake eyes"))
    caption = studio.caption(film)
    assert [bool(scene.told_by) for scene in caption.of("scene")] == [True, False]
    assert caption.flags == ("not_described",) and "fake-eyes" in caption.models
    assert {stage.name: stage.refusal.code for stage in caption.stages if stage.refusal} == {
        "describe": "out_of_memory",
        "summarise": "out_of_memory",
    }
    assert "In the pictures: A dark chequer." in caption.summary
    assert not any(model.in_use for model in studio.store.loaded())


def test_after_running_out_of_memory_the_rest_is_described_at_a_coarser_precision(studio, film, monkeypatch):
    rungs = (Precision("bf16", 2000), Precision("int8", 1000))
    row = replace(catalog.find("fake-eyes", studio.settings.models_file), precisions=rungs)
    monkeypatch.setattr(describing, "chosen", lambda *_: row)
    full = ModelError("out_of_memory", name="Fake eyes")
    asked = saying(monkeypatch, "A dark chequer.", full, "A bright chequer.")
    caption = studio.caption(film)
    assert [text.split(" Text")[0] for text in scenes(caption)] == ["A dark chequer.", "A bright chequer."]
    assert caption.flags == () and studio.store.plan(row).precision == "int8"
    assert len(asked) == 4, "dark, bright, bright again, the summary"


def test_a_hub_that_is_away_makes_the_profile_fall_back_unless_the_model_was_named(studio, film, monkeypatch):
    told = []
    monkeypatch.setattr(studio.profile, "fall_back", lambda refusal: told.append(refusal.code))
    saying(monkeypatch, WeightsError("hub_unreachable", name="Fake eyes"))
    for describer in ("", "fake-eyes"):
        assert studio.caption(film, describer=describer).flags == ("not_described",)
    assert told == ["hub_unreachable"]


# -- the summary


def test_a_summary_that_holds_more_than_the_facts_is_not_kept(studio, film, monkeypatch):
    saying(monkeypatch, "A chequer.", "A chequer.", "A chequer in Paris in 1999.")
    caption = studio.caption(film)
    assert caption.summary.startswith("6 seconds long.")
    assert caption.stages[-1].refusal.code == "summary_not_kept"
    saying(monkeypatch, "A chequer.", "A chequer.", "A chequer is seen for 6 seconds. Nobody")
    caption = studio.caption(film)
    assert caption.summary == "A chequer is seen for 6 seconds." and caption.stages[-1].refusal is None
    assert "<p>A chequer is seen for 6 seconds.</p>" in timeline.clip("film.mp4", caption, {}, "en")


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("Two boats, and Anna says “Bring four spoons”.", []),
        ("At 0:04 Anna speaks.", []),
        ("Then, at 12, Bob speaks.", ["12", "Bob"]),
        ("She says “Bring a knife”.", ["Bring a knife"]),
        ("画面里有 3 条船。", ["3"]),
    ],
)
def test_what_a_text_says_beside_its_source_is_found(text, beside):
    assert unsupported(text, "Seen 0:00–0:04: two boats. Said: “Anna, bring four spoons.”") == beside


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("A dog runs.\nIt is brown. And the", "A dog runs. It is brown."),
        ("一只狗在跑。它是", "一只狗在跑。"),
        ("A sign says “Stop.” Then", "A sign says “Stop.”"),
        ("A dog that", "A dog that…"),
        ("  ", ""),
    ],
)
def test_an_answer_that_was_cut_ends_at_its_last_whole_sentence(text, whole):
    assert whole_sentences(text) == whole


# -- page and command line


def test_the_page_offers_a_describer_only_where_a_model_sees(studio, tmp_path):
    blind = Studio(Settings(profile="fake", cache_dir=tmp_path))
    for used, offered in ((studio, ["", "fake-eyes", "none"]), (blind, None)):
        with gr.Blocks(), gr.Tab() as place:
            page = Page(used, i18n=gr.I18n(), tab=place, language=gr.Radio())
            made = tab._Tab(page)
            made._build_describer()
        assert made.describer.visible == bool(offered)
        if offered:
            assert [value for _, value in made.describer.choices] == offered
            assert made._describers("zh")["choices"][0][0] == "自动：Fake eyes"


def test_described_scenes_are_listed_with_their_times(studio, film):
    html = timeline.scenes(studio.caption(film), speaker("en"), "en")
    assert html.count("<li>") == 2 and 'data-at="3.00"' in html and "brightness" in html


def test_the_command_line_takes_a_describer_and_tells_why_one_refused(film, tmp_path, monkeypatch, capsys):
    (tmp_path / "models.toml").write_text(EYES.replace('backend = "fake"', 'backend = "no_such"'))
    monkeypatch.setenv("MM_MODELS_FILE", str(tmp_path / "models.toml"))
    assert main(["--profile", "fake", "caption", str(film), "--describer", "fake-eyes"]) == 0
    assert "Fake eyes could not be loaded" in capsys.readouterr().err
    assert main(["--profile", "fake", "caption", str(film), "--describer", "none"]) == 0
    assert "could not" not in capsys.readouterr().err


def test_the_api_takes_a_describer(studio, film):
    blocks = layout.build(studio)
    _, address, _ = layout.launch(blocks, max_file_bytes=10**6, prevent_thread_lock=True, quiet=True)
    try:
        client = Client(address, verbose=False)
        named, alone = (
            client.predict(handle_file(film), describer=name, api_name="/caption") for name in ("fake-eyes", "none")
        )
        assert "fake-eyes" in named["models"] and "fake-eyes" not in alone["models"]
        with pytest.raises(Exception, match="does not take pictures"):
            client.predict(handle_file(film), describer="fake-chat", api_name="/caption")
    finally:
        blocks.close()
