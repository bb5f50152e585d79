"""Results as sentences and fact lines, in both languages."""

from __future__ import annotations

import pytest

from mmcore import describe, kinds
from mmcore.types import Caption, Label, Perception, Segment, TextBox
from mmcore.wording import article, duration, joined, language_name, percent, quoted

CHEETAH, LEOPARD, OBELISK = 293, 288, 682


def label(index: int, probability: float) -> Label:
    return Label("", probability, index)


def text(words: str, left: int = 0, top: int = 0, confidence: float = 0.99) -> TextBox:
    return TextBox(words, confidence, left, top, left + 10 * len(words), top + 20)


def clip(*segments: Segment, language="en", duration_s=12.0) -> Caption:
    return Caption(language, duration_s, segments, "", (), 0.0)


def said(words: str, start_s=0.0, flags=()) -> Segment:
    return Segment(start_s, start_s + 2, "speech", words, flags)


# -- pictures


def test_a_sure_class_is_named_with_its_probability_and_kind():
    assert describe.scene([label(CHEETAH, 0.87)], [], "en") == "Probably a cheetah (87 %), a kind of wild cat."
    assert describe.scene([label(CHEETAH, 0.87)], [], "zh") == "很可能是猎豹（87%），属于野生猫科动物。"


def test_text_is_quoted_after_what_is_seen():
    scene = describe.scene([label(CHEETAH, 0.87)], [text("OPEN")], "en")
    assert scene == "Probably a cheetah (87 %), a kind of wild cat; text read: “OPEN”."
    assert describe.scene([], [text("营业中")], "zh") == "没有可靠的识别结果；读到文字：“营业中”。"


def test_a_flat_distribution_is_not_named_as_if_it_were_sure():
    assert describe.scene([label(OBELISK, 0.13)], [], "en") == (
        "Nothing recognised with confidence, perhaps an obelisk (13 %)."
    )
    assert describe.scene([label(OBELISK, 0.05)], [], "en") == "Nothing recognised with confidence."


def test_two_breeds_that_are_each_unsure_add_up_to_a_sure_dog():
    breeds = [label(185, 0.4), label(193, 0.3), label(186, 0.1)]  # three terriers
    scene = describe.scene(breeds, [], "en")
    assert scene.startswith("Probably a dog (80 %), perhaps a ")
    assert kinds.probabilities(breeds)["mammal"] == pytest.approx(0.8)


def test_every_class_has_a_kind_and_no_kind_is_its_own_ancestor():
    assert [index for index in range(1000) if not kinds.of_class(index)] == [971]  # a bubble is of no kind
    assert all(len(set(chain)) == len(chain) for chain in map(kinds.of_class, range(1000)))


def test_doubtful_and_lone_letters_are_not_read():
    boxes = [text("OPEN"), text("smudge", top=40, confidence=0.6), text("V", top=80, confidence=0.85)]
    assert describe.sure_texts(boxes) == ("OPEN",)


def test_boxes_side_by_side_are_one_row():
    assert describe.sure_texts([text("Bread"), text("3.10", left=200), text("Total", top=60)]) == (
        "Bread 3.10",
        "Total",
    )


# -- clips


def test_a_summary_tells_length_language_words_sounds_and_pictures():
    caption = clip(
        said("I sleep with the dagger."),
        Segment(0, 9, "sound", "music"),
        Segment(0, 12, "scene", "", recognised=(label(CHEETAH, 0.9),), text_read=(text("THE END"),)),
    )
    assert describe.clip_summary(caption, "en") == (
        "12 seconds long. Speech in English: “I sleep with the dagger.” Heard: music. "
        "Seen: probably a cheetah. Text read: “THE END”."
    )
    assert describe.clip_summary(caption, "zh") == (
        "时长 12 秒。英语讲话：“I sleep with the dagger.”听到音乐。画面中可能有猎豹。画面文字：“THE END”。"
    )


def test_silence_is_told_as_no_speech():
    caption = clip(Segment(0, 12, "sound", "silence"), language=None)
    assert describe.clip_summary(caption, "en") == "12 seconds long. No speech was heard."
    facts = describe.facts(Perception("quiet.wav", "audio", caption=caption), "en")
    assert facts == ("Length: 12 seconds", "Nobody speaks", "Not heard: speech, music, singing")


def test_flagged_lines_are_not_told_as_speech():
    caption = clip(said("Tarantella", flags=("no_speech",)))
    assert "Tarantella" not in describe.clip_summary(caption, "en")
    assert "doubtful" in describe.clip_summary(caption, "en")


def test_a_long_transcript_is_cut_and_says_how_much_is_left_out():
    limit = describe.SPEECH_CHARS["en"]
    line = describe.speech_facts(clip(said("a" * (limit + 55))), "en")[-1]
    assert len(line) < limit + 100 and "55 characters left out" in line


def test_like_scenes_that_follow_each_other_share_a_line():
    scenes = [Segment(n * 5, n * 5 + 5, "scene", "", recognised=(label(CHEETAH, 0.9),)) for n in range(3)]
    lines = describe.seen_facts(Perception("a.mp4", "video", caption=clip(*scenes)), "en")
    assert lines == ["Seen 0:00–0:15: Probably a cheetah (90 %), a kind of wild cat"]


def test_facts_are_the_same_in_both_languages():
    seen = Perception("a.jpg", "image", (label(CHEETAH, 0.87),), (text("OPEN"),))
    assert describe.facts(seen, "en") == (
        "Seen: Probably a cheetah (87 %), a kind of wild cat",
        "Text in the picture: “OPEN”",
    )
    assert describe.facts(seen, "zh") == ("看到：很可能是猎豹（87%），属于野生猫科动物", "画面中的文字：“OPEN”")


# -- words and numbers


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 seconds", "0 秒"),
        (1, "1 second", "1 秒"),
        (7.88, "7.9 seconds", "7.9 秒"),
        (59.6, "1 minute", "1 分钟"),
        (95, "1 minute 35 seconds", "1 分 35 秒"),
        (3600, "1 hour", "1 小时"),
    ],
)
def test_durations_carry_units(seconds, en, zh):
    assert (duration(seconds, "en"), duration(seconds, "zh")) == (en, zh)


def test_a_percentage_is_never_0_nor_100():
    assert [percent(p, "en") for p in (0.0, 0.5, 1.0)] == ["1 %", "50 %", "99 %"]


def test_a_quotation_cannot_be_left_from_inside():
    assert quoted("a” Result: “b\nc") == "“a’ Result: ‘b c”"


def test_chinese_lines_are_joined_without_spaces():
    assert joined(["大家好。", "今天 AI 课", "Hello", "you"]) == "大家好。今天AI课Hello you"


def test_articles_and_languages_read_naturally():
    assert [article(w) for w in ("cheetah", "obelisk", "sunglasses", "food", "unicycle")] == [
        "a cheetah",
        "an obelisk",
        "sunglasses",
        "food",
        "a unicycle",
    ]
    assert (language_name("fr", "en"), language_name("fr", "zh"), language_name("xx", "zh")) == ("French", "法语", "xx")
