"""What the page says: the same in both languages."""

from __future__ import annotations

from string import Formatter

import pytest

from demo import text
from demo.text import en, errors_zh, labels, models_zh, zh
from mmcore import catalog, errors, profile
from mmcore.features.text import listed
from mmcore.types import STAGES


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def has_chinese(sentence: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in sentence)


def test_both_languages_have_the_same_keys():
    assert en.WORDS.keys() == zh.WORDS.keys()


@pytest.mark.parametrize("key", en.WORDS)
def test_both_languages_fill_in_the_same_values(key):
    assert fields(en.WORDS[key]) == fields(zh.WORDS[key])
    assert en.WORDS[key].strip() and zh.WORDS[key].strip()


def test_every_refusal_of_the_engine_is_said_in_chinese():
    assert errors_zh.SENTENCES.keys() == errors.SENTENCES.keys()


@pytest.mark.parametrize("code", errors.SENTENCES)
def test_a_refusal_has_the_same_values_and_formats_in_both_languages(code):
    english, chinese = errors.SENTENCES[code], errors_zh.SENTENCES[code]
    assert fields(english) == fields(chinese)
    assert has_chinese(chinese)


def test_a_refusal_is_said_in_the_language_asked_for():
    error = errors.InputError("too_many_labels", count=1200, limit=1000)
    assert text.error_sentence(error, "en") == str(error)
    assert "1200" in text.error_sentence(error, "zh") and has_chinese(text.error_sentence(error, "zh"))


def test_every_model_has_a_chinese_card():
    for spec in catalog.rows():
        words = text.card(spec, "zh")
        assert has_chinese(words["can"]) and has_chinese(words["cannot"]), spec.name
        assert bool(words["speed"]) == bool(spec.speed), spec.name


def test_no_chinese_card_is_left_over():
    assert models_zh.CARDS.keys() <= {spec.name for spec in catalog.rows()}


def test_every_step_and_profile_has_words():
    for stage in STAGES:
        assert f"stage_{stage}" in en.WORDS
    for why in profile.REASONS:
        assert why in en.WORDS
    for name in profile.ROWS:
        assert f"profile_{name}" in en.WORDS


def test_ready_sets_have_as_many_labels_in_both_languages():
    for name in labels.SETS:
        english, chinese = (listed(labels.labels_of(name, language)) for language in ("en", "zh"))
        assert len(english) == len(chinese) == len(set(chinese)), name


def test_labels_are_split_at_commas_of_both_languages_and_at_lines():
    assert listed("cat, dog，狗、鸟;fish\n  wild cat ,,") == ["cat", "dog", "狗", "鸟", "fish", "wild cat"]
