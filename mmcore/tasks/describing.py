"""What is seen, in the words of a chat model that sees: a sentence per scene, then a summary of the clip.

The classifier has looked before, so that a scene always has its text: where the model refuses, it stays, and the
refusal is kept to be told. One scene is asked after another, one model pinned, a stop heard at every step.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing

from .. import describe, prompts
from ..errors import InputError, ModelError, RanOut, Stopped, StudioError
from ..features.text import is_repetitive, unsupported, whole_sentences
from ..types import Caption, Message, ModelSpec, Progress, Refusal, Sampling, Stage
from .kit import Kit
from .scenes import Seen
from .steps import loaded

CLASSIFIER = "none"  # the choice that no model describes
SCENE = Sampling(max_tokens=80, temperature=0.0)
SUMMARY = Sampling(max_tokens=200, temperature=0.0)


def describers(kit: Kit, words: str) -> tuple[ModelSpec, ...]:
    """The chat models that see, those that know the language first; before all the one that automatic takes."""
    rows = [row for row in kit.choices("chat") if "image" in row.modalities]
    rows.sort(key=lambda row: not {words, "many"} & set(row.languages))
    return tuple(dict.fromkeys([kit.first_that_fits(tuple(rows)), *rows])) if rows else ()


def chosen(kit: Kit, name: str, words: str) -> ModelSpec | None:
    """The model named, the one that automatic takes for "", or None for the classifier alone.

    Raises ModelError for no chat model, InputError for one that does not see.
    """
    if name == CLASSIFIER:
        return None
    if not name:
        return next(iter(describers(kit, words)), None)
    spec = kit.spec("chat", name)
    if "image" not in spec.modalities:
        raise InputError("not_taken", model=spec.title, kind="image")
    return spec


def stream(kit: Kit, spec: ModelSpec, seen: Seen, *, asked_for: bool) -> Generator[Progress | Seen, None, None]:
    """The shots of ``seen`` in the words of ``spec``, growing. A refusal ends it and is kept in ``seen``; when the hub
    is away under a model that was not ``asked_for`` by name, the profile falls back."""
    seen.told_by, ran_out = spec.name, True
    while ran_out:
        ran_out = False
        try:
            yield from loaded(kit.store, spec)
            yield from _described(kit, spec, seen)
        except Stopped:
            raise
        except RanOut:  # what is left is tried at a coarser precision
            ran_out = True
        except StudioError as error:
            seen.refusal = kept(error)
            if isinstance(error, ModelError) and not asked_for:
                kit.profile.fall_back(error)
    for shot in seen.shots:
        shot.told = shot.told if shot.is_told else ""
    yield seen


def _described(kit: Kit, spec: ModelSpec, seen: Seen) -> Generator[Progress | Seen, None, None]:
    started = time.perf_counter()
    try:
        with kit.store.use(spec) as model:
            for number, shot in enumerate(seen.shots):
                if not shot.is_told:
                    yield Progress("describe", number, len(seen.shots), subject=spec.title)
                    yield from _told(model, seen, number)
    finally:
        seen.seconds["describe"] = seen.seconds.get("describe", 0.0) + time.perf_counter() - started


def _told(model, seen: Seen, number: int) -> Generator[Progress | Seen, None, None]:
    shot = seen.shots[number]
    messages = prompts.scene_messages(shot.medium(), seen.words)
    answer = _answer(model, messages, SCENE)
    with closing(answer):
        for step in answer:
            if isinstance(step, Progress):
                yield Progress("describe", number, len(seen.shots), subject=step.subject)
            else:
                shot.told = step
                yield seen
    shot.told, shot.is_told = whole_sentences(shot.told), True


def _answer(model, messages: tuple[Message, ...], sampling: Sampling) -> Generator[Progress | str, None, None]:
    """The text so far after every piece of it, and progress before."""
    text = ""
    with closing(model.stream(messages, sampling)) as deltas:
        for delta in deltas:
            if isinstance(delta, Progress):
                yield delta
            elif delta.text:
                text += delta.text
                yield text


def summary(kit: Kit, spec: ModelSpec, caption: Caption, words: str) -> Generator[Progress, None, tuple[str, Stage]]:
    """What the clip is, in a few sentences of ``spec`` from what was found in it, or "" where that says more than it;
    and how that went."""
    started, text, refusal = time.perf_counter(), "", None
    facts = describe.clip_facts(caption, words)
    try:
        yield from loaded(kit.store, spec)
        with (
            kit.store.use(spec) as model,
            closing(_answer(model, prompts.summary_messages(facts, words), SUMMARY)) as said,
        ):
            for step in said:
                text = step if isinstance(step, str) else text
                yield Progress("think", subject=spec.title)
        text = whole_sentences(text)
        if not _is_kept(text, facts, words):
            text, refusal = "", Refusal("summary_not_kept", (("name", spec.title),))
    except Stopped:
        raise
    except StudioError as error:
        text, refusal = "", kept(error)
    return text, Stage("summarise", time.perf_counter() - started, spec.name, refusal)


def _is_kept(text: str, facts: tuple[str, ...], words: str) -> bool:
    """Whether a summary is one: in the language asked for, without loops, and with nothing beside the facts."""
    right = bool(text) and prompts.language_of(text) == words and not is_repetitive(text)
    return right and not unsupported(text, "\n".join(facts))


def kept(error: StudioError) -> Refusal:
    """A refusal without the traceback, which holds what was computed."""
    return Refusal(error.code, tuple(error.values.items()))
