"""Classifying one image: the question cleaned, and the answer's promises."""

import threading

import numpy as np
import pytest
from PIL import Image

from mmcore import InputError, ModelError, Progress
from mmcore.settings import Limits
from mmcore.tasks.classify import clean_labels, is_unsure
from mmcore.tasks.labels import Kept
from mmcore.types import Classification


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "grey photo.png"
    pixels = np.random.default_rng(0).integers(60, 200, (90, 120, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def results(stream) -> list[Classification]:
    return [step for step in stream if isinstance(step, Classification)]


# -- the question


def test_labels_lose_blanks_and_repetitions_but_keep_their_order():
    labels, has_duplicates = clean_labels([" wild  cat ", "", "Dog", "\n", "dog", "WILD CAT"], Limits())
    assert labels == ("wild cat", "Dog")
    assert has_duplicates


def test_no_repetition_is_claimed_where_there_is_none():
    assert clean_labels(["猫", "狗", " "], Limits()) == (("猫", "狗"), False)
    assert clean_labels(["", "  "], Limits()) == ((), False)


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (["cat"], "one_label"),
        (["cat", "Cat", " cat "], "one_label"),
        ([f"label {n}" for n in range(1001)], "too_many_labels"),
        (["cat", "d" * 201], "label_too_long"),
    ],
)
def test_labels_that_cannot_be_used_are_refused_in_a_sentence(studio, photo, labels, code):
    with pytest.raises(InputError) as refusal:
        studio.classify(photo, labels)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"text": "x" * 20_001}, "text_too_long"),
        ({"text_weight": 1.1}, "bad_option"),
        ({"text_weight": float("nan")}, "bad_option"),
        ({"text_weight": "half"}, "bad_option"),
        ({"top": 0}, "bad_option"),
        ({"top": 1.5}, "bad_option"),
    ],
)
def test_options_out_of_range_are_refused_before_a_model_loads(studio, photo, options, code):
    with pytest.raises(InputError) as refusal:
        studio.classify(photo, ["cat", "dog"], **options)
    assert refusal.value.code == code
    assert studio.status().loaded == ()


def test_a_model_for_something_else_is_refused(studio, photo):
    with pytest.raises(ModelError) as refusal:
        studio.classify(photo, ["cat", "dog"], model="fake-chat")
    assert refusal.value.code == "wrong_task"


def test_five_hundred_labels_work(studio, photo):
    result = studio.classify(photo, [f"thing number {n}" for n in range(500)], read_text=False)
    assert len(result.labels) == 500


# -- the answer


def test_probabilities_are_best_first_and_sum_to_one(studio, photo):
    labels = studio.classify(photo, ["cat", "dog", "car", "cake"]).labels
    numbers = [label.probability for label in labels]
    assert numbers == sorted(numbers, reverse=True)
    assert sum(numbers) == pytest.approx(1.0, abs=1e-5)
    assert {label.label for label in labels} == {"cat", "dog", "car", "cake"}


def test_top_keeps_the_best_of_the_same_answer(studio, photo):
    whole = studio.classify(photo, ["cat", "dog", "car", "cake"]).labels
    assert studio.classify(photo, ["cat", "dog", "car", "cake"], top=2).labels == whole[:2]


def test_repeated_labels_are_told(studio, photo):
    assert "duplicates_removed" in studio.classify(photo, ["cat", "Cat", "dog"]).flags
    assert "duplicates_removed" not in studio.classify(photo, ["cat", "dog"]).flags


def test_without_labels_the_imagenet_classes_come_with_their_numbers(studio, photo):
    result = studio.classify(photo, [" ", ""])
    assert "imagenet_set" in result.flags
    assert len(result.labels) == 10
    assert result.labels[:5] == result.recognised
    assert all(label.index is not None for label in result.labels)


def test_all_the_imagenet_classes_sum_to_one(studio, photo):
    labels = studio.classify(photo, top=1000, read_text=False).labels
    assert sum(label.probability for label in labels) == pytest.approx(1.0, abs=1e-4)
    assert len({label.label for label in labels}) == 1000


def test_the_answer_comes_before_the_text_is_read(studio, photo):
    first, last = results(studio.stream_classify(photo, ["cat", "dog"]))
    assert first.text_read is None
    assert [box.text for box in last.text_read] == ["120 x 90"]
    assert last.labels == first.labels


def test_text_is_not_read_unless_asked(studio, photo):
    (only,) = results(studio.stream_classify(photo, ["cat", "dog"], read_text=False))
    assert only.text_read is None
    assert "fake-reading" not in {loaded.name for loaded in studio.status().loaded}


def test_every_stage_names_its_model_and_its_time(studio, photo):
    result = studio.classify(photo, ["cat", "dog"])
    stages = {stage.name: stage.model for stage in result.stages}
    assert stages == {
        "decode": "",
        "load": "fake-image-classes",
        "look": "fake-image-classes",
        "think": "fake-sentences",
        "read": "fake-reading",
    }
    assert 0 < sum(stage.seconds for stage in result.stages) <= result.seconds
    assert result.model == "fake-image-classes"
    assert result.file == "grey photo.png"


def test_the_first_use_of_a_model_shows_progress(studio, photo):
    steps = [step for step in studio.stream_classify(photo, ["cat", "dog"]) if isinstance(step, Progress)]
    assert {"load", "look", "read"} <= {step.stage for step in steps}


def test_a_text_is_weighed_in_between_the_two_opinions(studio, photo):
    labels = ["cat", "dog"]
    by_weight = [
        studio.classify(photo, labels, text="a dog, dog, dog", text_weight=weight, read_text=False)
        for weight in (0.0, 0.5, 1.0)
    ]
    dog = [next(x.probability for x in result.labels if x.label == "dog") for result in by_weight]
    image, text = (
        next(x.probability for x in opinion if x.label == "dog")
        for opinion in (by_weight[1].image_labels, by_weight[1].text_labels)
    )
    assert dog[0] == pytest.approx(image, abs=1e-3)
    assert dog[2] == pytest.approx(text, abs=1e-3)
    assert min(image, text) < dog[1] < max(image, text)
    assert by_weight[1].text_weight == 0.5


@pytest.mark.parametrize("length", [1, 399, 401, 20_000])
def test_texts_of_every_length_are_weighed(studio, photo, length):
    result = studio.classify(photo, ["cat", "dog"], text=("a dog and " * 2000)[:length], read_text=False)
    assert sum(label.probability for label in result.text_labels) == pytest.approx(1.0, abs=1e-5)


def test_without_a_text_there_is_no_second_opinion(studio, photo):
    result = studio.classify(photo, ["cat", "dog"], text="  ", text_weight=0.9)
    assert result.text_labels == result.image_labels == ()
    assert result.text_weight == 0.0


def test_a_text_is_weighed_in_without_labels_too(studio, photo):
    result = studio.classify(photo, text="a cheetah", text_weight=1.0, read_text=False)
    assert result.labels[0].index == result.text_labels[0].index
    assert result.labels[0].index != result.image_labels[0].index


def test_a_warm_call_starts_no_thread(studio, photo, monkeypatch):
    ask = {"labels": ["cat", "dog"], "text": "a dog", "read_text": False}
    cold = studio.classify(photo, **ask)
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread was started"))
    warm = studio.classify(photo, **ask)
    assert warm.labels == cold.labels


def test_a_stop_while_text_is_read_leaves_no_thread(studio, photo):
    stream = studio.stream_classify(photo, ["cat", "dog"])
    next(step for step in stream if isinstance(step, Progress) and step.stage == "read")
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mmcore-step"]
    assert all(not loaded.in_use for loaded in studio.status().loaded)


def test_the_least_recently_used_result_is_forgotten():
    kept = Kept(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]


@pytest.mark.parametrize(
    ("shares", "unsure"),
    [((0.9, 0.1), False), ((0.55, 0.45), True), ((0.45, 0.2, 0.2, 0.15), True), ((0.5, 0.3, 0.2), False)],
)
def test_an_answer_below_even_odds_or_with_a_close_second_is_unsure(shares, unsure):
    assert is_unsure(np.array(shares)) is unsure
