"""The order in which text is read."""

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
