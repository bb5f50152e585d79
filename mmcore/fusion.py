"""Combining modalities: arrays in, arrays out."""

from __future__ import annotations

import numpy as np


def softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """Scores of any size -> probabilities along ``axis``."""
    shifted = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


def hubness(classes: np.ndarray, labels: np.ndarray, centring: float) -> np.ndarray:
    """What a label is too near to everything: (C, D) and (L, D) unit vectors -> (L,).

    Its mean cosine to all classes, times ``centring`` (0 to 1). Some sentences are near all others in any
    embedding space (Radovanovic et al. 2010, "Hubs in space"); subtracting this undoes it.
    """
    return centring * (classes.mean(axis=0) @ labels.T)


def label_scores(
    classes: np.ndarray, labels: np.ndarray, temperature: float, base: np.ndarray | float = 0.0
) -> np.ndarray:
    """Which label a class belongs to: (C, D) and (L, D) unit vectors -> (C, L), rows summing to 1.

    ``base`` (L,) is subtracted from the cosines first, see ``hubness``.
    """
    return softmax((classes @ labels.T - base) / temperature)


def through_classes(class_probabilities: np.ndarray, label_given_class: np.ndarray) -> np.ndarray:
    """p(label|x) = sum over classes of p(class|x) p(label|class): (N, C) and (C, L) -> (N, L).

    A classifier of known classes scores labels that it never saw, through what both mean; a
    probabilistic form of ConSE (Norouzi et al. 2013, arXiv:1312.5650).
    """
    return class_probabilities @ label_given_class


def late_fusion(first: np.ndarray, second: np.ndarray, second_weight: float) -> np.ndarray:
    """Two opinions on the same labels, (L,) each -> (L,): a weighted geometric mean, normalised.

    In log space, so that a modality that rules a label out is heard (a product of experts).
    """
    tiny = 1e-6
    mixed = (1 - second_weight) * np.log(first + tiny) + second_weight * np.log(second + tiny)
    return softmax(mixed)
