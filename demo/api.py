"""The HTTP API (and MCP tools): the page's activities as typed functions, with the command line's fields.

What takes long streams: until ``done`` is true, an output is what was found so far, with the fields of the result,
or the step at hand (``stage``, ``subject``, ``progress`` from 0 to 1 where it is known). ``job.cancel()`` stops it.

Files are sent through Gradio's upload route (``gradio_client.handle_file`` does it), or inside the call as base64
``data:`` addresses; a path or a link is refused. Refusals come as one English sentence, or a Chinese one with
``language="zh"``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

import gradio as gr
from gradio.data_classes import FileData

from mmcore import Studio, records
from mmcore.errors import InputError, ModelError
from mmcore.features.text import listed
from mmcore.types import TASKS, Message, Plan, Progress, Sampling

from . import operator, spaces, turns
from .errors import refusal_of
from .streams import paced
from .uploads import received, uploaded

ROLES = ("system", "user", "assistant")
LIMITS = {"classify": 2, "caption": 1, "models": 4, "load": 2, "bench": 1, "unload": 2}  # calls at once
LOOKS = ("models", "unload")  # what computes nothing


def add(studio: Studio, blocks: gr.Blocks) -> None:
    """Offer ``studio`` under /classify, /caption, /chat, /models, /load, /bench and /unload, inside ``blocks``."""
    functions = [make(studio, blocks) for make in (_classify, _caption, _chat, _models, _load, _bench, _unload)]
    limits = LIMITS | {"chat": studio.settings.chat_slots}
    for function in functions:
        name = function.__name__
        function.__annotations__["return"] = list[dict] if name == "models" else dict  # of one output, for its page
        gr.api(
            function if name in LOOKS else spaces.gpu(function),
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


def _received(studio: Studio, blocks: gr.Blocks, file: FileData) -> str:
    return received(file, blocks, studio.settings.limits.file_bytes)


def _streamed(
    stream: Generator, record: Callable[..., dict], is_done: Callable[..., bool]
) -> Generator[dict, None, bool]:
    """The steps and results of ``stream`` as records; returns whether the last is done. Closing it stops the work."""
    told = {"done": False}
    for step in paced(stream, lambda step: not isinstance(step, Progress)):
        before = told
        told = records.step(step) if isinstance(step, Progress) else record(step) | {"done": is_done(step)}
        if told != before:
            yield told
    return told["done"]


def _classify(studio: Studio, blocks: gr.Blocks) -> Callable:
    def classify(
        image: FileData,
        labels: str = "",
        text: str = "",
        text_weight: float = 0.5,
        model: str = "",
        top: int = 0,
        language: str = "en",
        precision: str = "",
    ) -> Iterator[dict]:
        """Say what a picture shows, among labels of your own.

        Args:
            image: The picture: uploaded, or as a data: address with its bytes in base64.
            labels: Labels between commas or lines; leave empty for the 1,000 ImageNet classes.
            text: Words that came with the picture, weighed in.
            text_weight: Weight of the text, from 0 (picture alone) to 1 (text alone).
            model: Name of an image model from /models; empty for the default.
            top: How many labels to return; 0 for all (ten of ImageNet's).
            language: Language of error sentences, "en" or "zh".
            precision: One of the model's precisions; empty for the best that fits.

        Returns:
            file, labels (label and probability, best first), model, seconds, the evidence: recognised, text_read; done.
        """
        with _refusing(language):
            options = {"text": text, "text_weight": text_weight, "top": top or None}
            options |= {"model": model or None, "precision": precision}
            stream = studio.stream_classify(_received(studio, blocks, image), listed(labels), **options)
            yield from _streamed(stream, records.classification, lambda found: found.text_read is not None)

    return classify


def _caption(studio: Studio, blocks: gr.Blocks) -> Callable:
    def caption(
        clip: FileData,
        spoken: str = "",
        translate: bool = False,
        model: str = "",
        language: str = "en",
        precision: str = "",
    ) -> Iterator[dict]:
        """Write down what is said, heard and seen in an audio or video file, over time.

        Args:
            clip: The audio or video file: uploaded, or as a data: address with its bytes in base64.
            spoken: Code of the language spoken, such as en, zh or fr; empty to detect it.
            translate: Whether to write the speech in English.
            model: Name of a speech model from /models; empty for the default.
            language: Language of scenes, summary and error sentences, "en" or "zh".
            precision: One of the model's precisions; empty for the best that fits.

        Returns:
            language, duration_s, segments (start_s, end_s, kind, text, flags), summary, models, seconds, done.
        """
        with _refusing(language):
            options = {"language": spoken or None, "translate": translate, "words": _words(language)}
            options |= {"model": model or None, "precision": precision}
            stream = studio.stream_caption(_received(studio, blocks, clip), **options)
            yield from _streamed(stream, records.caption, lambda found: found.done)

    return caption


def _chat(studio: Studio, blocks: gr.Blocks) -> Callable:
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
    ) -> Iterator[dict]:
        """Answer a question, about files if there are any.

        Args:
            message: The question.
            files: Pictures, sounds or videos it is about: uploaded, or as data: addresses with their bytes in base64.
            history: Earlier turns, oldest first: {"role": "user" or "assistant", "content": text}.
            model: Name of a chat model from /models; empty for the default.
            system: Instructions for the model.
            max_tokens: Longest answer, in tokens.
            temperature: 0 for the most likely words; up to 2 for more varied ones.
            seed: For the same answer again; -1 for any.
            language: Language of error sentences, "en" or "zh".
            precision: One of the model's precisions; empty for the best that fits.

        Returns:
            text, model, prompt_tokens, completion_tokens, first_token_s, tokens_per_s, done.
        """
        with _refusing(language):
            question = Message("user", message, tuple(_received(studio, blocks, file) for file in files))
            sampling = Sampling(max_tokens, temperature, seed=None if seed < 0 else seed)
            options = {"model": model or None, "precision": precision, "sampling": sampling, "system": system}
            stream = studio.stream_chat([*_earlier(history), question], **options)
            yield from _streamed(stream, records.reply, lambda found: found.done)

    return chat


def _models(studio: Studio, blocks: gr.Blocks) -> Callable:
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
    def load(name: str, request: gr.Request, precision: str = "", language: str = "en") -> Iterator[dict]:
        """Download a model where needed and bring it into memory. For the operator only.

        Args:
            name: Name of a model from /models.
            precision: One of its precisions; empty for the best that fits.
            language: Language of error sentences, "en" or "zh".

        Returns:
            name, device, precision, memory_bytes, load_s, in_use, ran_out, measured, done; done alone if freed at once.
        """
        with _refusing(language):
            operator.check(studio, blocks, request.headers)
            stream = studio.stream_load(name, precision)
            if not (yield from _streamed(stream, records.in_memory, lambda entry: True)):
                yield {"done": True}

    return load


def _bench(studio: Studio, blocks: gr.Blocks) -> Callable:
    def bench(name: str, request: gr.Request, precision: str = "", language: str = "en") -> Iterator[dict]:
        """Load a model where needed and try it for some seconds: what it costs and gives here. For the operator only.

        Args:
            name: Name of a model from /models.
            precision: One of its precisions; empty for the best that fits.
            language: Language of error sentences, "en" or "zh".

        Returns:
            as load, with measured: rate, unit, peak_bytes, alone, picture_s (time to a first word about a picture).
        """
        with _refusing(language):
            operator.check(studio, blocks, request.headers)
            stream = studio.stream_measure(name, precision)
            yield from _streamed(stream, records.in_memory, lambda entry: entry.measured is not None)

    return bench


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
