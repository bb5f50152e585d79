"""Images against labels in a joint space, through transformers: CLIP, SigLIP, SigLIP 2, Chinese-CLIP, AltCLIP.

A label is embedded once and kept, so that many images against the same labels cost the images alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForZeroShotImageClassification

from ..errors import ModelError
from ..types import ModelSpec, Plan
from .transformers_loading import check_kind, free, is_out_of_memory, load, threads, working_dtype

BATCH = 16  # images at a time
KEPT = 4096  # label embeddings
SIGLIP_TOKENS = 64  # it was trained on texts padded to this (Zhai 2023)


def open(spec: ModelSpec, folder: Path, plan: Plan) -> Scorer:
    """Load the checkpoint of ``folder``. Raises ModelError."""
    return Scorer(spec, folder, plan)


def check(spec: ModelSpec, folder: Path) -> None:
    """Refuse a checkpoint of which only the small files are there. Raises ModelError."""
    check_kind(AutoModelForZeroShotImageClassification, spec, folder)


class Scorer:
    """An ``ImageTextScorer``. One batch is computed at a time, whoever asks.

    ``activation`` says how the model was trained: "softmax" over the labels (CLIP, Radford 2021) or a
    "sigmoid" for each label alone (SigLIP, Zhai 2023).
    """

    def __init__(self, spec: ModelSpec, folder: Path, plan: Plan):
        self._spec, self._plan = spec, plan
        self._model, self._processor = load(AutoModelForZeroShotImageClassification, spec, folder, plan)
        self._dtype = working_dtype(plan)
        self._siglip = self._model.config.model_type.startswith("siglip")
        self._batch = int(spec.options.get("batch", BATCH))
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()
        self.activation = "sigmoid" if self._siglip else "softmax"

    def close(self) -> None:
        """Free the weights and the kept labels."""
        with self._lock:
            self._model = self._processor = None
            self._kept.clear()
        free(self._plan.device)

    def score(self, images: Sequence[Image.Image | np.ndarray], labels: Sequence[str]) -> np.ndarray:
        """N images (PIL, or (H, W, 3) uint8) and L labels -> (N, L) float32: scale · cosine (+ bias).

        Raises ModelError when there is no memory for one image at a time.
        """
        with self._lock, threads(self._plan.threads), torch.inference_mode():
            texts = self._texts(labels)  # (L, D)
            rows = [self._rows(batch, texts) for batch in self._batches(images)]
        return np.concatenate(rows) if rows else np.zeros((0, len(labels)), np.float32)

    def _batches(self, images: Sequence) -> list[Sequence]:
        return [images[start : start + self._batch] for start in range(0, len(images), self._batch)]

    def _rows(self, images: Sequence, texts: torch.Tensor) -> np.ndarray:
        """(B, L); in two halves when the device has no room for all."""
        try:
            return self._logits(self._see(images), texts)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        free(self._plan.device)
        if len(images) == 1:
            raise ModelError("out_of_memory", name=self._spec.title)
        half = self._batch = len(images) // 2
        return np.concatenate([self._rows(images[:half], texts), self._rows(images[half:], texts)])

    def _logits(self, seen: torch.Tensor, texts: torch.Tensor) -> np.ndarray:
        scores = seen @ texts.T * self._model.logit_scale.float().exp()
        if self._siglip:
            scores = scores + self._model.logit_bias.float()
        return scores.cpu().numpy()

    def _see(self, images: Sequence) -> torch.Tensor:
        """B images -> (B, D) float32 of length 1."""
        pictures = [Image.fromarray(image) if isinstance(image, np.ndarray) else image for image in images]
        pixels = self._processor(images=[picture.convert("RGB") for picture in pictures], return_tensors="pt")
        return _unit(self._model.get_image_features(**pixels.to(self._model.device, self._dtype)))

    def _texts(self, labels: Sequence[str]) -> torch.Tensor:
        """L labels -> (L, D) float32 of length 1, from the kept ones where they are known."""
        new = [label for label in dict.fromkeys(labels) if label not in self._kept]
        found = {label: self._kept[label] for label in labels if label in self._kept}
        for start in range(0, len(new), 4 * self._batch):
            batch = new[start : start + 4 * self._batch]
            found |= dict(zip(batch, self._read(batch), strict=True))
        self._keep(found)
        return torch.stack([found[label] for label in labels])

    def _keep(self, found: dict[str, torch.Tensor]) -> None:
        for label, vector in found.items():
            self._kept[label] = vector
            self._kept.move_to_end(label)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _read(self, texts: list[str]) -> torch.Tensor:
        """T texts -> (T, D) float32 of length 1."""
        padding = {"padding": "max_length", "max_length": SIGLIP_TOKENS} if self._siglip else {"padding": True}
        tokens = self._processor.tokenizer(texts, truncation=True, return_tensors="pt", **padding)
        return _unit(self._model.get_text_features(**tokens.to(self._model.device)))


def _unit(features) -> torch.Tensor:
    vectors = features.pooler_output.float()
    return vectors / vectors.norm(dim=-1, keepdim=True)
