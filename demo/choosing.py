"""Which model, and at which precision: two dropdowns that a tab puts among its options."""

from __future__ import annotations

import gradio as gr

from mmcore.types import ModelSpec

from .page import QUIET, Page
from .text import say


class Chooser:
    """``model`` and ``precision`` hold names, "" for automatic. Each is hidden where there is nothing to choose."""

    def __init__(self, page: Page, tasks: tuple[str, ...], name: str):
        self.page, self.tasks = page, tasks
        self.model = page.add(
            gr.Dropdown,
            {"label": "model", "info": "model_info"},
            value="",
            elem_id=f"{name}-model",
            **self._models("en"),
        )
        page.follow(self.model, self._models)
        self.precision = page.add(
            gr.Dropdown,
            {"label": "precision", "info": "precision_info"},
            value="",
            elem_id=f"{name}-precision",
            **precisions(self._spec(""), "en"),
        )
        page.fresh[self.precision] = lambda language: precisions(self._spec(""), language) | {"value": ""}

    def wire(self) -> None:
        """Another model has other precisions."""
        inputs = [self.model, self.page.language]
        self.model.change(self._changed, inputs, [self.precision], **QUIET)
        self.page.redraw(self._worded, [self.model], [self.precision])

    def _rows(self) -> tuple[ModelSpec, ...]:
        return tuple(row for task in self.tasks for row in self.page.studio.choices(task))

    def _spec(self, name: str) -> ModelSpec | None:
        """The row of that name; the one that automatic takes for ""."""
        rows = self._rows()
        return next((row for row in rows if row.name == name), None) or (rows[0] if rows else None)

    def _models(self, language: str) -> dict:
        rows = self._rows()
        auto = say(language, "model_auto", title=rows[0].title) if rows else ""
        return {"choices": [(auto, ""), *((row.title, row.name) for row in rows)], "visible": len(rows) > 1}

    def _changed(self, name: str, language: str) -> dict:
        return gr.update(value="", **precisions(self._spec(name), language))

    def _worded(self, name: str, language: str) -> dict:
        return gr.update(**precisions(self._spec(name), language))


def precisions(spec: ModelSpec | None, language: str) -> dict:
    """The properties of a dropdown of a model's precisions: hidden when it has one."""
    names = [rung.name for rung in spec.precisions] if spec else []
    return {"choices": [(say(language, "precision_auto"), ""), *names], "visible": len(names) > 1}
