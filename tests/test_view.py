"""Results as the page shows them: true numbers, the right words, and nothing of a file becomes markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demo import chatview, timeline, turns, units, view
from demo.text import speaker
from mmcore import catalog
from mmcore.types import (
    Caption,
    Classification,
    Label,
    Loaded,
    Message,
    Perception,
    Progress,
    Reply,
    Segment,
    Stage,
    Status,
    TextBox,
)

SPECS = {key: row for row in catalog.EMBEDDED for key in (row.title, row.name)}
EVIL = "<img src=x onerror=alert(1)>"
CAT = Classification(
    file="cat.jpg",
    labels=(Label("wild cat", 0.91), Label("dog", 0.06), Label("bird", 0.03)),
    model="efficientnet-lite0",
    seconds=0.12,
    recognised=(Label("cheetah", 0.87),),
    text_read=(),
    stages=(Stage("look", 0.05, "efficientnet-lite0"),),
)
CLIP = Caption(
    language="en",
    duration_s=10.0,
    segments=(
        Segment(0.0, 4.0, "speech", "Hello there."),
        Segment(4.0, 6.0, "speech", "So", flags=("music", "low_confidence")),
        Segment(0.0, 4.0, "sound", "speech"),
        Segment(4.0, 10.0, "sound", "music"),
    ),
    summary="",
    models=("whisper-base",),
    seconds=1.0,
    language_probability=0.97,
)


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (units.size(491_400_064), "491 MB"),
        (units.size(1_117_320_768), "1.1 GB"),
        (units.size(900), "900 B"),
        (units.seconds(0.042), "42 ms"),
        (units.seconds(3.21), "3.2 s"),
        (units.seconds(75), "1 min 15 s"),
        (units.clock(62.4), "1:02"),
        (units.clock(3725), "1:02:05"),
        (units.percent(0.913), "91 %"),
        (units.percent(0.001), "< 1 %"),
        (units.percent(0.0), "0 %"),
    ],
)
def test_numbers_have_their_units(made, shown):
    assert made == shown


def test_the_winner_is_named_in_a_sentence_with_its_evidence_and_its_model():
    html = view.classification(CAT, SPECS, "en")
    assert "Most likely wild cat, 91 %" in html
    assert "cheetah 87 %" in html
    assert "EfficientNet-Lite0 (fp32) · CPU · 0.12 s" in html


def test_doubt_is_said():
    flat = Classification("x", (Label("a", 0.34), Label("b", 0.33)), "efficientnet-lite0", 0.1, flags=("unsure",))
    assert "Not sure. Closest: a, 34 %" in view.classification(flat, SPECS, "en")
    assert "没有把握" in view.classification(flat, SPECS, "zh")


def test_imagenets_classes_have_chinese_names_and_labels_of_ones_own_stay():
    seen = Classification("x", (Label("cheetah", 0.9, 293), Label("tiger, big", 0.1)), "efficientnet-lite0", 0.1)
    assert "最可能是猎豹" in view.classification(seen, SPECS, "zh") and "tiger, big" in view.classification(
        seen, SPECS, "zh"
    )
    assert "Most likely cheetah" in view.classification(seen, SPECS, "en")


def test_only_the_classifier_is_said_to_know_a_thousand_kinds():
    flat = Classification("x", (Label("a", 0.34), Label("b", 0.33)), "siglip2-base", 0.1, flags=("unsure",))
    assert "1,000 kinds" not in view.classification(flat, SPECS, "en")
    seen = replace(flat, recognised=(Label("cheetah", 0.1),))
    assert "1,000 kinds" in view.classification(seen, SPECS, "en")


def test_with_a_text_three_columns_are_shown():
    both = Classification(
        "x", CAT.labels, CAT.model, 0.1, image_labels=CAT.labels, text_labels=CAT.labels, text_weight=0.3
    )
    html = view.classification(both, SPECS, "en")
    assert html.index("Picture alone") < html.index("Both (30 % text)") < html.index("Text alone")


def test_text_that_is_not_read_yet_is_not_called_none():
    unread = Classification("x", CAT.labels, CAT.model, 0.1)
    assert "reading…" in view.classification(unread, SPECS, "en", reading=True)
    assert "not asked for" in view.classification(unread, SPECS, "en")
    assert "none" in view.classification(CAT, SPECS, "en")


def test_nothing_of_a_picture_becomes_markup():
    bad = Classification(
        EVIL,
        (Label(EVIL, 1.0),),
        EVIL,
        0.1,
        (Label(EVIL, 0.5),),
        (TextBox(EVIL, 1, 0, 0, 1, 1),),
        stages=(Stage(EVIL, 0.1, EVIL),),
    )
    shown = view.classification(bad, SPECS, "en") + view.how_made(bad.stages, (EVIL,), SPECS, EVIL, "en")
    assert "<img" not in shown and "&lt;img" in shown


def test_the_first_use_of_a_model_shows_what_is_fetched_and_how_far_it_is():
    html = view.progress(Progress("download", 123e6, 491e6, "B", "Qwen2.5-Coder 0.5B Instruct"), SPECS, "en")
    assert "First use of Qwen2.5-Coder 0.5B Instruct" in html
    assert "491 MB" in html and "123 MB of 491 MB" in html
    assert "cache folder" in html and 'aria-valuenow="25"' in html


def test_a_step_names_the_file_and_is_escaped():
    html = view.progress(Progress("read", subject=EVIL), SPECS, "zh")
    assert "&lt;img" in html and "<img" not in html


def test_how_it_was_made_names_steps_models_times_and_place():
    html = view.how_made(CAT.stages, (), SPECS, "the CPU", "en")
    assert "EfficientNet-Lite0" in html and "50 ms" in html and "the CPU" in html


def test_the_strip_says_profile_reason_models_and_privacy():
    status = Status("embedded", "asked_embedded", (Loaded("whisper-base", 240 * 10**6, 0, 1.0),), 10**9, 5 * 10**9)
    html = view.strip(status, "en")
    assert "Embedded profile" in html and "1 model in memory, 240 MB" in html and "5.0 GB" in html and "deleted" in html


def test_every_line_of_a_transcript_seeks_to_its_time():
    html = timeline.transcript(CLIP, speaker("en"))
    assert 'data-at="0.00"' in html and 'data-at="4.00"' in html and "Hello there." in html


def test_a_doubtful_line_says_every_reason():
    html = timeline.transcript(CLIP, speaker("en"))
    assert "Doubtful: it may be music, not speech, the model was not sure of its words" in html
    assert html.count("Doubtful") == 1


def test_lanes_lie_on_one_time_axis():
    html = timeline.lanes(CLIP, speaker("en"), "en")
    assert "left:40.00%;width:60.00%" in html and ">Music<" in html
    assert html.index(">Words<") < html.index(">Voice<") < html.index(">Music<")  # sounds overlap: a lane each
    assert "音乐" in timeline.lanes(CLIP, speaker("zh"), "zh")


def test_the_player_carries_its_captions_and_keeps_its_place_while_they_grow():
    first = timeline.clip("/tmp/a b.mp4", Caption(None, 10, (), "", (), 0, done=False), SPECS, "en")
    later = timeline.clip("/tmp/a b.mp4", CLIP, SPECS, "en")
    assert first.startswith('<div class="mm-clip"><video ') and later.startswith('<div class="mm-clip"><video ')
    assert "gradio_api/file=/tmp/a%20b.mp4" in later
    assert "<track" in later and "<track" not in first


def test_silence_gives_no_speech():
    silent = Caption(None, 5.0, (Segment(0, 5, "sound", "silence"),), "", (), 0.1)
    html = timeline.clip("/tmp/x.wav", silent, SPECS, "en")
    assert "No speech was found." in html and "Language: no speech" in html


def test_nothing_that_was_said_becomes_markup():
    said = Caption("en", 5.0, (Segment(0, 5, "speech", EVIL, flags=(EVIL,)),), EVIL, (), 0.1)
    assert "<img" not in timeline.clip(f"/tmp/{EVIL}.wav", said, SPECS, "en")


def test_turns_are_read_from_the_page_and_from_plain_calls_alike():
    page = [
        {
            "role": "user",
            "content": [{"type": "file", "file": {"path": "/u/cat.jpg"}}, {"type": "text", "text": "What?"}],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}], "metadata": None},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "facts"}],
            "metadata": {"title": "what it was given"},
        },
    ]
    page += [turns.refused("⚠️ The model is busy.")]
    plain = [{"role": "user", "content": ["What?", {"path": "/u/cat.jpg"}]}, {"role": "assistant", "content": "A cat."}]
    expected = [Message("user", "What?", ("/u/cat.jpg",)), Message("assistant", "A cat.")]
    assert turns.messages(page) == turns.messages(plain) == expected


def test_what_the_model_was_given_is_shown_with_the_whole_prompt():
    reply = Reply(
        "A cheetah.",
        "qwen2.5-0.5b",
        prompt_tokens=80,
        completion_tokens=4,
        tokens_per_s=44.6,
        saw=(Perception("cat.jpg", "image", (Label("cheetah", 0.87),)),),
        prompt=(Message("system", "Rules"), Message("user", "``` What?")),
    )
    note = chatview.given(reply, SPECS, "en")
    assert "Qwen2.5-Coder 0.5B Instruct" in note["metadata"]["title"] and "45 tokens/s" in note["metadata"]["title"]
    assert note["metadata"]["status"] == "done"
    assert "cheetah" in note["content"] and "````text\nsystem:\nRules" in note["content"]


def test_text_of_a_file_is_shown_as_it_is_in_markdown():
    assert chatview.plain("**a** <b> ![x](http://e)") == r"\*\*a\*\* \<b\> \!\[x\]\(http://e\)"


def test_every_step_of_a_result_has_a_name_in_both_languages(studio, tmp_path):
    from PIL import Image

    from demo.text import WORDS

    picture = tmp_path / "picture.png"
    Image.effect_noise((64, 64), 90).convert("RGB").save(picture)
    steps = {step.name for step in studio.classify(picture, ["a thing", "another"], text="words").stages}
    assert {"decode", "look"} <= steps
    steps |= {"sounds", "listen", "perceive"}
    assert [step for step in steps for words in WORDS.values() if f"step_{step}" not in words] == []
