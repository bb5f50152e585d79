"""A caption becomes files that players read."""

from __future__ import annotations

import json

import pysubs2
import pytest

from mmcore import subtitles
from mmcore.types import Caption, Segment, Word

LONG = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, "
    "it was the age of foolishness, it was the epoch of belief."
)
CHINESE = "这是最好的时代，这是最坏的时代，这是智慧的时代，这是愚蠢的时代，这是信仰的时期，这是怀疑的时期。"


def spoken(text, start_s=0.0, end_s=12.0, flags=(), words=()):
    return Segment(start_s, end_s, "speech", text, flags, 0.9, words)


def caption(*segments, duration_s=60.0, summary="Nothing."):
    return Caption("en", duration_s, segments, summary, ("a-model",), 1.25)


def words(text, second_per_word=0.5):
    return tuple(
        Word(n * second_per_word, (n + 1) * second_per_word, f" {word}", 0.9) for n, word in enumerate(text.split())
    )


@pytest.mark.parametrize("text", [LONG, CHINESE, "x" * 200, "한국어 자막은 띄어쓰기에서 나눕니다 " * 6, "a b " * 90])
def test_no_line_is_wider_than_42_columns_and_no_cue_has_more_than_two(text):
    cues = subtitles.split(caption(spoken(text)))
    assert all(len(cue.lines) <= 2 for cue in cues)
    assert max(subtitles.columns(line) for cue in cues for line in cue.lines) <= 42
    shown = "".join(line for cue in cues for line in cue.lines)
    assert shown.replace(" ", "") == text.replace(" ", "")  # nothing is lost


def test_a_long_segment_is_cut_where_its_words_are_said():
    first, second, *_ = subtitles.split(caption(spoken(LONG, end_s=14.0, words=words(LONG))))
    count = len(" ".join(first.lines).split())
    assert (first.start_s, first.end_s, second.start_s) == (0.0, count * 0.5, count * 0.5)
    assert first.lines[-1].endswith(",")


def test_an_edited_text_is_timed_evenly():
    cues = subtitles.split(caption(spoken(LONG, end_s=12.0, words=words("what was heard"))))
    assert cues[0].start_s == 0.0
    assert cues[-1].end_s == pytest.approx(12.0)


def test_cues_of_speech_neither_overlap_nor_run_past_the_end():
    short = [spoken("Yes.", 1.0, 1.1), spoken("No.", 1.5, 1.6), spoken("So?", 2.4, 2.5)]
    cues = subtitles.split(caption(*short, duration_s=2.9))
    assert [(cue.start_s, cue.end_s) for cue in cues] == [(1.0, 1.5), (1.5, 2.4), (2.4, 2.9)]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_times_and_text_come_back_when_the_file_is_read(kind):
    text = subtitles.write(caption(spoken("Hello there.", 1.25, 3.5), spoken("你好。", 4.0, 5.5)), kind)
    events = pysubs2.SSAFile.from_string(text, kind).events
    assert [(e.start, e.end, e.plaintext) for e in events] == [(1250, 3500, "Hello there."), (4000, 5500, "你好。")]


def test_vtt_cannot_be_broken_out_of():
    text = subtitles.to_vtt(caption(spoken("<b>x</b> & 00:00 --> 00:01\n\nNOTE {\\i1} C:\\Night")))
    assert text.count("-->") == 1
    assert "&lt;b&gt;x&lt;/b&gt; &amp; 00:00 --&gt; 00:01" in text.replace("\n", " ")
    assert "<b>" not in text
    body = text.split("-->")[1].split("\n", 1)[1]
    assert "\n\n" not in body.strip()
    assert "{\\\u2060i1} C:\\\u2060Night" in body.replace("\n", " ")


def test_cues_for_the_page_are_escaped():
    assert subtitles.cues(caption(spoken("1 < 2", 0.5, 2.0))) == [{"text": "1 &lt; 2", "timestamp": [0.5, 2.0]}]


def test_srt_holds_one_arrow_per_cue():
    assert subtitles.to_srt(caption(spoken("a --> b"))).count("-->") == 1


def test_doubtful_lines_are_marked_in_every_format():
    doubtful = caption(spoken("La la la", 0, 2, ("singing",)), spoken("Thank you.", 3, 4, ("no_speech_heard",)))
    for kind in ("srt", "vtt", "txt"):
        text = subtitles.write(doubtful, kind)
        assert "♪ La la la ♪" in text
        assert "[?] Thank you." in text


def test_scenes_and_sounds_are_written_in_brackets_only_when_asked():
    whole = caption(
        Segment(0, 4, "scene", "Probably a cheetah (87 %)."),
        Segment(0, 4, "sound", "music"),
        Segment(1, 3, "sound", "speech"),
        spoken("Hello.", 1, 3),
    )
    assert subtitles.to_srt(whole).count("-->") == 1
    everything = subtitles.write(whole, "srt", everything=True)
    assert everything.count("-->") == 3
    assert "[Probably a cheetah (87 %).]" in everything
    assert "[music]" in everything


def test_txt_is_what_was_said_or_else_the_summary():
    assert subtitles.to_txt(caption(spoken("One."), spoken("Two."))) == "One.\nTwo.\n"
    assert subtitles.to_txt(caption(summary="No speech was heard.")) == "No speech was heard.\n"


def test_json_has_exactly_the_documented_fields():
    record = json.loads(subtitles.to_json(caption(spoken("Hi.", 0.1234567, 1, ("music",), words("Hi.")))))
    assert list(record) == ["language", "duration_s", "segments", "summary", "models", "seconds"]
    assert record["segments"] == [{"start_s": 0.123, "end_s": 1, "kind": "speech", "text": "Hi.", "flags": ["music"]}]


@pytest.mark.parametrize("kind", ["srt", "vtt", "txt", "json"])
def test_a_caption_of_nothing_can_be_written(kind):
    assert subtitles.write(caption(duration_s=0.0, summary=""), kind)[-1:] in ("\n", "")
