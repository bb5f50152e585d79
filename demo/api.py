"""The HTTP API (and MCP tools): the page's activities as typed functions, with the command line's fields.

What takes long streams: until ``done`` is true, an output is what was found so far, with the fields of the result,
or the step at hand (``stage``, ``subject``, ``progress`` from 0 to 1 where it is known). ``job.cancel()`` stops it.

Files are sent through Gradio's upload route (``gradio_client.handle_file`` does it), or inside the call as base64
``data:`` addresses; a path or a link is refused. Refusals come as one English sentence, or a Chinese one with
``language="zh"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import gradio as gr
from gradio.data_classes import FileData

from mmcore import Studio, records
from mmcore.errors import InputError
from mmcore.features.text import listed
from mmcore.types import Message, Sampling

from . import api_models, spaces, turns
from .api_answers import refusing, streamed
from .uploads import received, uploaded

ROLES = ("system", "user", "assistant")
LIMITS = {"classify": 2, "caption": 1, "models": 4, "load": 2, "bench": 1, "unload": 2}  # calls at once
LOOKS = ("models", "unload")  # what computes nothing


def add(studio: Studio, blocks: gr.Blocks) -> None:
    """Offer ``studio`` under /classify, /caption, /chat, /models, /load, /bench and /unload, inside ``blocks``."""
    functions = [make(studio, blocks) for make in (_classify, _caption, _chat, *api_models.MAKERS)]
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


def _received(studio: Studio, blocks: gr.Blocks, file: FileData) -> str:
    return received(file, blocks, studio.settings.limits.file_bytes)


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
        with refusing(language):
            options = {"text": text, "text_weight": text_weight, "top": top or None}
            options |= {"model": model or None, "precision": precision}
            stream = studio.stream_classify(_received(studio, blocks, image), listed(labels), **options)
            yield from streamed(stream, records.classification, lambda found: found.text_read is not None)

    return classify


def _caption(studio: Studio, blocks: gr.Blocks) -> Callable:
    def caption(
        clip: FileData,
        spoken: str = "",
        translate: bool = False,
        model: str = "",
        language: str = "en",
        precision: str = "",
        describer: str = "",
    ) -> Iterator[dict]:
        """Write down what is said, heard and seen in an audio or video file, over time.

        Args:
            clip: The audio or video file: uploaded, or as a data: address with its bytes in base64.
            spoken: Code of the language spoken, such as en, zh or fr; empty to detect it.
            translate: Whether to write the speech in English.
            model: Name of a speech model from /models; empty for the default.
            language: Language of scenes, summary and error sentences, "en" or "zh".
            precision: One of the model's precisions; empty for the best that fits.
            describer: Name of a chat model that sees, which describes scenes; "none" for the classifier; empty for any.

        Returns:
            language, duration_s, segments (start_s, end_s, kind, text, flags), summary, models, seconds, flags, done.
        """
        with refusing(language):
            options = {"language": spoken or None, "translate": translate, "words": _words(language)}
            options |= {"model": model or None, "precision": precision, "describer": describer}
            stream = studio.stream_caption(_received(studio, blocks, clip), **options)
            yield from streamed(stream, records.caption, lambda found: found.done)

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
            text, model, prompt_tokens, completion_tokens, first_token_s, tokens_per_s, flags, done.
        """
        with refusing(language):
            question = Message("user", message, tuple(_received(studio, blocks, file) for file in files))
            sampling = Sampling(max_tokens, temperature, seed=None if seed < 0 else seed)
            options = {"model": model or None, "precision": precision, "sampling": sampling, "system": system}
            stream = studio.stream_chat([*_earlier(history), question], **options)
            yield from streamed(stream, records.reply, lambda found: found.done)

    return chat


def _earlier(history: Sequence[dict]) -> Iterable[Message]:
    """Earlier turns with the paths of their files, which were uploaded. Raises InputError for another shape."""
    try:
        said = turns.messages(history)
    except (AttributeError, KeyError, TypeError):
        said = [Message("", "")]
    if any(turn.role not in ROLES for turn in said):
        raise InputError("bad_option", option="history", allowed="a list of {role, content}", value="another shape")
    return [replace(turn, files=tuple(map(uploaded, turn.files))) for turn in said]


def _words(language: str) -> str:
    return "zh" if language == "zh" else "en"
