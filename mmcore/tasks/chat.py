"""Chat: perceive the files, tell the model what was perceived, stream its answer."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

from .. import prompts
from ..errors import InputError
from ..types import Message, ModelSpec, Perception, Progress, Reply, Sampling, Stage
from .attached import attached
from .kit import Kit
from .perceive import perceive
from .steps import pinned

SAMPLING_LIMITS = {"max_tokens": (1, 4096), "temperature": (0.0, 2.0), "top_p": (0.01, 1.0)}


def stream(
    kit: Kit,
    messages: Sequence[Message],
    *,
    model: str | None,
    precision: str = "",
    sampling: Sampling,
    system: str,
) -> Iterator[Progress | Reply]:
    """The answer to the last message; see ``Studio.stream_chat``.

    A model that takes pictures or sound itself is given them; what it does not take is perceived by other
    models and told in words.
    """
    _check(kit, messages, sampling, system)
    spec = kit.spec("chat", model)
    started = time.perf_counter()
    given = yield from attached(kit, spec, messages)
    saw = yield from _perceive_all(kit, messages, set(given))
    perceived_s = time.perf_counter() - started
    prompt = prompts.chat_messages(messages, saw, system, given)
    latest = tuple(saw[path] for path in messages[-1].files if path in saw)
    stages = (Stage("perceive", perceived_s),) if saw or given else ()
    first = Reply("", spec.name, done=False, saw=latest, prompt=prompt, stages=stages)
    yield from _answer(kit, spec, precision, prompt, sampling, first)


def _check(kit: Kit, messages: Sequence[Message], sampling: Sampling, system: str) -> None:
    limits = kit.settings.limits
    if not messages or not (messages[-1].text.strip() or messages[-1].files):
        raise InputError("empty_prompt")
    if len(messages[-1].files) > limits.files_per_message:
        raise InputError("too_many_files", count=len(messages[-1].files), limit=limits.files_per_message)
    for text in (messages[-1].text, system):
        if len(text) > limits.text_chars:
            raise InputError("text_too_long", length=len(text), limit=limits.text_chars)
    for option, (low, high) in SAMPLING_LIMITS.items():
        value = getattr(sampling, option)
        if not low <= value <= high:
            raise InputError("bad_option", option=option, allowed=f"from {low} to {high}", value=value)


def _perceive_all(
    kit: Kit, messages: Sequence[Message], given: set[str]
) -> Generator[Progress, None, dict[str, Perception]]:
    """What was perceived in the files that the model is not ``given``, by path. Those seen before come from memory."""
    language = prompts.language_of(messages[-1].text)
    saw: dict[str, Perception] = {}
    for path in dict.fromkeys(path for message in messages for path in message.files):
        if path not in given:
            saw[path] = yield from perceive(kit, path, language)
    return saw


def _answer(
    kit: Kit, spec: ModelSpec, precision: str, prompt: tuple[Message, ...], sampling: Sampling, reply: Reply
) -> Iterator[Progress | Reply]:
    pieces: list[str] = []
    usage = None
    with ExitStack() as pins:
        chat = yield from pinned(pins, kit.store, spec, precision)
        deltas = pins.enter_context(closing(chat.stream(prompt, sampling)))  # closed before the model is let go
        for delta in deltas:
            if isinstance(delta, Progress):
                yield delta
                continue
            usage = delta.usage or usage
            if delta.text:
                pieces.append(delta.text)
                yield replace(reply, text="".join(pieces))
    yield _final(reply, "".join(pieces), usage)


def _final(reply: Reply, text: str, usage) -> Reply:
    if usage is None:
        return replace(reply, text=text, done=True)
    return replace(
        reply,
        text=text,
        done=True,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        first_token_s=usage.first_token_s,
        tokens_per_s=usage.tokens_per_s,
        flags=usage.flags,
    )
