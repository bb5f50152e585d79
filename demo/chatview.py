"""Replies as chat messages: what the model was given, its numbers, its card. Markdown, with data made harmless."""

from __future__ import annotations

import re

from mmcore import describe
from mmcore.types import ModelSpec, Perception, Progress, Reply

from . import turns, units, view
from .text import card, described, speaker

_MARKED = re.compile(r"([\\`*_{}\[\]<>()#+!|~$-])")


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKED.sub(r"\\\1", text)


def waiting(step: Progress, specs: view.Specs, language: str) -> dict:
    """A step before the first word: its name as the title, its amounts and the first-use card inside."""
    words, amounts = view.step_words(step, specs, language)
    lines = [plain(line) for line in view.first_use_lines(step, specs, language)]
    return turns.noted(words, "\n\n".join([*lines, plain(amounts)]) or words, pending=True)


def given(reply: Reply, specs: view.Specs, language: str, devices: view.Devices = view.CPU_ONLY) -> dict:
    """The closed block under an answer: badge in its title, the facts and the whole prompt inside."""
    say = speaker(language)
    spec = specs.get(reply.model)
    title = say(
        "chat_saw",
        title=spec.title if spec else reply.model,
        precision=spec.precision if spec else "",
        device=say(f"device_{devices.get(reply.model, 'cpu')}"),
        speed=f"{reply.tokens_per_s:.0f}",
    )
    title += "".join(f" · {say(f'flag_{flag}')}" for flag in reply.flags)
    blocks = [_perceived(perception, language) for perception in reply.saw] or [plain(say("chat_saw_nothing"))]
    return turns.noted(title, "\n\n".join([*blocks, _prompt(reply, language), plain(_numbers(reply, language))]))


def _perceived(perception: Perception, language: str) -> str:
    facts = describe.facts(perception, language)
    return "\n".join([f"**{plain(perception.file)}**", "", *(f"- {plain(line)}" for line in facts)])


def _prompt(reply: Reply, language: str) -> str:
    """Every message of the prompt, in a fence longer than any inside it."""
    text = "\n\n".join(f"{message.role}:\n{message.text}" for message in reply.prompt)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"**{plain(speaker(language)('chat_prompt'))}**\n\n{fence}text\n{text}\n{fence}"


def _numbers(reply: Reply, language: str) -> str:
    return speaker(language)(
        "chat_numbers",
        prompt=reply.prompt_tokens,
        completion=reply.completion_tokens,
        first=units.seconds(reply.first_token_s),
        speed=f"{reply.tokens_per_s:.0f}",
    )


def model_card(spec: ModelSpec, language: str) -> str:
    """A model's size, speed and limits, in a line or two."""
    say, told_speed = speaker(language), card(spec, language)["speed"]
    speed = say("chat_card_speed", speed=told_speed) if told_speed else ""
    size = say("chat_card_size", download=units.size(spec.download_bytes)) if spec.download_bytes else ""
    facts = {"precision": spec.precision, "memory": units.size(spec.memory_bytes), "size": size, "speed": speed}
    return say("chat_card", words=described(spec, "chat_card_can", language), **facts)
