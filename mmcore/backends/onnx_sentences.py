"""A sentence encoder of the BERT family in ONNX Runtime.

``model.onnx``: inputs ``input_ids`` and ``attention_mask`` (T, K) int64, output ``sentence`` (T, D) of length 1;
``tokenizer.json`` beside it. Both may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..types import ModelSpec, Plan
from .onnx_session import session

TOKENS = 128  # what all-MiniLM-L6-v2 was trained on
BATCH = 64


def open(spec: ModelSpec, folder: Path, plan: Plan) -> Sentences:
    """The encoder in ``folder``."""
    return Sentences(folder, plan.threads)


class Sentences:
    def __init__(self, folder: Path, threads: int):
        from tokenizers import Tokenizer

        self._session = session(folder / "model.onnx", threads)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        """T texts -> (T, D) float32 of length 1. Queries and passages are encoded alike."""
        encodings = [self._tokenizer.encode(text) for text in texts]
        vectors: dict[int, np.ndarray] = {}
        for numbers in _batches([len(encoding.ids) for encoding in encodings]):
            rows = self._run([encodings[number].ids for number in numbers])
            vectors.update(zip(numbers, rows, strict=True))
        return np.stack([vectors[number] for number in range(len(texts))])

    def _run(self, ids: list[list[int]]) -> np.ndarray:
        length = max(map(len, ids))
        tokens = np.array([row + [0] * (length - len(row)) for row in ids], np.int64)  # (T, K)
        mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in ids], np.int64)
        return self._session.run(["sentence"], {"input_ids": tokens, "attention_mask": mask})[0]

    def close(self) -> None:
        self._session = self._tokenizer = None


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions in batches of like length, so that little is padded."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]
