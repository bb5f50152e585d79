"""Images to arrays for models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

SIDE = 224  # pixels, what the classifier was trained on
RESIZED = 256  # pixels, the short side before the centre is cut: 224 / 0.875


def imagenet_input(images: Sequence[Image.Image]) -> np.ndarray:
    """N RGB images -> (N, 3, 224, 224) float32 in [-1, 1].

    Short side to 256 with bicubic filtering, then the central 224: the evaluation transform of
    ``timm``'s tf_efficientnet_lite0 (mean and deviation 0.5).
    """
    return np.stack([_one(image) for image in images])


def _one(image: Image.Image) -> np.ndarray:
    scale = RESIZED / min(image.size)
    width, height = (max(SIDE, round(side * scale)) for side in image.size)
    # only the central square is used: resize straight from it, so that a panorama costs no more
    left, top = (width - SIDE) / 2 / scale, (height - SIDE) / 2 / scale
    right, bottom = left + SIDE / scale, top + SIDE / scale
    small = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, right, bottom), reducing_gap=3.0)
    pixels = np.asarray(small, np.float32)  # (224, 224, 3)
    return (pixels / 127.5 - 1.0).transpose(2, 0, 1)
