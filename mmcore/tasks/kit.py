"""What a task works with: the models it may use and where they are."""

from __future__ import annotations

from dataclasses import dataclass

from .. import catalog
from ..errors import ModelError
from ..profile import FAKE, ROWS, Profile
from ..settings import Settings
from ..store import Store
from ..types import ModelSpec


@dataclass(frozen=True)
class Kit:
    settings: Settings
    store: Store
    profile: Profile

    def choices(self, task: str) -> tuple[ModelSpec, ...]:
        """The rows for ``task`` in the profile in force, its own first."""
        choice = self.profile.choice
        rows = (row for group in ROWS[choice.name] for row in self._group(task, group))
        return tuple(row for row in rows if not (choice.kept_only and row.hub) or self.store.is_kept(row))

    def _group(self, task: str, group: str) -> list[ModelSpec]:
        """A profile's rows: with a GPU first those that can use it, else first those made for a CPU."""
        rows = catalog.for_task(task, group, self.settings.models_file)
        has_gpu = self.store.hardware.accelerator is not None
        return sorted(rows, key=lambda row: bool(row.precisions) != has_gpu)

    def row(self, name: str) -> ModelSpec:
        """The row of that name; a fake one is known in its profile alone. Raises ModelError."""
        return catalog.find(name, self.settings.models_file, fakes=self.profile.name == FAKE)

    def spec(self, task: str, name: str | None = None) -> ModelSpec:
        """The row named, or the first that fits. Raises ModelError when it is for another task."""
        choices = self.choices(task)
        if not name:
            return self.first_that_fits(choices)
        spec = self.row(name)
        if spec.task != task:
            names = ", ".join(row.name for row in choices)
            raise ModelError("wrong_task", name=name, task=spec.task, wanted=task, choices=names)
        return spec

    def first_that_fits(self, choices: tuple[ModelSpec, ...]) -> ModelSpec:
        """Rows are listed best first; one that cannot fit, or is heavy for a CPU, is passed over, the last is never."""
        return next((spec for spec in choices[:-1] if self._fits(spec)), choices[-1])

    def _fits(self, spec: ModelSpec) -> bool:
        try:
            found = self.store.plan(spec)
        except ModelError:
            return False
        return not (spec.heavy and found.device == "cpu")
