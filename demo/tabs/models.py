"""Models: what there is, what fits here, what is in memory; loading, trying and freeing by hand, and adding one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import gradio as gr

from mmcore.errors import ModelError
from mmcore.types import Loaded, ModelSpec

from .. import cards, operator, spaces, view
from ..cards import Offer
from ..choosing import precisions, runnable
from ..errors import refusal_of
from ..page import QUIET, Page
from ..running import Runner
from ..streams import shown
from ..text import say, speaker
from .adding import Adding

ORDER = ("chat", "image-text", "image-classes", "speech", "sentences", "reading", "sounds")
WORK = {"concurrency_id": "models", "concurrency_limit": 2, "show_progress": "hidden", "api_visibility": "private"}
LOADING = WORK | {"concurrency_id": "models-load"}  # a long download keeps nobody from freeing

# the tab can be opened before the page has taken the browser's language
SPOKEN = """(task, model, precision) => [task, model, precision, localStorage.getItem("mm-language")
  || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en")]"""


def build(page: Page) -> None:
    """The tab, inside the caller's ``gr.Tab``."""
    tab = _Tab(page)
    with gr.Row(elem_classes="mm-two mm-models-two", equal_height=False):
        with gr.Column(elem_classes="mm-input", min_width=320, scale=2):
            tab.build_input()
        with gr.Column(elem_classes="mm-result", min_width=320, scale=3):
            tab.cards = gr.HTML(elem_id="models-cards", js_on_load=cards.CHOOSE)
    tab.wire()


class _Tab:
    def __init__(self, page: Page):
        self.page, self.studio = page, page.studio

    # -- what is on it

    def build_input(self) -> None:
        add = self.page.add
        rows = self._rows(ORDER[0])
        self.task = add(
            gr.Radio, {"label": "models_task"}, choices=self._tasks("en"), value=ORDER[0], elem_id="models-task"
        )
        self.page.follow(self.task, lambda language: {"choices": self._tasks(language)})
        self.model = add(
            gr.Dropdown,
            {"label": "models_model", "info": "models_model_info"},
            choices=_named(rows),
            value=rows[0].name,
            elem_id="models-model",
        )
        self.precision = add(
            gr.Dropdown,
            {"label": "precision", "info": "precision_info"},
            value="",
            elem_id="models-precision",
            **precisions(self.studio, rows[0], "en"),
        )
        self.fit = gr.HTML(elem_id="models-fit", elem_classes="mm-fit")
        self._build_buttons()
        self.stage = gr.HTML(elem_classes="mm-line", elem_id="models-stage")
        self.gauges = gr.HTML(elem_id="models-gauges")
        self.adding = Adding(self.page)

    def _build_buttons(self) -> None:
        self.load, self.stop = Runner.buttons(self.page, "models", run="models_load")
        with gr.Row(elem_classes="mm-chips"):
            self.unload = self.page.add(gr.Button, {"value": "models_unload"}, size="sm", elem_id="models-unload")
            self.free = self.page.add(gr.Button, {"value": "models_free_all"}, size="sm", elem_id="models-free")

    # -- what it shows

    def _rows(self, task: str) -> tuple[ModelSpec, ...]:
        return tuple(row for row in self.studio.catalogue() if row.task == task)

    def _tasks(self, language: str) -> list[tuple[str, str]]:
        there = {row.task for row in self.studio.catalogue()}
        return [(say(language, f"task_{task}"), task) for task in ORDER if task in there]

    def _spec(self, name: str) -> ModelSpec | None:
        return next((row for row in self.studio.catalogue() if row.name == name), None)

    def _offer(self, spec: ModelSpec, precision: str = "") -> Offer:
        try:
            plan = self.studio.plan(spec.name, precision)
        except ModelError as refusal:
            plan = refusal
        held = tuple(entry for entry in self.studio.status().loaded if entry.name == spec.name)
        speed = self.page.speeds.get(spec.name, 0.0)
        return Offer(spec, plan, self.studio.is_kept(spec.name), held, speed, self.studio.commit(spec.name))

    def _is_held(self, name: str) -> bool:
        return any(entry.name == name for entry in self.studio.status().loaded)

    def _fit(self, name: str, precision: str, language: str) -> str:
        spec = self._spec(name)
        if spec is None:
            return ""
        known = precision if precision in runnable(self.studio, spec) else ""
        offer = self._offer(spec, known)
        said = cards.fits(offer, self.studio.status(), language)
        words = said if isinstance(offer.plan, ModelError) else say(language, "models_would", fits=said)
        return view.note(words)

    def _held(self, language: str) -> str:
        titles = {row.name: row.title for row in self.studio.catalogue()}
        return cards.gauges(self.studio.status(), titles, language)

    def _drawn(self, task: str, name: str, precision: str, language: str) -> tuple[str, str, str]:
        """Fit, gauges, cards."""
        offers = [self._offer(spec) for spec in self._rows(task)]
        shown = cards.catalogue(offers, self.studio.status(), language)
        return self._fit(name, precision, language), self._held(language), shown

    # -- what it does

    def wire(self) -> None:
        page, language = self.page, self.page.language
        self.chosen = [self.task, self.model, self.precision]
        self.shown = [self.fit, self.gauges, self.cards]
        page.tab.select(
            self._opened, [*self.chosen, language], [self.stage, *self.shown, page.strip], js=SPOKEN, **WORK
        )
        page.redraw(self._drawn, self.chosen, self.shown)
        page.redraw(self._worded, [self.model], [self.precision])
        self.task.input(self._of_task, [self.task, language], [self.model, self.precision, self.cards], **QUIET)
        self.model.change(self._changed, [self.model, language], [self.precision, self.fit], **QUIET)
        self.precision.input(self._fit, [self.model, self.precision, language], [self.fit], **QUIET)
        self.cards.click(self._choose, [self.task], [self.model], **QUIET)
        self._wire_memory()
        self.adding.wire(self.task, self.model, self.cards, self._added)

    def _wire_memory(self) -> None:
        language, shown = self.page.language, [self.stage, *self.shown]
        buttons = [self.load, self.stop]
        begun = self.load.click(self._begin, [language], [*buttons, self.stage], trigger_mode="once", **QUIET)
        work = begun.then(spaces.gpu(self._load), [*self.chosen, language], shown, **LOADING)
        work.then(self._end, [language], [*buttons, self.page.strip], **QUIET)
        cancelled = self.stop.click(None, cancels=[work], **QUIET)
        cancelled.then(self._stopped, [*self.chosen, language], [*buttons, *shown, self.page.strip], **QUIET)
        for button, function in ((self.unload, self._unload), (self.free, self._free_all)):
            button.click(function, [*self.chosen, language], [*shown, self.page.strip], **WORK)

    def _opened(self, task, name, precision, language) -> Iterator[tuple]:
        """The first to open it finds out what hardware and hub there are: what fits depends on it."""
        for _ in self.studio.settle():
            yield view.stage(say(language, "models_looking")), *_same(4)
        yield "", *self._drawn(task, name, precision, language), self.page.status(language)

    def _worded(self, name: str, language: str) -> dict:
        return gr.update(**precisions(self.studio, self._spec(name), language))

    def _of_task(self, task: str, language: str):
        rows = self._rows(task)
        offers = [self._offer(spec) for spec in rows]
        first = rows[0] if rows else None
        return (
            gr.update(choices=_named(rows), value=first.name if first else None),
            gr.update(value="", **precisions(self.studio, first, language)),
            cards.catalogue(offers, self.studio.status(), language),
        )

    def _changed(self, name: str, language: str):
        return gr.update(value="", **precisions(self.studio, self._spec(name), language)), self._fit(name, "", language)

    def _choose(self, task: str, event: gr.EventData):
        names = [row.name for row in self._rows(task)]
        asked = event._data.get("model") if isinstance(event._data, dict) else None
        return asked if asked in names else gr.skip()

    def _begin(self, language: str):
        return gr.update(visible=False), gr.update(visible=True), view.stage(say(language, "stage_queue"))

    def _end(self, language: str):
        return gr.update(visible=True), gr.update(visible=False), self.page.status(language)

    def _stopped(self, task: str, name: str, precision: str, language: str):
        """A stop while it was tried leaves it in memory."""
        key = "models_trial_stopped" if self._is_held(name) else "models_load_stopped"
        note = view.note(say(language, key, title=self._spec(name).title))
        drawn = self._drawn(task, name, precision, language)
        return gr.update(visible=True), gr.update(visible=False), note, *drawn, self.page.status(language)

    def _load(self, task, name, precision, language, request: gr.Request) -> Iterator[tuple]:
        """Load it, then try it: (progress line, fit, gauges, cards) after every step."""
        try:
            operator.check(self.studio, self.page.blocks, request.headers)
            steps = shown(self.studio.stream_measure(name, precision or ""), self.page.specs(), language)
            latest: Loaded | None = None
            with closing(steps):
                for line, found in steps:
                    drawn = self._drawn(task, name, precision, language) if found != latest else _same(3)
                    latest = found
                    yield line or self._loaded(found, language), *drawn
        except Exception as error:
            yield view.refusal(refusal_of(error, language)), *self._drawn(task, name, precision, language)

    def _loaded(self, found: Loaded, language: str) -> str:
        how = cards.how(found, speaker(language))
        return view.note(say(language, "models_in_memory", title=self._spec(found.name).title, how=how))

    def _unload(self, task, name, precision, language, request: gr.Request):
        def unload() -> str:
            title = self._spec(name).title
            held = self._is_held(name)
            key = "models_unloaded" if self.studio.unload(name) else "models_busy" if held else "models_not_loaded"
            return say(language, key, title=title)

        return self._freed(unload, task, name, precision, language, request)

    def _free_all(self, task, name, precision, language, request: gr.Request):
        def free() -> str:
            count = self.studio.unload_all()
            kept = [say(language, "models_kept")] if self.studio.status().loaded else []
            key = {0: "models_freed_none", 1: "models_freed_one"}.get(count, "models_freed")
            freed = [] if kept and not count else [say(language, key, count=count)]
            return " ".join([*freed, *kept])

        return self._freed(free, task, name, precision, language, request)

    def _freed(self, free, task, name, precision, language, request: gr.Request):
        try:
            operator.check(self.studio, self.page.blocks, request.headers)
            line = view.note(free())
        except Exception as error:
            line = view.refusal(refusal_of(error, language))
        return line, *self._drawn(task, name, precision, language), self.page.status(language)

    def _added(self, spec: ModelSpec, language: str):
        """After a row was added: its task, its model, its cards."""
        model, _, shown = self._of_task(spec.task, language)
        return spec.task, model | {"value": spec.name}, shown


def _named(rows: tuple[ModelSpec, ...]) -> list[tuple[str, str]]:
    return [(row.title, row.name) for row in rows]


def _same(count: int) -> list[dict]:
    return [gr.skip() for _ in range(count)]
