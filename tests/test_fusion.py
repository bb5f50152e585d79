"""The maths of combining, against values worked out by hand."""

import numpy as np
import pytest

from mmcore import fusion

EAST, NORTH, WEST = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)


def test_softmax_turns_the_logarithms_of_shares_into_the_shares():
    assert fusion.softmax(np.log([1.0, 3.0, 4.0])) == pytest.approx([1 / 8, 3 / 8, 4 / 8])


def test_softmax_does_not_overflow():
    assert fusion.softmax(np.array([1e6, 1e6, -1e6])) == pytest.approx([0.5, 0.5, 0.0])


def test_a_class_goes_to_the_label_it_is_near():
    scores = fusion.label_scores(np.array([EAST, NORTH]), np.array([EAST, NORTH]), temperature=1 / np.log(3))
    assert scores == pytest.approx(np.array([[3 / 4, 1 / 4], [1 / 4, 3 / 4]]))


def test_hubness_is_the_mean_likeness_of_a_label_to_all_classes():
    classes = np.array([EAST, EAST, NORTH, WEST])
    assert fusion.hubness(classes, np.array([EAST, NORTH]), 1.0) == pytest.approx([1 / 4, 1 / 4])
    assert fusion.hubness(classes, np.array([EAST, WEST]), 0.5) == pytest.approx([1 / 8, -1 / 8])


def test_a_label_that_is_near_everything_no_longer_wins_everything():
    classes = np.array([[0.8, 0.6], [0.6, 0.8]])
    hub, own = np.array([0.75, 0.66]), np.array([0.0, 1.0])
    labels = np.array([hub / np.linalg.norm(hub), own])
    plain = fusion.label_scores(classes, labels, 0.1)
    centred = fusion.label_scores(classes, labels, 0.1, fusion.hubness(classes, labels, 1.0))
    assert plain.argmax(axis=1).tolist() == [0, 0]
    assert centred.argmax(axis=1).tolist() == [0, 1]


def test_labels_are_weighed_by_the_probability_of_their_classes():
    classes = np.array([[0.7, 0.2, 0.1]])
    given = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    assert fusion.through_classes(classes, given) == pytest.approx(np.array([[0.8, 0.2]]))


def test_late_fusion_is_the_geometric_mean_of_two_opinions():
    fused = fusion.late_fusion(np.array([0.8, 0.2]), np.array([0.2, 0.8]), 0.5)
    assert fused == pytest.approx([0.5, 0.5])
    fused = fusion.late_fusion(np.array([0.9, 0.1]), np.array([0.5, 0.5]), 0.5)
    assert fused == pytest.approx([0.75, 0.25], abs=1e-4)  # 3 : 1, the square root of 9 : 1


@pytest.mark.parametrize(("weight", "expected"), [(0.0, (0.7, 0.3)), (1.0, (0.1, 0.9))])
def test_at_the_ends_one_modality_speaks_alone(weight, expected):
    fused = fusion.late_fusion(np.array([0.7, 0.3]), np.array([0.1, 0.9]), weight)
    assert fused == pytest.approx(expected, abs=1e-4)


def test_what_one_modality_rules_out_does_not_win():
    fused = fusion.late_fusion(np.array([0.6, 0.4]), np.array([0.0, 1.0]), 0.5)
    assert fused[1] > 0.99
    assert fused.sum() == pytest.approx(1.0)
