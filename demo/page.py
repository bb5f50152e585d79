"""What the tabs share: the studio, the language of the page, and which component says what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import gradio as gr

from mmcore import Studio
from mmcore.device import Hardware, plan
from mmcore.types import Loaded, ModelSpec

from . import examples, view
from .text import LANGUAGES, say

C = TypeVar("C", bound=gr.blocks.Block)
Update = Callable[[str], dict]

#: For events of the page itself: at once, without a spinner, not part of the API.
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def _said(key: str, language: str) -> str:
    return say(language, key)


def _merged(updates: Sequence[Update], language: str) -> dict:
    return {name: value for update in updates for name, value in update(language).items()}


@dataclass
class Page:
    """``add`` makes a component whose words follow the language; ``redraw`` renews a result already shown.

    ``fresh`` has what a component becomes when the page opens, over what it becomes at a switch of language.
    """

    studio: Studio
    language: gr.Radio | None = None
    strip: gr.HTML | None = None
    worded: dict[gr.blocks.Block, list[Update]] = field(default_factory=dict)
    redrawn: list[tuple[Callable, Sequence, Sequence]] = field(default_factory=list)
    opening: dict[gr.HTML, Callable[[str], str]] = field(default_factory=dict)
    fresh: dict[gr.blocks.Block, Update] = field(default_factory=dict)
    blocks: gr.Blocks | None = None
    tab: gr.Tab | None = None  # the one that is being built
    speeds: dict[str, float] = field(default_factory=dict)  # tokens/s of each chat model's last answer
    ran: dict[str, Loaded] = field(default_factory=dict)  # how each model was last loaded
    keys: dict[str, Callable[[str], str]] = field(default_factory=dict)
    i18n: gr.I18n | None = None

    def add(self, kind: type[C], words: dict[str, str], **rest) -> C:
        """A component of ``kind``; ``words`` maps its properties (label, info, …) to keys of the text.

        The first words are chosen in the browser by its language, so that nothing flashes.
        """
        self.keys.update((key, partial(_said, key)) for key in words.values())
        made = kind(**{name: self.i18n(key) for name, key in words.items()}, **rest)
        self.follow(made, lambda language: {name: say(language, key) for name, key in words.items()})
        return made

    def add_drawn(self, key: str, draw: Callable[[str], str], **rest) -> gr.HTML:
        """HTML that opens as ``draw(language)`` and that results then replace; see ``redraw``."""
        self.keys[key] = draw
        made = gr.HTML(self.i18n(key), **rest)
        self.opening[made] = draw
        return made

    def follow(self, component: gr.blocks.Block, update: Update) -> None:
        """``update(language)`` gives the properties of ``component`` that change with the language."""
        self.worded.setdefault(component, []).append(update)

    def examples(self, rows: Sequence[examples.Example], elem_id: str) -> gr.Dataset:
        """Cards with a picture of each example and what it shows; a click gives its index."""

        def samples(language: str) -> list[list[str]]:
            return [[examples.face(row, say(language, row.title))] for row in rows]

        dataset = self.add(
            gr.Dataset,
            {"label": "examples"},
            components=[gr.HTML(render=False)],
            samples=samples("en"),
            type="index",
            layout="gallery",
            elem_id=elem_id,
            elem_classes="mm-examples",
        )
        self.follow(dataset, lambda language: {"samples": samples(language)})
        return dataset

    def redraw(self, function: Callable, inputs: Sequence, outputs: Sequence) -> None:
        """``function(*inputs, language)`` draws ``outputs`` again after a switch of language."""
        self.redrawn.append((function, inputs, outputs))

    def words_in(self, language: str) -> list[dict]:
        """One update per component that follows the language."""
        return [gr.update(**_merged(updates, language)) for updates in self.worded.values()]

    def opening_in(self, language: str) -> list[dict]:
        """One update per component that follows the language or is replaced by results."""
        worded = [
            gr.update(**_merged([*updates, *filter(None, [self.fresh.get(component)])], language))
            for component, updates in self.worded.items()
        ]
        return [*worded, *(gr.update(value=draw(language)) for draw in self.opening.values())]

    def translations(self) -> dict[str, dict[str, str]]:
        """The words that the browser chooses itself, by locale."""
        tables = {language: {key: words(language) for key, words in self.keys.items()} for language in LANGUAGES}
        return tables | {"zh-CN": tables["zh"], "zh-TW": tables["zh"]}

    def specs(self) -> dict[str, ModelSpec]:
        """Rows, at the precision they were last loaded at, by name and by title: progress may say either."""
        loads = self.loads()
        rows = [
            replace(row, precision=loads[row.name].precision or row.precision) if row.name in loads else row
            for row in self.studio.catalogue()
        ]
        return {row.title: row for row in rows} | {row.name: row for row in rows}

    def status(self, language: str) -> str:
        return view.strip(self.studio.status(), language)

    def loads(self) -> dict[str, Loaded]:
        """How each model is loaded, or last was: the precision and the device that its answers were made with."""
        self.ran.update((entry.name, entry) for entry in self.studio.status().loaded)
        return self.ran

    def devices(self) -> dict[str, str]:
        """Where each model runs, or last did."""
        return {name: entry.device for name, entry in self.loads().items()}

    def where(self, language: str, names: Iterable[str] = ()) -> str:
        """Where models run, in a sentence; ``names`` are those that were used."""
        devices = self.devices()
        if any(devices.get(name, "cpu") != "cpu" for name in names):
            return say(language, "made_where_gpu", name=self.studio.status().device_name)
        settings = self.studio.settings
        hardware = Hardware.here(settings)
        threads = plan(self.studio.models()[0], hardware, settings).threads
        return say(language, "made_where_value", threads=threads, cores=hardware.cores)
