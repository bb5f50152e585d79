"""The names of the 1,000 classes, and their place among sentences."""

import numpy as np
import pytest

from mmcore import imagenet

HAN = "\u4e00", "\u9fff"


def test_there_are_a_thousand_classes_by_index():
    assert [row.index for row in imagenet.classes()] == list(range(1000))
    assert all(row.definition and row.synonyms for row in imagenet.classes())


@pytest.mark.parametrize(
    ("index", "english", "chinese"),
    [
        (0, "tench", "丁鱥"),
        (1, "goldfish", "金鱼"),
        (281, "tabby", "虎斑猫"),
        (293, "cheetah", "猎豹"),
        (388, "giant panda", "大熊猫"),
        (404, "airliner", "客机"),
        (817, "sports car", "跑车"),
        (999, "toilet tissue", "卫生纸"),
    ],
)
def test_classes_have_their_names_in_both_languages(index, english, chinese):
    assert imagenet.name(index, "en") == english
    assert imagenet.name(index, "zh") == chinese


@pytest.mark.parametrize("words", ["en", "zh"])
def test_no_two_classes_are_called_the_same(words):
    names = [imagenet.name(index, words) for index in range(1000)]
    assert len(set(names)) == 1000


def test_chinese_names_are_written_in_chinese_and_short():
    names = {imagenet.name(index, "zh") for index in range(1000)}
    without_han = {name for name in names if not any(HAN[0] <= c <= HAN[1] or "\u3400" <= c <= "\u9fff" for c in name)}
    assert without_han == {"iPod"}
    assert max(map(len, names)) <= 10


@pytest.mark.parametrize("encoder", imagenet.ENCODINGS)
def test_a_table_holds_a_direction_for_every_class(encoder):
    table = imagenet.table(encoder)
    assert table.shape == (1000, 384)
    assert table.dtype == np.float32
    assert np.linalg.norm(table, axis=1) == pytest.approx(np.ones(1000), abs=1e-5)


@pytest.mark.parametrize("encoder", imagenet.ENCODINGS)
@pytest.mark.parametrize(("near", "nearer", "far"), [(207, 208, 407), (404, 895, 950), (292, 291, 504)])
def test_like_classes_lie_near_each_other(encoder, near, nearer, far):
    """Golden retriever and Labrador against an ambulance, airliner and warplane against an orange, …"""
    table = imagenet.table(encoder)
    assert table[near] @ table[nearer] > table[near] @ table[far] + 0.03


def test_the_tables_were_made_from_the_texts_of_today():
    """Otherwise: ``python -m mmcore.backends.imagenet_tables mmcore/data``."""
    made_from = imagenet.DATA.joinpath(imagenet.MADE_FROM).read_text().strip()
    assert made_from == imagenet.fingerprint()


@pytest.mark.weights
@pytest.mark.parametrize("encoder", imagenet.ENCODINGS)
def test_the_tables_are_what_the_encoders_say(real_studio, encoder):
    chosen = [0, 293, 404, 817, 999]
    mean = 0.0
    with real_studio.store.use(real_studio.kit.spec("sentences", encoder)) as model:
        for part, weight in imagenet.encoding(encoder).parts:
            texts = imagenet.class_texts(part)
            mean = mean + weight * model.embed([texts[index] for index in chosen])
    assert (imagenet.unit(mean) * imagenet.table(encoder)[chosen]).sum(axis=1).min() > 0.999


def test_an_encoder_nobody_knows_has_no_table():
    assert imagenet.table("my-encoder") is None
    assert imagenet.encoding("my-encoder") is imagenet.OTHER


@pytest.mark.parametrize(
    ("label", "language"),
    [
        ("cat", "en"),
        ("a cat’s “toy” 2", "en"),
        ("猫", "zh"),
        ("T恤", "zh"),
        ("ネコ科の動物", ""),
        ("Vögel", ""),
        ("кот", ""),
    ],
)
def test_the_language_of_a_label_is_seen_by_its_letters(label, language):
    assert imagenet.label_language(label) == language


def test_the_likeliest_classes_come_first_and_equal_ones_in_order():
    probabilities = np.zeros(1000)
    probabilities[[293, 1]] = 0.6, 0.4
    best = imagenet.likeliest(probabilities, 3)
    assert [(found.index, found.label) for found in best[:2]] == [(293, "cheetah"), (1, "goldfish")]
    assert best[2].index == 0 and len(imagenet.likeliest(probabilities)) == 1000
