"""Caption: a clip over time, heard and seen."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from mmcore.errors import InputError
from mmcore.types import Caption
from mmcore.wording import LANGUAGES

from .. import downloads, examples, timeline, uploads, view
from ..choosing import Chooser
from ..page import QUIET, Page
from ..running import Runner
from ..streams import shown
from ..text import say

SOURCES = ("file", "mic", "camera")
CLASSIFIER = "none"  # the describer that is no model


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
        self.chooser = Chooser(page, ("speech",), "caption")

    # -- what is on it

    def build_input(self) -> None:
        self.source = gr.State("file")
        with gr.Tabs():
            self.source_tabs = [self._build_source(name) for name in SOURCES]
        self._build_options()
        self.run, self.stop = Runner.buttons(self.page, "caption")
        self.examples = examples.clips()
        self.dataset = self.page.examples(self.examples, "caption-examples")

    def _build_source(self, name: str) -> gr.Tab:
        add = self.page.add
        with add(gr.Tab, {"label": f"caption_tab_{name}"}) as tab:
            if name == "file":
                self.file = add(
                    uploads.AnyFile,
                    {"label": "caption_file"},
                    file_types=["audio", "video"],
                    height=160,
                    elem_id="caption-file",
                )
            elif name == "mic":
                self.mic = add(uploads.Sound, {"label": "caption_mic"}, sources=["microphone"], type="filepath")
            else:
                self.camera = add(
                    uploads.Film,
                    {"label": "caption_camera"},
                    sources=["webcam"],
                    webcam_options=gr.WebcamOptions(mirror=False),
                    include_audio=True,
                )
        return tab

    def _build_options(self) -> None:
        add = self.page.add
        with add(gr.Accordion, {"label": "options"}, open=False):
            self.chooser.build_model({"label": "model", "info": "model_info"})
            self.chooser.build_precision()
            self._build_describer()
            self.spoken = add(
                gr.Dropdown,
                {"label": "caption_language", "info": "caption_language_info"},
                choices=_choices("en"),
                value="",
            )
            self.page.follow(self.spoken, lambda language: {"choices": _choices(language)})
            self.translate = add(
                gr.Checkbox, {"label": "caption_translate", "info": "caption_translate_info"}, value=False
            )

    def _build_describer(self) -> None:
        """Who describes the scenes; hidden where no model sees."""
        words = {"label": "caption_describer", "info": "caption_describer_info"}
        properties = {"value": "", "elem_id": "caption-describer"}
        self.describer = self.page.add(gr.Dropdown, words, **properties, **self._describers("en"))
        self.page.follow(self.describer, self._describers)

    def _describers(self, language: str) -> dict:
        rows = self.page.studio.describers(language)
        auto = say(language, "model_auto", title=rows[0].title) if rows else ""
        alone = say(language, "caption_describer_none")
        choices = [(auto, ""), *((row.title, row.name) for row in rows), (alone, CLASSIFIER)]
        return {"choices": choices, "visible": bool(rows)}

    def _renewed(self, name: str, language: str) -> dict:
        properties = self._describers(language)
        there = name in [value for _, value in properties["choices"]]
        return gr.update(**properties, **({} if there else {"value": ""}))

    def build_result(self) -> None:
        self.kept = gr.State(None)
        self.stage = gr.HTML(elem_classes="mm-line", elem_id="caption-stage")
        self.answer = self.page.add_drawn(
            "caption_nothing", _nothing, elem_classes="mm-room", elem_id="caption-answer", js_on_load=timeline.SEEK
        )
        with gr.Row(elem_classes="mm-downloads"):
            self.files = [
                gr.DownloadButton(name.upper(), size="sm", interactive=False, elem_id=f"download-{name}")
                for name in downloads.FORMATS
            ]
        with self.page.add(gr.Accordion, {"label": "how_made"}, open=False):
            self.made = self.page.add_drawn("caption_made", lambda language: say(language, "how_made_empty"))

    # -- what it does

    def wire(self) -> None:
        page = self.page
        for name, tab in zip(SOURCES, self.source_tabs, strict=True):
            tab.select(lambda name=name: name, None, self.source, **QUIET)
        runner = Runner(page, "caption", self.run, self.stop, self.stage)
        choice = [self.chooser.model, self.chooser.precision, self.describer]
        inputs = [self.source, self.file, self.mic, self.camera, self.spoken, self.translate, *choice]
        self.chooser.wire()
        outputs = [self.answer, self.made, self.kept, *self.files]
        filled = self.dataset.click(self._fill, [self.dataset], [self.source, self.file], **QUIET)
        works = [
            runner.wire(trigger, self._work, inputs, outputs, concurrency_id="caption", limit=1)
            for trigger in (self.run.click, filled.then)
        ]
        for renewed in (page.tab.select, *(work.then for work in works)):
            renewed(self._renewed, [self.describer, page.language], [self.describer], **QUIET)
        for work in works:  # the first one finds out what hardware and hub there are
            self.chooser.renew(work.then)
        runner.wire_stop(works, self.kept).then(self._kept_files, [self.kept], self.files, **QUIET)
        page.redraw(self._redraw, [self.kept], [self.answer, self.made])

    def _fill(self, index: int):
        return "file", self.examples[index].file

    def _work(
        self, source, file, mic, camera, spoken, translate, model, precision, describer, language
    ) -> Iterator[tuple]:
        """(progress line, answer, how it was made, what is kept, a file per format) after every step."""
        path = {"file": file, "mic": mic, "camera": camera}[source]
        locked = [gr.update(value=None, interactive=False) for _ in downloads.FORMATS]
        yield view.stage(say(language, "stage_start")), _nothing(language), gr.skip(), None, *locked
        if not path:
            raise InputError("no_file")
        same = [gr.skip() for _ in downloads.FORMATS]
        options = {"language": spoken or None, "translate": translate, "words": language}
        options |= {"model": model or None, "precision": precision or "", "describer": describer or ""}
        stream = self.page.studio.stream_caption(path, **options)
        for line, result in shown(stream, self.page.specs(), language):
            if result is None:
                yield line, gr.skip(), gr.skip(), None, *same
            else:
                files = self._files(result, path) if result.done else same
                yield line, *self._drawn(path, result, language), (path, result), *files

    def _kept_files(self, kept: tuple[str, Caption] | None) -> list[dict]:
        """After a stop, what was captioned until then can be downloaded."""
        return self._files(kept[1], kept[0]) if kept else [gr.skip() for _ in downloads.FORMATS]

    def _files(self, result: Caption, path: str) -> list[dict]:
        return [gr.update(value=file, interactive=True) for file in downloads.write(result, path)]

    def _drawn(self, path: str, result: Caption, language: str) -> tuple[str, str]:
        specs = self.page.specs()
        answer = timeline.clip(path, result, specs, language, self.page.devices())
        where = self.page.where(language, [step.model for step in result.stages])
        return answer, view.how_made(result.stages, (), specs, where, language)

    def _redraw(self, kept: tuple[str, Caption] | None, language: str):
        if kept is None:
            return _nothing(language), say(language, "how_made_empty")
        return self._drawn(*kept, language)


def _choices(language: str) -> list[tuple[str, str]]:
    names = [(names[language == "zh"], code) for code, names in LANGUAGES.items()]
    return [(say(language, "caption_detect"), ""), *names]


def _nothing(language: str) -> str:
    return view.empty(say(language, "caption_empty"), say(language, "caption_first"))
