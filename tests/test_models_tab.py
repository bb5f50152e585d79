"""The Models tab and who may use it: cards, gauges, loading, freeing and adding, without weights."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio_client import Client
from hub_stand_in import HubStandIn
from test_hub import plain_environment, use_hub  # noqa: F401 - a fixture
from test_own_rows import FILES, HAND, REPO

from demo import cards, chatview, layout, operator, spaces, units, view
from demo.cards import Offer
from demo.choosing import Chooser, precisions
from demo.page import Page
from demo.tabs import chat, models
from demo.text import error_sentence, say, speaker
from mmcore import Settings, Studio, catalog
from mmcore.device import Accelerator, Hardware, Room, plan
from mmcore.errors import InputError, ModelError
from mmcore.settings import GIB
from mmcore.types import HubFacts, Loaded, Measured, Stage, Status

GB = 10**9
EIGHT_B = catalog.find("qwen3-vl-8b")
SIZES = {rung.name: units.size(rung.memory_bytes) for rung in EIGHT_B.precisions}
SMALL = Hardware(4, 16 * GB, 12 * GB)
L4 = Hardware(4, 16 * GB, 12 * GB, Accelerator("cuda", "NVIDIA L4", 24 * GB, 22 * GB, (8, 9)))
STATUS = Status("embedded", "no_gpu", (), 9 * GB, 12 * GB)
LOCAL = {"host": "127.0.0.1:7860"}


def offered(hardware: Hardware, room: Room, **more) -> Offer:
    try:
        found = plan(EIGHT_B, hardware, Settings(profile="embedded"), room)
    except ModelError as refusal:
        found = refusal
    return Offer(EIGHT_B, found, False, **more)


# -- cards


def test_a_card_says_sizes_licence_and_that_it_was_not_tried_before_anything_is_loaded():
    shown = cards.catalogue([offered(SMALL, Room(0, 9 * GB))], STATUS, "en")
    for words in (
        "Qwen3-VL 8B",
        "17.5 GB, once",
        f"bf16 {SIZES['bf16']}",
        f"nf4 {SIZES['nf4']}",
        "Apache-2.0",
        "not with its real weights",
    ):
        assert words in shown
    assert f"nf4 on the CPU: {SIZES['nf4']} of 9.0 GB; int8 would need" in shown and "pictures, video" in shown


def test_on_a_gpu_the_card_names_it():
    status = Status("hub", "hub_answers", (), 9 * GB, 12 * GB, 22 * GB, "NVIDIA L4")
    expected = f"bf16 on the NVIDIA L4: {SIZES['bf16']} of 22.0 GB"
    assert expected in cards.fits(offered(L4, Room(22 * GB, 9 * GB)), status, "en")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_gpu_that_a_runtime_cannot_use_is_told(language):
    gpu = replace(L4.accelerator, without=frozenset({"faster_whisper"}))
    hardware, room = replace(L4, accelerator=gpu), Room(22 * GB, 9 * GB)
    row = catalog.find("whisper-small")
    offer = Offer(row, plan(row, hardware, Settings(), room), is_kept=False)
    assert offer.plan.device == "cpu" and say(language, "model_gpu_unused") in cards.fits(offer, STATUS, language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_does_not_fit_is_refused_with_its_sizes_in_the_visitors_language(language):
    offer = offered(SMALL, Room(0, 4 * GB))
    assert isinstance(offer.plan, ModelError)
    shown = cards.catalogue([offer], STATUS, language)
    assert error_sentence(offer.plan, language) in shown and "mm-tag-does_not_fit" in shown


def held(**more) -> Loaded:
    return Loaded(EIGHT_B.name, 9 * GB, 0, 3.2, "cuda", "nf4", "because", **more)


def test_after_loading_the_card_has_the_time_the_peak_the_speed_and_the_last_answer():
    entry = held(measured=Measured(49.4, "tokens/s", 8 * GB, picture_s=1.26))
    shown = cards.catalogue([offered(SMALL, Room(0, 9 * GB), loaded=(entry,), tokens_per_s=41.7)], STATUS, "en")
    assert (
        "nf4 on CUDA, 9.0 GB reserved · loaded in 3.2 s · at most 8.0 GB · 49 tokens/s"
        " · first word about a picture after 1.3 s · 42 tokens/s in its last answer"
    ) in shown
    assert "in memory" in shown and "while others worked" not in shown


@pytest.mark.parametrize(
    ("measured", "language", "said"),
    [
        (None, "en", "9.0 GB reserved · loaded in 3.2 s"),
        (Measured(23.4, "x real time", 0), "en", "loaded in 3.2 s · 23 × real time"),
        (Measured(5.87, "texts/s", GB, alone=False), "en", "at most 1.0 GB · 5.9 texts/s · while others worked"),
        (Measured(0.0, "tokens/s", GB), "en", "at most 1.0 GB · too slow to be measured"),
        (
            Measured(1234.5, "images/s", GB, alone=False),
            "zh",
            "最多占 1.0 GB · 每秒 1,234 张图片 · 同时有别的模型在工作",
        ),
    ],
)
def test_only_what_was_measured_is_told(measured, language, said):
    assert cards.how(held(measured=measured), speaker(language)).endswith(said)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "bf16, fp16 ran out of memory here"), ("zh", "bf16、fp16 在这里内存不足")]
)
def test_precisions_that_ran_out_of_memory_are_told_where_it_fits_and_where_it_runs(language, said):
    ran_out = ("bf16", "fp16")
    found = plan(EIGHT_B, L4, Settings(profile="embedded"), Room(22 * GB, 9 * GB), ran_out=ran_out)
    offer = Offer(EIGHT_B, found, True, (held(ran_out=ran_out),))
    assert said in cards.fits(offer, STATUS, language) and said in cards.how(offer.loaded[0], speaker(language))
    assert cards.catalogue([offer], STATUS, language).count(said) == 2


def test_the_first_to_open_the_tab_sees_on_the_strip_what_was_found(tab):
    *_, last = tab._opened("chat", "fake-chat", "", "en")
    assert len(last) == 5 and "Fake profile" in last[-1]


def test_a_row_of_the_operators_own_files_says_where_they_lie_and_what_they_are(tmp_path):
    (tmp_path / "models.toml").write_text(
        f"""[[model]]
name = "own"
task = "chat"
backend = "llama"
licence = "MIT"
files = [{{ name = "model.gguf", folder = '{tmp_path}' }}]
"""
    )
    row = catalog.find("own", tmp_path / "models.toml")
    plan_found = plan(row, SMALL, Settings(profile="embedded"))
    shown = cards.catalogue([Offer(row, plan_found, True)], STATUS, "en")
    assert "it lies in a folder of this computer" in shown and "gguf on the CPU" in shown
    assert chatview.model_card(row, "en").startswith("Added by the operator; nobody has described it here. gguf, ")
    for language in ("en", "zh"):
        assert "Limits" not in view.how_made((Stage("think", 1.0, "own"),), (), {"own": row}, "here", language)


@pytest.mark.parametrize(("language", "said"), [("en", "does not take pictures"), ("zh", "不接受图片")])
def test_what_a_model_does_not_take_is_named_in_the_visitors_language(language, said):
    assert said in error_sentence(InputError("not_taken", model="Own", kind="image"), language)


def test_the_plans_own_words_are_not_on_a_chinese_card():
    offer = offered(SMALL, Room(0, 9 * GB))
    assert "fits in" in offer.plan.why
    assert "fits in" not in cards.catalogue([offer], STATUS, "zh") and "GiB" not in cards.fits(offer, STATUS, "zh")


def test_gauges_are_labelled_meters_with_what_holds_them():
    held = (Loaded("a", 2 * GB, 1, 1.0, "cuda", "nf4"), Loaded("b", 1 * GB, 0, 1.0, "cpu", "int8"))
    status = Status("hub", "hub_answers", held, 8 * GB, 10 * GB, 20 * GB, "NVIDIA L4")
    shown = cards.gauges(status, {"a": "Model A", "b": "<b>"}, "en")
    assert shown.count('role="meter"') == 2 and "NVIDIA L4" in shown
    assert "Model A, nf4: 2.0 GB, in use" in shown and "&lt;b&gt;, int8: 1.0 GB" in shown and "<b>," not in shown
    assert 'aria-valuetext="1.0 GB of 8.0 GB"' in shown and 'aria-valuetext="2.0 GB of 20.0 GB"' in shown


def test_what_a_hub_says_is_escaped():
    facts = HubFacts("a/b", "f" * 40, "<img src=x>", True, GB, "<script>", "", (), True, False, False)
    shown = cards.repository(facts, "en")
    assert "<img" not in shown and "<script" not in shown and "HF_TOKEN" in shown


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_row_has_a_card_in_both_languages(language):
    for row in catalog.rows():
        found = plan(row, L4, Settings(profile="embedded"), Room(10**13, 10**13))
        assert row.title in cards.catalogue([Offer(row, found, False)], STATUS, language)


def test_precisions_are_a_choice_only_where_several_run():
    studio = Studio(Settings(profile="embedded"))
    whisper = catalog.find("whisper-base")
    assert not precisions(studio, whisper, "en")["visible"], "int8 alone, on a CPU"
    assert not precisions(studio, catalog.find("qwen2.5-0.5b"), "en")["visible"]
    studio.store.hardware, studio.store.room = L4, Room(20 * GB, 9 * GB)
    assert [value for _, value in precisions(studio, EIGHT_B, "en")["choices"]] == ["", "bf16", "fp16", "int8", "nf4"]
    assert precisions(studio, whisper, "en")["visible"]


def test_a_precision_that_does_not_run_here_is_not_offered_and_leaves_the_tab_whole(tab):
    tab.studio = Studio(Settings(profile="embedded"))
    assert not tab._of_task("speech", "en")[1]["visible"]
    assert "int8 on the CPU" in tab._fit("whisper-base", "fp16", "en")


# -- the operator


@pytest.mark.parametrize(
    ("given", "bound", "share", "headers", "allowed"),
    [
        (None, "127.0.0.1", False, LOCAL, True),
        (None, "0.0.0.0", False, LOCAL, False),
        (None, "127.0.0.1", True, LOCAL, False),
        (None, "127.0.0.1", False, LOCAL | {"x-forwarded-for": "8.8.8.8"}, False),
        (None, None, False, LOCAL, False),
        (True, "0.0.0.0", True, LOCAL, True),
        (False, "127.0.0.1", False, LOCAL, False),
    ],
)
def test_only_the_operator_may_where_others_can_reach_the_page(tmp_path, given, bound, share, headers, allowed):
    studio = Studio(Settings(profile="fake", cache_dir=tmp_path, operator=given))
    blocks = SimpleNamespace(server_name=bound, share=share)
    if allowed:
        operator.check(studio, blocks, headers)
    else:
        with pytest.raises(InputError, match="MM_OPERATOR=1"):
            operator.check(studio, blocks, headers)


def test_on_a_space_nobody_is_the_operator_unless_told(tmp_path, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/studio")
    monkeypatch.setenv("SYSTEM", "spaces")
    with pytest.raises(InputError):
        studio = Studio(Settings(profile="fake", cache_dir=tmp_path))
        operator.check(studio, SimpleNamespace(server_name="127.0.0.1", share=False), LOCAL)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("off", False), ("", None)])
def test_the_operator_is_set_by_the_environment(text, value):
    assert Settings.from_env({"MM_OPERATOR": text}).operator is value
    with pytest.raises(InputError, match="MM_OPERATOR"):
        Settings.from_env({"MM_OPERATOR": "maybe"})


# -- the tab


@pytest.fixture
def tab(studio):
    """The tab of a page of the fake profile, bound to this machine alone."""
    with gr.Blocks() as blocks:
        page = Page(studio, i18n=gr.I18n(), blocks=blocks)
        page.language = gr.Radio(["en", "zh"], value="en")
        page.strip = gr.HTML()
        with gr.Tabs(), gr.Tab("Models") as page.tab:
            made = models._Tab(page)
            made.cards = gr.HTML()
            made.build_input()
            made.wire()
    blocks.server_name = "127.0.0.1"
    return made


def request(**headers: str) -> SimpleNamespace:
    return SimpleNamespace(headers=LOCAL | headers)


def test_a_model_is_loaded_shown_in_memory_and_unloaded(tab):
    steps = [*tab._load("chat", "fake-chat", "", "en", request())]
    line, _, gauges, shown = steps[-1]
    assert "Fake chat is in memory" in line and "Fake chat, none: 1 MB" in gauges and "mm-tag-in_memory" in shown
    assert "tokens/s" in line and "tokens/s" in shown and any("Trying Fake chat" in step[0] for step in steps)
    assert [entry.name for entry in tab.studio.status().loaded] == ["fake-chat"]
    line, *_ = tab._unload("chat", "fake-chat", "", "en", request())
    assert "was unloaded" in line and not tab.studio.status().loaded
    assert "is not in memory" in tab._unload("chat", "fake-chat", "", "en", request())[0]


def test_a_stop_while_it_is_tried_leaves_the_model_in_memory_and_says_so(tab):
    steps = tab._load("chat", "fake-chat", "", "en", request())
    next(step for step in steps if "Trying Fake chat" in step[0])
    steps.close()
    *_, line, _, _, shown, _ = tab._stopped("chat", "fake-chat", "", "en")
    assert "Fake chat stays in memory" in line and "mm-tag-in_memory" in shown and "tokens/s" not in shown
    tab.studio.unload("fake-chat")
    *_, line, _, _, shown, _ = tab._stopped("chat", "fake-chat", "", "en")
    assert "What had been downloaded is kept" in line and "mm-tag-in_memory" not in shown


def test_free_all_frees_what_is_not_in_use_and_says_how_many(tab):
    for name in ("fake-chat", "fake-speech"):
        tab.studio.load(name)
    with tab.studio.store.use(catalog.find("fake-sounds")):
        said = tab._free_all("chat", "fake-chat", "", "en", request())[0]
        assert "2 models were unloaded" in said and "What is in use stays" in said
        said = tab._free_all("chat", "fake-chat", "", "en", request())[0]
        assert "nothing to unload" not in said and "What is in use stays" in said
        assert "answering someone" in tab._unload("sounds", "fake-sounds", "", "en", request())[0]
    assert [entry.name for entry in tab.studio.status().loaded] == ["fake-sounds"]


def test_a_visitor_through_a_proxy_may_look_and_not_touch(tab):
    far = request(**{"x-forwarded-for": "8.8.8.8"})
    for answer in (
        [*tab._load("chat", "fake-chat", "", "en", far)][-1],
        tab._unload("chat", "fake-chat", "", "en", far),
        tab._free_all("chat", "fake-chat", "", "en", far),
        [[*tab.adding._look("a/b", "chat", "en", far)][-1]],
        [*tab.adding._add("a/b", "chat", "en", far)][-1],
    ):
        assert "Only the operator" in answer[0]
    assert not tab.studio.status().loaded
    assert "Fake chat" in [*tab._opened("chat", "fake-chat", "", "en")][-1][3]


def test_a_model_that_is_not_in_the_catalogue_is_refused(tab):
    assert "There is no model named imaginary" in [*tab._load("chat", "imaginary", "", "en", request())][-1][0]


def test_the_repository_form_tells_the_facts_then_adds_a_row(tmp_path, monkeypatch, tab, plain_environment):  # noqa: F811
    studio = Studio(Settings(profile="embedded", cache_dir=tmp_path / "c", models_file=tmp_path / "models.toml"))
    tab.studio = tab.page.studio = tab.adding.studio = studio
    with HubStandIn() as hub:
        use_hub(monkeypatch, hub.address)
        hub.publish(REPO, FILES, pipeline_tag="image-text-to-text", license="apache-2.0")
        facts = [*tab.adding._look(REPO, "chat", "en", request())][-1]
        assert "3 MB" in facts and "apache-2.0" in facts and "can be added" in facts
        line, task, model, shown = [*tab.adding._add(REPO, "chat", "en", request())][-1]
        assert "Tiny-VL was added" in line and model["value"] == "tiny-vl" and "Tiny-VL" in shown and task == "chat"
        assert "not the name of a repository" in [*tab.adding._look("../etc", "chat", "en", request())][-1]
    assert catalog.find("tiny-vl", tmp_path / "models.toml")
    studio.close()


# -- the studio's choices and the HTTP API


def test_automatic_takes_the_first_that_fits_and_it_is_the_first_choice(tmp_path):
    studio = Studio(Settings(profile="embedded", cache_dir=tmp_path, budget_bytes=GIB // 2))
    assert studio.choices("chat")[0].name == "smollm2-135m"
    with pytest.raises(ModelError, match="GiB"):
        studio.plan("qwen2.5-0.5b")


def test_the_fakes_are_neither_reached_nor_listed_outside_their_profile(tmp_path):
    real = Studio(Settings(profile="embedded", cache_dir=tmp_path))
    calls = (
        lambda: real.plan("fake-chat"),
        lambda: real.chat("hi", model="fake-chat"),
        lambda: real.classify("a.png", ["a", "b"], model="fake-image-classes"),
        lambda: [*real.stream_measure("fake-chat")],
    )
    for call in calls:
        with pytest.raises(ModelError, match="no model named fake-") as refused:
            call()
        assert "fake-" not in refused.value.values["choices"]


def test_the_fakes_are_in_no_catalogue_but_their_own(studio, tmp_path):
    assert {row.profile for row in studio.catalogue()} == {"fake"}
    real = Studio(Settings(profile="embedded", cache_dir=tmp_path))
    assert {row.profile for row in real.catalogue()} == {"embedded", "hub"}


@pytest.fixture(params=[None, False], ids=["on this machine alone", "operator off"])
def served(request, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    studio = Studio(Settings(profile="fake", cache_dir=tmp_path / "cache", operator=request.param))
    blocks = layout.build(studio)
    _, address, _ = layout.launch(blocks, max_file_bytes=10**6, prevent_thread_lock=True, quiet=True)
    yield Client(address, verbose=False), studio
    blocks.close()
    studio.close()


def test_the_api_loads_lists_and_unloads_for_the_operator_only(served):
    client, studio = served
    if studio.settings.operator is False:
        for call in (("fake-chat", "/load"), ("fake-chat", "/bench"), ("fake-chat", "/unload")):
            with pytest.raises(Exception, match="Only the operator"):
                client.predict(call[0], api_name=call[1])
        return
    assert client.predict("fake-chat", api_name="/load")["memory_bytes"] == 10**6
    row = next(row for row in client.predict(api_name="/models") if row["name"] == "fake-chat")
    assert row["fits"] and row["plan"]["device"] == "cpu" and row["refusal"] is None
    assert [entry["name"] for entry in row["loaded"]] == ["fake-chat"]
    seen = [*client.submit("fake-chat", api_name="/bench")]
    assert seen[0]["stage"] == "measure" and seen[-1]["done"] and seen[-1]["measured"]["unit"] == "tokens/s"
    assert client.predict("fake-chat", api_name="/unload") == {"unloaded": 1}
    assert client.predict("", api_name="/unload") == {"unloaded": 0}


# -- ZeroGPU


def test_away_from_zero_gpu_a_handler_stays_as_it_is(monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert spaces.gpu(len) is len


def test_on_zero_gpu_a_handler_is_lent_a_gpu(monkeypatch, tmp_path):
    (tmp_path / "spaces.py").write_text(
        "lent = []\ndef GPU(function, duration):\n    lent.append(duration)\n    return function\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert spaces.gpu(len) is len
    import spaces as package

    assert package.lent == [spaces.LEND_S]


# -- what the tabs say of it


def test_a_badge_has_the_precision_and_the_device_that_were_used(tmp_path):
    studio = Studio(Settings(profile="embedded", cache_dir=tmp_path))
    page = Page(studio, i18n=gr.I18n())
    page.ran["qwen3-vl-8b"] = Loaded("qwen3-vl-8b", GB, 0, 1.0, "cuda", "nf4")
    names, say = ["qwen3-vl-8b", "pp-ocrv6-small"], speaker("en")
    both = view.badge(names, 1.5, page.specs(), say, page.devices())
    assert "Qwen3-VL 8B (nf4, GPU)" in both and ", CPU)" in both
    assert "Qwen3-VL 8B (nf4) · GPU · 1.5 s" in view.badge(names[:1], 1.5, page.specs(), say, page.devices())


def test_the_precision_chosen_in_a_tab_reaches_the_engine(studio):
    page = Page(studio, i18n=gr.I18n())
    asked = []
    studio.stream_chat = lambda messages, **options: asked.append(options) or iter(())
    [*chat._Tab(page)._answer([{"role": "user", "content": "hi"}], "fake-chat", "nf4", "", 0.2, 8, "en")]
    assert (asked[0]["model"], asked[0]["precision"]) == ("fake-chat", "nf4")
    [*chat._Tab(page)._answer([{"role": "user", "content": "hi"}], "", "", "", 0.2, 8, "en")]
    assert (asked[1]["model"], asked[1]["precision"]) == (None, "")


def test_an_answers_speed_is_on_its_models_card(tab):
    [*chat._Tab(tab.page)._answer([{"role": "user", "content": "hi"}], "", "", "", 0.2, 8, "en")]
    assert "tokens/s in its last answer" in [*tab._opened("chat", "fake-chat", "", "en")][-1][3]


def test_a_model_of_one_precision_shows_no_choice_of_it(studio):
    with gr.Blocks():
        chooser = Chooser(Page(studio, i18n=gr.I18n()), ("speech",), "caption")
        chooser.build_model({"label": "model"})
        chooser.build_precision()
    assert not chooser.model.visible and not chooser.precision.visible


def test_a_model_of_several_precisions_shows_them_when_it_is_chosen(tmp_path):
    file = tmp_path / "models.toml"
    file.write_text(HAND.replace('licence = "MIT"', 'licence = "MIT"\nprofile = "embedded"'))
    studio = Studio(Settings(profile="embedded", cache_dir=tmp_path, models_file=file))
    with gr.Blocks():
        chooser = Chooser(Page(studio, i18n=gr.I18n()), ("chat",), "chat")
        chooser.build_model({"label": "model"})
        chooser.build_precision()
    assert chooser.model.visible and not chooser.precision.visible
    changed = chooser._changed("my-eyes", "zh")
    offered = [value for _, value in changed["choices"]]
    assert changed["visible"] and offered == ["", "bf16", "int8", "nf4"], "no fp16 on a CPU"


def test_a_load_that_is_stopped_half_way_leaves_nothing_in_memory(tmp_path, monkeypatch, tab, plain_environment):  # noqa: F811
    studio = Studio(Settings(profile="embedded", cache_dir=tmp_path / "c", models_file=tmp_path / "models.toml"))
    tab.studio = tab.page.studio = studio
    with HubStandIn() as hub:
        use_hub(monkeypatch, hub.address)
        hub.publish(REPO, FILES, pipeline_tag="image-text-to-text")
        studio.add(REPO, "chat")
        hub.trouble.pause_s = 0.05
        steps = tab._load("chat", "tiny-vl", "", "en", request())
        shown = next(line for line, *_ in steps if "Fetching Tiny-VL" in line and "progressbar" in line)
        steps.close()
        assert "of 3 MB" in shown and not studio.status().loaded and not studio.is_kept("tiny-vl")
    studio.close()
