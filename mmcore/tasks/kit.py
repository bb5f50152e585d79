"""What a task works with: the models it may use and where they are."""

from __future__ import annotations

from dataclasses import dataclass

from .. import catalog
from ..errors import ModelError
from ..settings import Settings
from ..store import Store
from ..types import ModelSpec


@dataclass(frozen=True)
class Kit:
    settings: Settings
    store: Store
    profile: str  # resolved: "embedded" or "fake"

    def choices(self, task: str) -> tuple[ModelSpec, ...]:
        """The rows for ``task``; the first is the default."""
        return catalog.for_task(task, self.profile, self.settings.models_file)

    def spec(self, task: str, name: str | None = None) -> ModelSpec:
        """The row named, or the default one. Raises ModelError when it is for another task."""
        choices = self.choices(task)
        if name is None:
            return choices[0]
        spec = catalog.find(name, self.settings.models_file)
        if spec.task != task:
            names = ", ".join(row.name for row in choices)
            raise ModelError("wrong_task", name=name, task=spec.task, wanted=task, choices=names)
        return spec
