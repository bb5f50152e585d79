"""Chinese and English text in images: PP-OCRv6 small, through ``rapidocr`` on ONNX Runtime."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from PIL import Image

from ..types import ModelSpec, Plan, TextBox

LONGEST_SIDE = 1280  # pixels that text is looked for in; lines are then read from the picture as it is
SHORT_SIDE = 384  # pixels; smaller pictures are enlarged, which finds the small print in thumbnails
TINY_SIDE = 16  # pixels; nothing can be read in less
ASPECT = 16  # a longer strip is padded: its short side would round to nothing in the networks
CONFIDENCE = 0.7
SHORT_CONFIDENCE = 0.95  # of one or two characters: edges and textures look like those


def open(spec: ModelSpec, folder: Path, plan: Plan) -> RapidOcr:
    """The reader inside the package; ``folder`` is not used."""
    return RapidOcr(plan.threads)


class RapidOcr:
    def __init__(self, threads: int):
        from rapidocr import RapidOCR

        self._lock = threading.Lock()
        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": CONFIDENCE,
                "Global.use_preprocess_img": False,  # its limits on size; ours are below
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.limit_type": "max",
                "Det.limit_side_len": LONGEST_SIDE,
            }
        )
        self._load()

    def _load(self) -> None:
        """Its three networks load at their first use: use them now, so that ``open`` is where time is spent."""
        line = np.zeros((48, 192, 3), np.uint8)
        self._engine(line, use_det=False)
        self._engine(line, use_det=True)

    def read(self, image: np.ndarray) -> list[TextBox]:
        """(H, W, 3) uint8 RGB -> the text in it, in reading order."""
        short, long = sorted(image.shape[:2])
        if short < TINY_SIDE:
            return []
        scale = max(1.0, min(SHORT_SIDE / short, LONGEST_SIDE / long))
        with self._lock:  # its pre-processing keeps state in the engine
            found = self._engine(_padded(_bgr(image, scale)))
        if found.txts is None:
            return []
        lines = zip(found.boxes, found.txts, found.scores, strict=True)
        boxes = [_box(corners / scale, text, score, image.shape) for corners, text, score in lines]
        return in_reading_order([box for box in boxes if _is_likely(box)])

    def close(self) -> None:
        with self._lock:
            self._engine = None


def _bgr(image: np.ndarray, scale: float) -> np.ndarray:
    """(H, W, 3) RGB -> (H * scale, W * scale, 3) in the order of colours that the engine takes."""
    if scale > 1:
        height, width = image.shape[:2]
        picture = Image.fromarray(image)
        image = np.asarray(picture.resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC))
    return np.ascontiguousarray(image[:, :, ::-1])


def _padded(image: np.ndarray) -> np.ndarray:
    """A long strip with its edge repeated below or to the right, so that places stay where they are."""
    height, width = image.shape[:2]
    below, right = max(0, -(-width // ASPECT) - height), max(0, -(-height // ASPECT) - width)
    return np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge") if below or right else image


def _is_likely(box: TextBox) -> bool:
    return box.confidence >= (SHORT_CONFIDENCE if len(box.text) <= 2 else CONFIDENCE)


def _box(corners: np.ndarray, text: str, score: float, shape: tuple[int, ...]) -> TextBox:
    """(4, 2) corners of a quadrilateral -> the upright box around it, inside the image."""
    height, width = shape[:2]
    left, top = np.floor(corners.min(axis=0)).clip(0, (width, height)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).clip(0, (width, height)).astype(int).tolist()
    return TextBox(text.strip(), float(score), left, top, right, bottom)


def in_reading_order(boxes: list[TextBox]) -> list[TextBox]:
    """Lines from top to bottom, each from left to right; boxes are of one line when their middles overlap."""
    lines: list[list[TextBox]] = []
    for box in sorted(boxes, key=lambda box: box.top + box.bottom):
        if lines and _same_line(lines[-1][-1], box):
            lines[-1].append(box)
        else:
            lines.append([box])
    return [box for line in lines for box in sorted(line, key=lambda box: box.left)]


def _same_line(above: TextBox, box: TextBox) -> bool:
    middle = (box.top + box.bottom) / 2
    return above.top < middle < above.bottom and box.top < (above.top + above.bottom) / 2 < box.bottom
