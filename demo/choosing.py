"""Which model, and at which precision: two dropdowns that a tab puts where it likes."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from mmcore import Studio
from mmcore.errors import InputError, ModelError
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
            **self._precisions("", "en"),
        )
        self.page.fresh[self.precision] = lambda language: self._precisions("", language) | {"value": ""}

    def wire(self) -> None:
        """Another model has other precisions; what there is to choose is looked up whenever the tab is opened."""
        self.model.change(self._changed, [self.model, self.page.language], [self.precision], **QUIET)
        self.renew(self.page.tab.select)
        self.page.redraw(self._worded, [self.model], [self.precision])

    def renew(self, trigger: Callable) -> None:
        """At ``trigger`` the dropdown offers the models there are now: some are added, downloaded or out of reach."""
        trigger(self._renewed, [self.model, self.page.language], [self.model], **QUIET)

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

    def _renewed(self, name: str, language: str) -> dict:
        there = name in ("", *(row.name for row in self._rows()))
        return gr.update(**self._models(language), **({} if there else {"value": ""}))

    def _changed(self, name: str, language: str) -> dict:
        return gr.update(value="", **self._precisions(name, language))

    def _worded(self, name: str, language: str) -> dict:
        return gr.update(**self._precisions(name, language))

    def _precisions(self, name: str, language: str) -> dict:
        return precisions(self.page.studio, self.spec(name), language)


def precisions(studio: Studio, spec: ModelSpec | None, language: str) -> dict:
    """The properties of a dropdown of a model's precisions that run here: hidden when it is one."""
    names = [(name, name) for name in runnable(studio, spec)] if spec else []
    return {"choices": [(say(language, "precision_auto"), ""), *names], "visible": len(names) > 1}


def runnable(studio: Studio, spec: ModelSpec) -> list[str]:
    """The precisions that this machine computes the model at, be the memory what it may."""
    return [rung.name for rung in spec.precisions if _runs(studio, spec.name, rung.name)]


def _runs(studio: Studio, name: str, precision: str) -> bool:
    try:
        studio.plan(name, precision)
    except InputError:
        return False
    except ModelError:
        pass
    return True
