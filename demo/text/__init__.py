"""What the page says, in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable

from mmcore.errors import SENTENCES, StudioError
from mmcore.types import ModelSpec, Refusal

from . import en, errors_zh, models_zh, zh

LANGUAGES = ("en", "zh")
WORDS = {"en": en.WORDS, "zh": zh.WORDS}
_ERRORS = {"en": SENTENCES, "zh": errors_zh.SENTENCES}

Say = Callable[..., str]


def say(language: str, key: str, /, **values: object) -> str:
    """The sentence of ``key`` in that language, with its values filled in."""
    words = WORDS["zh" if language == "zh" else "en"]
    return words[key].format(**values) if values else words[key]


def speaker(language: str) -> Say:
    """``say`` for one language."""
    return lambda key, /, **values: say(language, key, **values)


def error_sentence(error: StudioError, language: str) -> str:
    """What an engine's refusal says in that language; a code nobody has translated stays English."""
    sentence = _ERRORS["zh" if language == "zh" else "en"].get(error.code)
    return sentence.format(**_named(error.values, language)) if sentence else str(error)


def _named(values: dict[str, object], language: str) -> dict[str, object]:
    """``values`` with the page's words for kinds of media and tasks; others stay as they are."""
    words, before = WORDS["zh" if language == "zh" else "en"], {"kind": "takes_", "task": "task_", "wanted": "task_"}
    return {name: words.get(f"{before.get(name)}{value}", value) for name, value in values.items()}


def refusal_sentence(refusal: Refusal, language: str) -> str:
    """What a refusal that another model made up for says in that language."""
    return error_sentence(StudioError(refusal.code, **dict(refusal.values)), language)


def card(spec: ModelSpec, language: str) -> dict[str, str]:
    """What a model can and cannot do and its speed. Rows of a user's own file keep their words."""
    english = {"can": spec.can, "cannot": spec.cannot, "speed": spec.speed}
    if language != "zh":
        return english
    chinese = models_zh.FAKE if spec.profile == "fake" else models_zh.CARDS.get(spec.name, {})
    return english | chinese


def described(spec: ModelSpec, key: str, language: str) -> str:
    """What a model can, in the sentence of ``key``, and cannot; that nobody has described it where that is so."""
    words = card(spec, language)
    can = say(language, key, can=words["can"]) if words["can"] else say(language, "model_not_described")
    cannot = [say(language, "model_cannot", cannot=words["cannot"])] if words["cannot"] else []
    return ("" if language == "zh" else " ").join([can, *cannot])
