"""The operator's form on the Models tab: a repository of a hub, looked up and then added."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr

from .. import cards, operator, view
from ..errors import refusal_of
from ..page import Page
from ..text import say

TASKS = ("chat", "image-text", "speech")
WORK = {"concurrency_id": "adding", "concurrency_limit": 2, "show_progress": "hidden", "api_visibility": "private"}


class Adding:
    def __init__(self, page: Page):
        self.page, self.studio = page, page.studio
        add = page.add
        with add(gr.Accordion, {"label": "add_title"}, open=False, elem_id="models-add"):
            self.repo = add(
                gr.Textbox,
                {"label": "add_repo", "info": "add_repo_info", "placeholder": "add_repo_hint"},
                max_lines=1,
                max_length=200,
                elem_id="add-repo",
            )
            self.task = add(gr.Radio, {"label": "add_task"}, choices=_tasks("en"), value=TASKS[0], elem_id="add-task")
            page.follow(self.task, lambda language: {"choices": _tasks(language)})
            with gr.Row(elem_classes="mm-chips"):
                self.look = add(gr.Button, {"value": "add_look"}, size="sm", elem_id="add-look")
                self.add = add(gr.Button, {"value": "add_add"}, size="sm", elem_id="add-add")
            self.facts = gr.HTML(elem_id="add-facts")

    def wire(self, task: gr.Radio, model: gr.Dropdown, shown: gr.HTML, added: Callable) -> None:
        """``added(spec, language)`` gives what ``task``, ``model`` and ``shown`` become."""
        inputs = [self.repo, self.task, self.page.language]
        gr.on([self.look.click, self.repo.submit], self._look, inputs, [self.facts], **WORK)
        self._added = added
        self.add.click(self._add, inputs, [self.facts, task, model, shown], **WORK)

    def _look(self, repo: str, task: str, language: str, request: gr.Request) -> Iterator[str]:
        try:
            operator.check(self.studio, self.page.blocks, request.headers)
            yield view.stage(say(language, "add_looking", repo=repo))
            facts = self.studio.describe(repo, task)
            yield view.note(say(language, "add_found")) + cards.repository(facts, language)
        except Exception as error:
            yield view.refusal(refusal_of(error, language))

    def _add(self, repo: str, task: str, language: str, request: gr.Request) -> Iterator[tuple]:
        same = [gr.skip() for _ in range(3)]
        try:
            operator.check(self.studio, self.page.blocks, request.headers)
            yield view.stage(say(language, "add_looking", repo=repo)), *same
            spec = self.studio.add(repo, task)
            yield view.note(say(language, "add_added", title=spec.title)), *self._added(spec, language)
        except Exception as error:
            yield view.refusal(refusal_of(error, language)), *same


def _tasks(language: str) -> list[tuple[str, str]]:
    return [(say(language, f"task_{task}"), task) for task in TASKS]
