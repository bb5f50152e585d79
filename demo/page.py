"""What the tabs share: the studio, the language of the page, and which component says what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import gradio as gr

from mmcore import Studio
from mmcore.device import Hardware, plan
from mmcore.types import ModelSpec

from . import view
from .examples import Example
from .text import LANGUAGES, say

C = TypeVar("C", bound=gr.blocks.Block)
Update = Callable[[str], dict]

#: For events of the page itself: at once, without a spinner, not part of the API.
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


@dataclass
class Page:
    """``add`` makes a component whose words follow the language; ``redraw`` renews a result already shown."""

    studio: Studio
    language: gr.Radio | None = None
    strip: gr.HTML | None = None
    worded: list[tuple[gr.blocks.Block, Update]] = field(default_factory=list)
    redrawn: list[tuple[Callable, Sequence, Sequence]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    i18n: gr.I18n | None = None

    def add(self, kind: type[C], words: dict[str, str], **rest) -> C:
        """A component of ``kind``; ``words`` maps its properties (label, info, …) to keys of the text.

        The first words are chosen in the browser by its language, so that nothing flashes.
        """
        self.keys.update(words.values())
        made = kind(**{name: self.i18n(key) for name, key in words.items()}, **rest)
        self.follow(made, lambda language: {name: say(language, key) for name, key in words.items()})
        return made

    def follow(self, component: gr.blocks.Block, update: Update) -> None:
        """``update(language)`` gives the properties of ``component`` that change with the language."""
        self.worded.append((component, update))

    def examples(self, rows: Sequence[Example], elem_id: str) -> gr.Dataset:
        """Cards with a picture of each example and what it shows; a click gives its index."""
        dataset = self.add(
            gr.Dataset,
            {"label": "examples"},
            components=[gr.Textbox(render=False)],
            samples=[[row.title] for row in rows],
            type="index",
            layout="gallery",
            elem_id=elem_id,
            elem_classes="mm-examples",
        )
        self.follow(dataset, lambda language: {"samples": [[say(language, row.title)] for row in rows]})
        return dataset

    def redraw(self, function: Callable, inputs: Sequence, outputs: Sequence) -> None:
        """``function(*inputs, language)`` draws ``outputs`` again after a switch of language."""
        self.redrawn.append((function, inputs, outputs))

    def words_in(self, language: str) -> list[dict]:
        """One update per component that follows the language."""
        return [gr.update(**update(language)) for _, update in self.worded]

    def translations(self) -> dict[str, dict[str, str]]:
        """The words that the browser chooses itself, by locale."""
        tables = {language: {key: say(language, key) for key in self.keys} for language in LANGUAGES}
        return tables | {"zh-CN": tables["zh"], "zh-TW": tables["zh"]}

    def specs(self) -> dict[str, ModelSpec]:
        """The rows of this profile by name and by title: progress and results may name either."""
        rows = self.studio.models()
        return {row.title: row for row in rows} | {row.name: row for row in rows}

    def status(self, language: str) -> str:
        return view.strip(self.studio.status(), language)

    def where(self, language: str) -> str:
        """Where models run, in a sentence."""
        settings = self.studio.settings
        hardware = Hardware.here(settings)
        threads = plan(self.studio.models()[0], hardware, settings).threads
        return say(language, "made_where_value", threads=threads, cores=hardware.cores)
