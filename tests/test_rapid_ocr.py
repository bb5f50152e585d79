"""The order in which text is read."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mmcore.backends.rapid_ocr import in_reading_order
from mmcore.types import TextBox


def box(text: str, left: int, top: int, width: int = 50, height: int = 20) -> TextBox:
    return TextBox(text, 1.0, left, top, left + width, top + height)


def read(*boxes: TextBox) -> str:
    return " ".join(found.text for found in in_reading_order(list(boxes)))


def test_lines_go_from_top_to_bottom_and_each_from_left_to_right():
    assert read(box("c", 0, 40), box("b", 60, 3), box("a", 0, 0), box("d", 60, 38)) == "a b c d"


def test_a_word_a_little_higher_is_of_the_same_line():
    assert read(box("left", 0, 6), box("right", 60, 0)) == "left right"


def test_a_small_note_beside_a_tall_title_does_not_join_its_line():
    assert read(box("TITLE", 0, 0, height=100), box("note", 60, 2, height=10)) == "note TITLE"


def test_nothing_is_read_in_order_too():
    assert in_reading_order([]) == []


@pytest.mark.weights
@pytest.mark.parametrize("shape", [(20, 3000), (3000, 20), (1, 1), (15, 500), (16, 16), (2400, 1800)])
def test_pictures_of_every_shape_are_read_without_an_error(real_studio, shape):
    with real_studio.store.use(real_studio.kit.spec("reading")) as reader:
        assert reader.read(np.full((*shape, 3), 200, np.uint8)) == []


@pytest.mark.weights
@pytest.mark.parametrize(("size", "font_size"), [((1200, 40), 26), ((200, 60), 18), ((2400, 1600), 60)])
def test_a_box_lies_where_its_text_is(real_studio, size, font_size):
    image = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(font_size)
    place = (size[0] // 4, size[1] // 6)
    pen.text(place, "PLATFORM", fill="black", font=font)
    left, top, right, bottom = pen.textbbox(place, "PLATFORM", font=font)
    with real_studio.store.use(real_studio.kit.spec("reading")) as reader:
        (found,) = reader.read(np.asarray(image))
    assert found.text == "PLATFORM"
    distances = np.subtract((found.left, found.top, found.right, found.bottom), (left, top, right, bottom))
    assert np.abs(distances).max() < max(12, font_size / 2)
