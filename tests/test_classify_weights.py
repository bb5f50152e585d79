"""Classifying one image on the embedded models: that the answer is right."""

import base64
import io
import subprocess
import sys

import pytest
from PIL import Image, ImageDraw, ImageFont

pytestmark = pytest.mark.weights

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
def words(tmp_path):
    """A picture with two lines of English."""
    image = Image.new("RGB", (640, 240), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(40)
    pen.text((40, 40), "FRESH COFFEE", fill="black", font=font)
    pen.text((40, 140), "Open until 18:30", fill="darkblue", font=font)
    path = tmp_path / "sign.png"
    image.save(path)
    return path


@pytest.fixture(scope="module")
def cheetah():
    from gradio.media import get_image

    return get_image("cheetah.jpg")


def test_a_cheetah_is_a_cheetah(real_studio, cheetah):
    result = real_studio.classify(cheetah, read_text=False)
    assert result.labels[0].label == "cheetah"
    assert result.labels[0].index == 293
    assert result.labels[0].probability > 0.5


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


def test_a_label_set_that_holds_nothing_like_it_is_unsure(real_studio, cheetah):
    assert "unsure" in real_studio.classify(cheetah, ["piano", "trumpet"], read_text=False).flags
    assert "unsure" in real_studio.classify(cheetah, ["钢琴", "小号"], read_text=False).flags


def test_a_flat_picture_is_unsure(real_studio, tmp_path):
    Image.new("RGB", (300, 300), "blue").save(tmp_path / "blue.png")
    result = real_studio.classify(tmp_path / "blue.png", ["cat", "dog", "car", "food", "bird"], read_text=False)
    assert "unsure" in result.flags


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


def test_text_in_an_image_is_read_in_order(real_studio, words, capfd):
    boxes = real_studio.classify(words, ["sign", "animal"]).text_read
    assert [box.text for box in boxes] == ["FRESH COFFEE", "Open until 18:30"]
    assert all(box.confidence > 0.9 for box in boxes)
    first, second = boxes
    assert 20 < first.left < 60 < 300 < first.right < 400
    assert first.bottom < second.top
    assert capfd.readouterr() == ("", "")


def test_chinese_text_in_an_image_is_read(real_studio, tmp_path):
    sign = Image.open(io.BytesIO(base64.b64decode(CHINESE_SIGN))).convert("RGB")
    wall = Image.new("RGB", (640, 400), (240, 230, 200))
    wall.paste(sign.resize((570, 102), Image.Resampling.BICUBIC), (30, 150))
    wall.save(tmp_path / "wall.jpg")
    boxes = real_studio.classify(tmp_path / "wall.jpg", ["sign", "animal"]).text_read
    assert "".join(box.text for box in boxes).replace(" ", "") == "请勿吸烟安全出口"


def test_a_photo_without_text_gives_none(real_studio, cheetah):
    assert real_studio.classify(cheetah, ["cat", "dog"]).text_read == ()


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
