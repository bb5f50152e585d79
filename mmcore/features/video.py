"""Pictures over time to arrays: where one shot ends and the next begins."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 256  # pixels, wide enough for colour and brightness
CUT = 27.0  # mean change of hue, saturation and brightness (0-255) between shots: scenedetect's default


class ShotDetector:
    """Says of each picture in turn whether a new shot begins with it (scenedetect's ContentDetector)."""

    def __init__(self):
        from scenedetect import ContentDetector

        self._detector = ContentDetector(threshold=CUT, min_scene_len=1)
        self._count = 0

    def begins(self, picture: np.ndarray) -> bool:
        """(H, W, 3) uint8 RGB, always of one size -> whether it is the first of a shot. The very first is not."""
        from scenedetect import FrameTimecode

        small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
        bgr = np.ascontiguousarray(np.asarray(small)[..., ::-1])  # (256, 256, 3), the order of OpenCV
        cuts = self._detector.process_frame(FrameTimecode(self._count, fps=1.0), bgr)
        self._count += 1
        return bool(cuts)


def sharpness(picture: np.ndarray) -> float:
    """(H, W, 3) uint8 -> how much brightness changes between neighbours: text is best read in a sharp picture."""
    grey = picture.astype(np.float32).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())
