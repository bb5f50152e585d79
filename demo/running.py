"""One primary button: Run, which becomes Stop while it works. Shared by the tabs that make one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr

from . import spaces, view
from .page import QUIET, Page
from .streams import refusing
from .text import say

# on a phone the result lies below the button: bring it into sight, and do nothing where it is in sight
SHOW = """(language) => {
  const line = document.querySelector("#NAME-stage");
  if (line && line.getBoundingClientRect().top > 0.8 * window.innerHeight) line.scrollIntoView();
  return language;
}"""


@dataclass
class Runner:
    """The buttons and the progress line of a tab, and how its work is started and stopped."""

    page: Page
    name: str
    run: gr.Button
    stop: gr.Button
    stage: gr.HTML

    @classmethod
    def buttons(cls, page: Page, name: str, *, run: str = "run") -> tuple[gr.Button, gr.Button]:
        """Run, or what the key ``run`` says, and the Stop that takes its place."""
        with gr.Row(elem_classes="mm-run"):
            begin = page.add(gr.Button, {"value": run}, variant="primary", elem_id=f"{name}-run")
            stop = page.add(
                gr.Button,
                {"value": "stop"},
                variant="stop",
                visible=False,
                elem_id=f"{name}-stop",
                elem_classes="mm-stop",
            )
        return begin, stop

    def wire(
        self,
        trigger: Callable,
        work: Callable,
        inputs: Sequence,
        outputs: Sequence,
        *,
        concurrency_id: str,
        limit: int,
    ):
        """``trigger`` starts ``work(*inputs, language)``; returns the event that Stop has to cancel."""
        begun = trigger(
            self._begin,
            [self.page.language],
            [self.run, self.stop, self.stage],
            trigger_mode="once",
            js=SHOW.replace("NAME", self.name),
            **QUIET,
        )
        working = begun.then(
            spaces.gpu(refusing(work)),
            [*inputs, self.page.language],
            [self.stage, *outputs],
            concurrency_id=concurrency_id,
            concurrency_limit=limit,
            show_progress="minimal",
            show_progress_on=[self.stage],
            api_visibility="private",
        )
        working.then(
            self._end,
            [self.page.language],
            [self.run, self.stop, self.page.strip],
            **QUIET,
        )
        return working

    def wire_stop(self, works: Sequence, kept):
        """Stop closes the running work; what had been found stays. Returns the event after it."""
        cancelled = self.stop.click(None, cancels=list(works), **QUIET)
        return cancelled.then(
            self._stopped,
            [kept, self.page.language],
            [self.run, self.stop, self.stage, self.page.strip],
            **QUIET,
        )

    def _begin(self, language: str):
        return gr.update(visible=False), gr.update(visible=True), view.stage(say(language, "stage_queue"))

    def _end(self, language: str):
        return gr.update(visible=True), gr.update(visible=False), self.page.status(language)

    def _stopped(self, kept, language: str):
        words = say(language, "stopped_empty" if kept is None else "stopped")
        return gr.update(visible=True), gr.update(visible=False), view.note(words), self.page.status(language)
