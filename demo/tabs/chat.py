"""Chat: text, pictures, sound and video in one box; the answer streams and can be stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import gradio as gr

from mmcore.types import Progress, Reply, Sampling

from .. import chatview, examples, spaces, turns, uploads, view
from ..choosing import Chooser
from ..errors import refusal_of
from ..page import QUIET, Page
from ..text import say

PACE_S = 0.1  # between two pictures of a growing answer: drawing every token keeps a slow browser from hearing Stop


def build(page: Page) -> None:
    """The tab, inside the caller's ``gr.Tab``."""
    tab = _Tab(page)
    tab.build()
    tab.wire()


class _Tab:
    def __init__(self, page: Page):
        self.page = page
        self.chooser = Chooser(page, ("chat",), "chat")

    # -- what is on it

    def build(self) -> None:
        add = self.page.add
        self._build_model()
        self.chatbot = add(
            uploads.Conversation,
            {"label": "chat_label", "placeholder": "chat_empty"},
            height="min(60vh, 560px)",
            min_height=320,
            editable="user",
            buttons=["copy", "copy_all"],
            feedback_options=None,
            elem_id="chatbot",
        )
        self.box = add(
            uploads.MessageBox,
            {"label": "chat_message", "placeholder": "chat_hint"},
            show_label=False,
            file_types=["image", "audio", "video"],
            file_count="multiple",
            sources=["upload", "microphone"],
            elem_id="chat-box",
        )
        self.examples = examples.questions()
        self.dataset = self.page.examples(self.examples, "chat-examples")
        self._build_options()

    def _build_model(self) -> None:
        with gr.Row(elem_classes="mm-chat-head", equal_height=True):
            self.chooser.build_model({"label": "chat_model"}, scale=2, min_width=240)
            self.card = self.page.add_drawn(
                "chat_first_card",
                partial(self._card, ""),
                elem_classes="mm-chat-card",
                elem_id="chat-card",
                scale=4,
                min_width=240,
            )
            self.new = self.page.add(gr.Button, {"value": "chat_new"}, size="sm", scale=0, min_width=96)

    def _build_options(self) -> None:
        add = self.page.add
        with add(gr.Accordion, {"label": "options"}, open=False):
            self.chooser.build_precision()
            self.system = add(
                gr.Textbox,
                {"label": "chat_system", "info": "chat_system_info", "placeholder": "chat_system_hint"},
                lines=2,
            )
            with gr.Row():
                self.temperature = add(
                    gr.Slider,
                    {"label": "chat_temperature", "info": "chat_temperature_info"},
                    minimum=0,
                    maximum=2,
                    step=0.1,
                    value=Sampling.temperature,
                )
                self.max_tokens = add(
                    gr.Slider,
                    {"label": "chat_max_tokens", "info": "chat_max_tokens_info"},
                    minimum=16,
                    maximum=1024,
                    step=16,
                    value=Sampling.max_tokens,
                )

    def _card(self, name: str, language: str) -> str:
        return view.note_line(chatview.model_card(self.chooser.spec(name), language))

    # -- what it does

    def wire(self) -> None:
        page, chatbot, box = self.page, self.chatbot, self.box
        asked = [
            box.submit(self._ask, [box, chatbot], [box, chatbot], **QUIET),
            chatbot.retry(self._retry, [chatbot], [box, chatbot], **QUIET),
            chatbot.edit(self._edit, [chatbot], [box, chatbot], **QUIET),
            self.dataset.click(self._example, [self.dataset, page.language], [box, chatbot], **QUIET),
        ]
        works = [self._wire_answer(event) for event in asked]
        cancelled = box.stop(None, cancels=works, **QUIET)
        cancelled.then(self._stopped, [chatbot, page.language], [box, chatbot, page.strip], **QUIET)
        left = gr.on([self.new.click, chatbot.clear], None, cancels=works, **QUIET)
        left.then(self._cleared, [page.language], [box, chatbot, page.strip], **QUIET)
        chatbot.undo(self._undo, [chatbot], [box, chatbot], **QUIET)
        model = self.chooser.model
        model.change(self._card, [model, page.language], [self.card], **QUIET)
        page.redraw(self._card, [model], [self.card])
        for renewed in (page.tab.select, *(work.then for work in works)):
            renewed(self._card, [model, page.language], [self.card], **QUIET)
        for work in works:  # the first one finds out what hardware and hub there are
            self.chooser.renew(work.then)
        self.chooser.wire()

    def _wire_answer(self, asked):
        page = self.page
        choice = [self.chooser.model, self.chooser.precision]
        answering = asked.then(
            spaces.gpu(self._answer),
            [self.chatbot, *choice, self.system, self.temperature, self.max_tokens, page.language],
            [self.chatbot],
            concurrency_id="chat",
            concurrency_limit=page.studio.settings.chat_slots,
            show_progress="minimal",
            api_visibility="private",
        )
        answering.then(self._ended, [page.language], [self.box, page.strip], **QUIET)
        return answering

    def _ask(self, message: dict, history: list[dict]):
        if not (message["text"].strip() or message["files"]):
            return gr.skip(), gr.skip()
        return _busy(), [*history, turns.asked(message["text"], message["files"])]

    def _example(self, index: int, language: str):
        chosen = self.examples[index]
        files = [chosen.file] if chosen.file else []
        return _busy(), [turns.asked(say(language, chosen.title), files)]

    def _retry(self, history: list[dict], event: gr.RetryData):
        return _busy(), history[: _last_asked(history[: event.index + 1]) + 1]

    def _edit(self, history: list[dict], event: gr.EditData):
        index = event.index[0] if isinstance(event.index, (tuple, list)) else event.index
        files = turns.messages(history[index : index + 1])[0].files
        return _busy(), [*history[:index], turns.asked(event.value, files)]

    def _undo(self, history: list[dict]):
        index = _last_asked(history)
        last = turns.messages(history[index : index + 1])[0]
        return gr.update(value={"text": last.text, "files": list(last.files)}), history[:index]

    def _answer(self, history, model, precision, system, temperature, max_tokens, language) -> Iterator[list[dict]]:
        """The conversation after every step: a moving note, the growing answer, then what the model was given."""
        messages = turns.messages(history)
        if not messages or messages[-1].role != "user":
            yield history
            return
        yield [*history, turns.noted(say(language, "stage_start"), pending=True)]
        sampling = Sampling(max_tokens=int(max_tokens), temperature=temperature)
        options = {"model": model or None, "precision": precision or "", "system": system or "", "sampling": sampling}
        tail: list[dict] = []
        try:
            for tail in self._tails(self.page.studio.stream_chat(messages, **options), language):
                yield [*history, *tail]
        except Exception as error:
            kept = [turn for turn in tail if not turns.is_note(turn)]
            yield [*history, *kept, turns.refused(f"⚠️ {chatview.plain(refusal_of(error, language))}")]

    def _tails(self, stream: Iterator[Progress | Reply], language: str) -> Iterator[list[dict]]:
        """What follows the question, step by step. Closing it stops the model."""
        specs = self.page.specs()
        next_s = 0.0
        with closing(stream):
            for step in stream:
                if isinstance(step, Progress):
                    yield [chatview.waiting(step, specs, language)]
                elif step.done or time.monotonic() >= next_s:
                    next_s = time.monotonic() + PACE_S
                    yield self._answered(step, language)

    def _answered(self, reply: Reply, language: str) -> list[dict]:
        answer = turns.answered(reply.text)
        if not reply.done:
            return [answer]
        self.page.speeds[reply.model] = reply.tokens_per_s
        return [answer, chatview.given(reply, self.page.specs(), language, self.page.devices())]

    def _ended(self, language: str):
        return _free(), self.page.status(language)

    def _stopped(self, history: list[dict], language: str):
        kept = history[:-1] if history and turns.is_note(history[-1]) else history
        if not kept or len(kept) == len(history) or kept[-1]["role"] == "user":
            kept = [*kept, turns.noted(say(language, "chat_stopped"), say(language, "chat_stopped"))]
        return _free(), kept, self.page.status(language)

    def _cleared(self, language: str):
        return _free(), [], self.page.status(language)


def _busy() -> dict:
    return gr.update(value={"text": "", "files": []}, submit_btn=False, stop_btn=True)


def _free() -> dict:
    return gr.update(submit_btn=True, stop_btn=False)


def _last_asked(history: list[dict]) -> int:
    return max(index for index, turn in enumerate(history) if turn["role"] == "user")
