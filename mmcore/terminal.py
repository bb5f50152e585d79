"""Progress on a terminal, on standard error."""

from __future__ import annotations

import sys

from tqdm import tqdm

from .types import Progress


class Bar:
    """A ``Report`` that shows the step at hand as one bar. Quiet when standard error is not a terminal."""

    def __init__(self):
        self._bar: tqdm | None = None
        self._step: tuple[str, str] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_) -> None:
        self.clear()

    def __call__(self, progress: Progress) -> None:
        if not sys.stderr.isatty():
            return
        step = (progress.stage, progress.subject)
        if step != self._step:
            self.clear()
            self._step, self._bar = step, _bar(progress)
        self._bar.total = progress.total
        self._bar.n = progress.done
        self._bar.refresh()

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar = self._step = None


def _bar(progress: Progress) -> tqdm:
    name = f"{progress.stage} {progress.subject}".strip()
    scaled = progress.unit == "B"
    return tqdm(desc=name, total=progress.total, unit=progress.unit or "it", unit_scale=scaled, leave=False)
