"""Classify: a picture, labels, and a text that came with it."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from mmcore.errors import InputError
from mmcore.features.text import listed
from mmcore.types import Classification

from .. import examples, uploads, view
from ..choosing import Chooser
from ..page import QUIET, Page
from ..running import Runner
from ..streams import shown
from ..text import labels as ready
from ..text import say

SETS = ("imagenet", *ready.SETS)


def build(page: Page) -> None:
    """The tab, inside the caller's ``gr.Tab``."""
    tab = _Tab(page)
    with gr.Row(elem_classes="mm-two", equal_height=False):
        with gr.Column(elem_classes="mm-input", min_width=320):
            tab.build_input()
        with gr.Column(elem_classes="mm-result", min_width=320):
            tab.build_result()
    tab.wire()


class _Tab:
    def __init__(self, page: Page):
        self.page = page
        self.chooser = Chooser(page, ("image-text", "image-classes"), "classify")

    # -- what is on it

    def build_input(self) -> None:
        add = self.page.add
        self.image = add(
            uploads.Picture,
            {"label": "classify_image", "placeholder": "classify_image_hint"},
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard", "webcam"],
            webcam_options=gr.WebcamOptions(mirror=False),
            height=280,
            buttons=["fullscreen"],
            elem_id="classify-image",
        )
        self.labels = add(
            gr.Textbox,
            {"label": "classify_labels", "info": "classify_labels_info", "placeholder": "classify_labels_hint"},
            lines=2,
            max_lines=6,
            elem_id="classify-labels",
        )
        self.sets = self._build_sets()
        self.text = add(
            gr.Textbox, {"label": "classify_text", "placeholder": "classify_text_hint"}, elem_id="classify-text"
        )
        self._build_options()
        self.run, self.stop = Runner.buttons(self.page, "classify")
        self.examples = examples.images()
        self.dataset = self.page.examples(self.examples, "classify-examples")

    def _build_sets(self) -> list[tuple[str, gr.Button]]:
        with gr.Row(elem_classes="mm-chips"):
            return [
                (name, self.page.add(gr.Button, {"value": f"set_{name}"}, size="sm", elem_id=f"set-{name}"))
                for name in SETS
            ]

    def _build_options(self) -> None:
        add = self.page.add
        with add(gr.Accordion, {"label": "options"}, open=False):
            self.chooser.build_model({"label": "model", "info": "model_info"})
            self.chooser.build_precision()
            self.weight = add(
                gr.Slider,
                {"label": "classify_weight", "info": "classify_weight_info"},
                minimum=0,
                maximum=1,
                step=0.05,
                value=0.5,
            )
            self.top = add(
                gr.Slider,
                {"label": "classify_top", "info": "classify_top_info"},
                minimum=1,
                maximum=20,
                step=1,
                value=5,
            )
            self.read = add(gr.Checkbox, {"label": "classify_read", "info": "classify_read_info"}, value=True)

    def build_result(self) -> None:
        self.kept = gr.State(None)
        self.stage = gr.HTML(elem_classes="mm-line", elem_id="classify-stage")
        self.answer = self.page.add_drawn(
            "classify_nothing", _nothing, elem_classes="mm-room", elem_id="classify-answer"
        )
        with self.page.add(gr.Accordion, {"label": "how_made"}, open=False):
            self.made = self.page.add_drawn("classify_made", _not_made)

    # -- what it does

    def wire(self) -> None:
        page = self.page
        runner = Runner(page, "classify", self.run, self.stop, self.stage)
        choice = [self.chooser.model, self.chooser.precision]
        inputs = [self.image, self.labels, self.text, self.weight, self.top, self.read, *choice]
        self.chooser.wire()
        outputs = [self.answer, self.made, self.kept]
        filled = self.dataset.click(
            self._fill, [self.dataset, page.language], [self.image, self.labels, self.text],
            **QUIET,
        )  # fmt: skip
        works = [
            runner.wire(trigger, self._work, inputs, outputs, concurrency_id="classify", limit=2)
            for trigger in (self.run.click, filled.then)
        ]
        for work in works:  # the first one finds out what hardware and hub there are
            self.chooser.renew(work.then)
        runner.wire_stop(works, self.kept)
        for name, button in self.sets:
            button.click(
                lambda language, name=name: ready.labels_of(name, language), [page.language], [self.labels],
                queue=False, show_progress="hidden", api_visibility="private",
            )  # fmt: skip
        page.redraw(self._redraw, [self.kept, self.top], [self.answer, self.made])

    def _fill(self, index: int, language: str):
        chosen = self.examples[index]
        labels = say(language, chosen.labels) if chosen.labels else ""
        return chosen.file, labels, say(language, chosen.text) if chosen.text else ""

    def _work(self, image, labels, text, weight, top, read, model, precision, language) -> Iterator[tuple]:
        """(progress line, answer, how it was made, the result kept) after every step."""
        yield view.stage(say(language, "stage_start")), _nothing(language), gr.skip(), None
        if not image:
            raise InputError("no_file")
        options = {"text": text or "", "text_weight": weight, "read_text": read}
        stream = self.page.studio.stream_classify(
            image, listed(labels or ""), model=model or None, precision=precision or "", **options
        )
        for line, result in shown(stream, self.page.specs(), language):
            if result is None:
                yield line, gr.skip(), gr.skip(), None
            else:
                yield line, *self._drawn(result, top, language, reading=bool(line) and read), result

    def _drawn(self, result: Classification, top: int, language: str, *, reading: bool = False) -> tuple[str, str]:
        specs, devices = self.page.specs(), self.page.devices()
        answer = view.classification(result, specs, language, top=int(top), reading=reading, devices=devices)
        where = self.page.where(language, [result.model])
        return answer, view.how_made(result.stages, (), specs, where, language)

    def _redraw(self, result: Classification | None, top: int, language: str):
        if result is None:
            return _nothing(language), say(language, "how_made_empty")
        return self._drawn(result, top, language)


def _nothing(language: str) -> str:
    return view.empty(say(language, "classify_empty"), say(language, "classify_first"))


def _not_made(language: str) -> str:
    return say(language, "how_made_empty")
