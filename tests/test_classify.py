"""Classifying one image: the question cleaned, the answer's promises, and on real weights that it is right."""

import base64
import io
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mmcore import InputError, ModelError, Progress
from mmcore.settings import Limits
from mmcore.tasks.classify import clean_labels, is_unsure
from mmcore.tasks.labels import Kept
from mmcore.types import Classification

#: “请勿吸烟 安全出口”, 190 x 34 pixels in two colours: drawn once, since few machines have a Chinese font.
CHINESE_SIGN = (
    "iVBORw0KGgoAAAANSUhEUgAAAL4AAAAiAQAAAADJq14IAAABZUlEQVR42tWSMUscURSFv/ccMhbCKgHBxn2CYOuSJoHAjvkZYiD+Bltx75LCxs"
    "LOpMlOmTZtCl2tLAzODxCcQGCnXHHAmfXt3BTjyhZai6e753A43HOvUZ7E2PIMXlpI6QNkgIcM4lr4sCICXafGUUH66PgCp/ZvBB0pQ8tvEiJj"
    "sISXHWBNRnkEcPTo+Nxi59scMTCjXlcFaHssnj1xwBnwj+pTf+IIL3dzAYI/EgQ27yYPwnihtQFwXs+JyW+2AeyMMMqAVN5JuWSnFmzoxUnEFU"
    "CBtge+3YsAS2k4BKCi0esBIIDFeF0W3mTnWjPExA8lVh8poMjBSbnkJhka+C7+bZLaiMRNhRsfjgjPxGfwKwoH6UQYBOR2VtziQp/30/eYhZ+w"
    "nPYdFHHNngag3702b6v1/R809ev+kIbQBG+Jctx81dqKoTzYHFLU7aLlUDWs7u6OO9dF515VVXsnY29e14v+B5GykXLt137qAAAAAElFTkSuQm"
    "CC"
)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "grey photo.png"
    pixels = np.random.default_rng(0).integers(60, 200, (90, 120, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def words(tmp_path):
    """A picture with two lines of English."""
    image = Image.new("RGB", (640, 240), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(40)
    pen.text((40, 40), "FRESH COFFEE", fill="black", font=font)
    pen.text((40, 140), "Open until 18:30", fill="darkblue", font=font)
    path = tmp_path / "sign.png"
    image.save(path)
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


# -- on real weights


@pytest.fixture(scope="module")
def cheetah():
    from gradio.media import get_image

    return get_image("cheetah.jpg")


@pytest.mark.weights
def test_a_cheetah_is_a_cheetah(real_studio, cheetah):
    result = real_studio.classify(cheetah, read_text=False)
    assert result.labels[0].label == "cheetah"
    assert result.labels[0].index == 293
    assert result.labels[0].probability > 0.5


@pytest.mark.weights
@pytest.mark.parametrize(
    ("labels", "right"),
    [
        (["dog", "wild cat", "house cat", "bird", "car", "food"], "wild cat"),
        (["a mammal", "a reptile", "a vehicle", "a building"], "a mammal"),
        (["cheetah", "lion", "tiger", "lynx"], "cheetah"),
        (["狗", "野生猫科动物", "家猫", "鸟", "汽车", "食物"], "野生猫科动物"),
        (["猎豹", "狮子", "老虎", "猞猁"], "猎豹"),
        (["poisson", "félin sauvage", "véhicule", "bâtiment"], "félin sauvage"),
    ],
)
def test_a_cheetah_goes_to_the_label_that_means_it(real_studio, cheetah, labels, right):
    result = real_studio.classify(cheetah, labels, read_text=False)
    assert result.labels[0].label == right
    assert "unsure" not in result.flags


@pytest.mark.weights
def test_a_label_set_that_holds_nothing_like_it_is_unsure(real_studio, cheetah):
    assert "unsure" in real_studio.classify(cheetah, ["piano", "trumpet"], read_text=False).flags
    assert "unsure" in real_studio.classify(cheetah, ["钢琴", "小号"], read_text=False).flags


@pytest.mark.weights
def test_a_flat_picture_is_unsure(real_studio, tmp_path):
    Image.new("RGB", (300, 300), "blue").save(tmp_path / "blue.png")
    result = real_studio.classify(tmp_path / "blue.png", ["cat", "dog", "car", "food", "bird"], read_text=False)
    assert "unsure" in result.flags


@pytest.mark.weights
@pytest.mark.parametrize(
    ("labels", "text", "right"),
    [
        (
            ["wild cat", "musical instrument"],
            "She practised the violin concerto on her old instrument",
            "musical instrument",
        ),
        (["野生猫科动物", "乐器"], "她用这把小提琴练习协奏曲", "乐器"),
    ],
)
def test_the_text_of_an_image_can_change_the_answer(real_studio, cheetah, labels, text, right):
    weigh = [real_studio.classify(cheetah, labels, text=text, text_weight=w, read_text=False) for w in (0.0, 1.0)]
    assert [result.labels[0].label for result in weigh] == [labels[0], right]
    assert weigh[1].image_labels[0].label == labels[0]
    assert weigh[1].text_labels[0].label == right


@pytest.mark.weights
def test_text_in_an_image_is_read_in_order(real_studio, words, capfd):
    boxes = real_studio.classify(words, ["sign", "animal"]).text_read
    assert [box.text for box in boxes] == ["FRESH COFFEE", "Open until 18:30"]
    assert all(box.confidence > 0.9 for box in boxes)
    first, second = boxes
    assert 20 < first.left < 60 < 300 < first.right < 400
    assert first.bottom < second.top
    assert capfd.readouterr() == ("", "")


@pytest.mark.weights
def test_chinese_text_in_an_image_is_read(real_studio, tmp_path):
    sign = Image.open(io.BytesIO(base64.b64decode(CHINESE_SIGN))).convert("RGB")
    wall = Image.new("RGB", (640, 400), (240, 230, 200))
    wall.paste(sign.resize((570, 102), Image.Resampling.BICUBIC), (30, 150))
    wall.save(tmp_path / "wall.jpg")
    boxes = real_studio.classify(tmp_path / "wall.jpg", ["sign", "animal"]).text_read
    assert "".join(box.text for box in boxes).replace(" ", "") == "请勿吸烟安全出口"


@pytest.mark.weights
def test_a_photo_without_text_gives_none(real_studio, cheetah):
    assert real_studio.classify(cheetah, ["cat", "dog"]).text_read == ()


@pytest.mark.weights
def test_classifying_imports_neither_torch_nor_transformers(words):
    script = (
        "import sys; from mmcore import Settings, Studio\n"
        "studio = Studio(Settings.from_env(profile='embedded'))\n"
        f"studio.classify({str(words)!r}, ['sign', '招牌'], text='coffee')\n"
        f"studio.classify({str(words)!r}, ['sign', 'animal'])\n"
        "assert len(studio.status().loaded) == 4\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'transformers', 'timm'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
