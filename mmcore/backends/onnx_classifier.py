"""An image classifier over the 1,000 ImageNet classes, in ONNX Runtime.

``model.onnx``: input ``image`` (N, 3, 224, 224) float32, output ``probabilities`` (N, 1000). Its ``run`` may be
called from several threads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..types import ModelSpec, Plan
from .onnx_session import session


def open(spec: ModelSpec, folder: Path, plan: Plan) -> Classifier:
    """The classifier in ``folder``."""
    return Classifier(folder / "model.onnx", plan.threads)


class Classifier:
    def __init__(self, path: Path, threads: int):
        self._session = session(path, threads)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, 3, 224, 224) float32 -> (N, 1000) float32, rows summing to 1."""
        return self._session.run(["probabilities"], {"image": images})[0]

    def close(self) -> None:
        self._session = None
