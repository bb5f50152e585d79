"""Which model, and at which precision: two dropdowns that a tab puts where it likes."""

from __future__ import annotations

import gradio as gr

from mmcore.types import ModelSpec

from .page import QUIET, Page
from .text import say


class Chooser:
    """``model`` and ``precision`` hold names, "" for automatic. Each is hidden where there is nothing to choose."""

    def __init__(self, page: Page, tasks: tuple[str, ...], name: str):
        self.page, self._tasks, self._name = page, tasks, name

    def build_model(self, words: dict[str, str], **rest) -> None:
        """The dropdown of models, in the caller's place."""
        choices = self._models("en")
        self.model = self.page.add(gr.Dropdown, words, value="", elem_id=f"{self._name}-model", **choices, **rest)
        self.page.follow(self.model, self._models)

    def build_precision(self) -> None:
        """The dropdown of precisions, in the caller's place."""
        self.precision = self.page.add(
            gr.Dropdown,
            {"label": "precision", "info": "precision_info"},
            value="",
            elem_id=f"{self._name}-precision",
            **precisions(self.spec(""), "en"),
        )
        self.page.fresh[self.precision] = lambda language: precisions(self.spec(""), language) | {"value": ""}

    def wire(self) -> None:
        """Another model has other precisions."""
        self.model.change(self._changed, [self.model, self.page.language], [self.precision], **QUIET)
        self.page.redraw(self._worded, [self.model], [self.precision])

    def spec(self, name: str) -> ModelSpec | None:
        """The row of that name; the one that automatic takes for ""."""
        rows = self._rows()
        return next((row for row in rows if row.name == name), None) or (rows[0] if rows else None)

    def _rows(self) -> tuple[ModelSpec, ...]:
        return tuple(row for task in self._tasks for row in self.page.studio.choices(task))

    def _models(self, language: str) -> dict:
        rows = self._rows()
        auto = say(language, "model_auto", title=rows[0].title) if rows else ""
        return {"choices": [(auto, ""), *((row.title, row.name) for row in rows)], "visible": len(rows) > 1}

    def _changed(self, name: str, language: str) -> dict:
        return gr.update(value="", **precisions(self.spec(name), language))

    def _worded(self, name: str, language: str) -> dict:
        return gr.update(**precisions(self.spec(name), language))


def precisions(spec: ModelSpec | None, language: str) -> dict:
    """The properties of a dropdown of a model's precisions: hidden when it has one."""
    names = [(rung.name, rung.name) for rung in spec.precisions] if spec else []
    return {"choices": [(say(language, "precision_auto"), ""), *names], "visible": len(names) > 1}
