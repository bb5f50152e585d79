"""The HTTP API (and MCP tools): the page's activities as typed functions, with the command line's fields.

Files are sent through Gradio's upload route (``gradio_client.handle_file`` does it); a path or a link is
refused. Refusals come as one English sentence, or a Chinese one with ``language="zh"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager

import gradio as gr
from gradio.data_classes import FileData

from mmcore import Studio, records
from mmcore.errors import InputError, ModelError
from mmcore.features.text import listed
from mmcore.types import TASKS, Message, Plan, Sampling

from . import operator, spaces, turns
from .errors import refusal_of
from .uploads import uploaded

ROLES = ("system", "user", "assistant")


def add(studio: Studio, blocks: gr.Blocks) -> None:
    """Offer ``studio`` under /classify, /caption, /chat, /models, /load and /unload, inside ``blocks``."""
    limits = {"classify": 2, "caption": 1, "chat": studio.settings.chat_slots, "models": 4, "load": 2, "unload": 2}
    functions = [make(studio) for make in (_classify, _caption, _chat, _models)]
    for function in (*functions, _load(studio, blocks), _unload(studio, blocks)):
        name = function.__name__
        computes = name in ("classify", "caption", "chat", "load")
        gr.api(
            spaces.gpu(function) if computes else function,
            api_name=name,
            concurrency_id=name,
            concurrency_limit=limits[name],
        )


@contextmanager
def _refusing(language: str):
    """Whatever goes wrong leaves as one sentence, without a trace or a path."""
    try:
        yield
    except Exception as error:
        raise gr.Error(refusal_of(error, language), print_exception=False) from None


def _classify(studio: Studio) -> Callable:
    def classify(
        image: FileData,
        labels: str = "",
        text: str = "",
        text_weight: float = 0.5,
        model: str = "",
        top: int = 0,
        language: str = "en",
        precision: str = "",
    ) -> dict:
        """Say what a picture shows, among labels of your own.

        Args:
            image: The picture, uploaded.
            labels: Labels between commas or lines; leave empty for the 1,000 ImageNet classes.
            text: Words that came with the picture, weighed in.
            text_weight: Weight of the text, from 0 (picture alone) to 1 (text alone).
            model: Name of an image model from /models; empty for the default.
            top: How many labels to return; 0 for all (ten of ImageNet's).
            language: Language of error sentences, "en" or "zh".
            precision: One of the model's precisions; empty for the best that fits.

        Returns:
            file, labels (label and probability, best first), model, seconds, and the evidence: recognised, text_read.
        """
        with _refusing(language):
            options = {"text": text, "text_weight": text_weight, "model": model or None, "top": top or None}
            result = studio.classify(uploaded(image), listed(labels), precision=precision, **options)
            return records.classification(result)

    return classify


def _caption(studio: Studio) -> Callable:
    def caption(
        clip: FileData,
        spoken: str = "",
        translate: bool = False,
        model: str = "",
        language: str = "en",
        precision: str = "",
    ) -> dict:
        """Write down what is said, heard and seen in an audio or video file, over time.

        Args:
            clip: The audio or video file, uploaded.
            spoken: Code of the language spoken, such as en, zh or fr; empty to detect it.
            translate: Whether to write the speech in English.
            model: Name of a speech model from /models; empty for the default.
            language: Language of scenes, summary and error sentences, "en" or "zh".
            precision: One of the model's precisions; empty for the best that fits.

        Returns:
            language, duration_s, segments (start_s, end_s, kind, text, flags), summary, models, seconds.
        """
        with _refusing(language):
            options = {"language": spoken or None, "translate": translate, "words": _words(language)}
            result = studio.caption(uploaded(clip), model=model or None, precision=precision, **options)
            return records.caption(result)

    return caption


def _chat(studio: Studio) -> Callable:
    def chat(
        message: str,
        files: list[FileData] = [],  # noqa: B006 - Gradio reads the default for its documentation
        history: list[dict] = [],  # noqa: B006
        model: str = "",
        system: str = "",
        max_tokens: int = Sampling.max_tokens,
        temperature: float = Sampling.temperature,
        seed: int = -1,
        language: str = "en",
        precision: str = "",
    ) -> dict:
        """Answer a question, about files if there are any.

        Args:
            message: The question.
            files: Pictures, sounds or videos it is about, uploaded.
            history: Earlier turns, oldest first: {"role": "user" or "assistant", "content": text}.
            model: Name of a chat model from /models; empty for the default.
            system: Instructions for the model.
            max_tokens: Longest answer, in tokens.
            temperature: 0 for the most likely words; up to 2 for more varied ones.
            seed: For the same answer again; -1 for any.
            language: Language of error sentences, "en" or "zh".
            precision: One of the model's precisions; empty for the best that fits.

        Returns:
            text, model, prompt_tokens, completion_tokens, first_token_s, tokens_per_s.
        """
        with _refusing(language):
            question = Message("user", message, tuple(uploaded(file) for file in files))
            sampling = Sampling(max_tokens, temperature, seed=None if seed < 0 else seed)
            options = {"model": model or None, "precision": precision, "sampling": sampling, "system": system}
            result = studio.chat([*_earlier(history), question], **options)
            return records.reply(result)

    return chat


def _models(studio: Studio) -> Callable:
    def models() -> list[dict]:
        """List the models that this studio uses: task, licence, sizes, what they can and cannot do, what fits now."""
        held = studio.status().loaded
        rows = dict.fromkeys(row for task in TASKS for row in studio.choices(task))
        return [records.offer(row, _planned(studio, row.name), held) for row in rows]

    return models


def _planned(studio: Studio, name: str) -> Plan | ModelError:
    try:
        return studio.plan(name)
    except ModelError as refusal:
        return refusal


def _load(studio: Studio, blocks: gr.Blocks) -> Callable:
    def load(name: str, request: gr.Request, precision: str = "", language: str = "en") -> dict:
        """Download a model where needed and bring it into memory. For the operator only.

        Args:
            name: Name of a model from /models.
            precision: One of its precisions; empty for the best that fits.
            language: Language of error sentences, "en" or "zh".

        Returns:
            name, device, precision, memory_bytes, load_s, in_use; nothing when its memory was needed again at once.
        """
        with _refusing(language):
            operator.check(studio, blocks, request.headers)
            found = studio.load(name, precision=precision)
            return records.in_memory(found) if found else {}

    return load


def _unload(studio: Studio, blocks: gr.Blocks) -> Callable:
    def unload(request: gr.Request, name: str = "", language: str = "en") -> dict:
        """Free the memory of a model, or of all that are not in use. For the operator only.

        Args:
            name: Name of a model; empty for all.
            language: Language of error sentences, "en" or "zh".

        Returns:
            unloaded: how many models were freed.
        """
        with _refusing(language):
            operator.check(studio, blocks, request.headers)
            return {"unloaded": int(studio.unload(name)) if name else studio.unload_all()}

    return unload


def _earlier(history: Sequence[dict]) -> Iterable[Message]:
    """Earlier turns with their files checked as uploads. Raises InputError for another shape."""
    try:
        said = turns.messages(history)
    except (AttributeError, KeyError, TypeError):
        said = [Message("", "")]
    if any(turn.role not in ROLES for turn in said):
        raise InputError("bad_option", option="history", allowed="a list of {role, content}", value="another shape")
    for turn in said:
        for path in turn.files:
            uploaded({"path": path})
    return said


def _words(language: str) -> str:
    return "zh" if language == "zh" else "en"
