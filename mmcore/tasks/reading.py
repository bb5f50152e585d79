"""The text in an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..media import image as pictures
from ..types import Progress, Report, TextBox
from .kit import Kit

SIDE = 2560  # pixels of the image that text is read in


def read(kit: Kit, path: Path, report: Report) -> tuple[TextBox, ...]:
    """In reading order. It is a slow step: run it in the background, so that a stop need not wait for it."""
    with kit.store.use(kit.spec("reading"), report) as model:
        report(Progress("read", subject=path.name))
        return tuple(model.read(np.asarray(pictures.load(path, kit.settings.limits, SIDE))))
