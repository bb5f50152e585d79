"""A model of the operator's choice: a repository of a hub, looked up, approved, and written down as a row."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import PurePosixPath

from . import catalog, weights
from .catalog import own
from .errors import InputError, ModelError
from .settings import Settings
from .types import HubFacts, HubSource, ModelSpec

#: What the hub calls a chat model's task -> what the model takes itself. What it does not take is told in words.
MODALITIES = {
    "text-generation": ("text",),
    "audio-text-to-text": ("text", "audio"),
    "video-text-to-text": ("text", "image", "video"),
    "any-to-any": ("text", "image", "video", "audio"),
}


def look_up(
    settings: Settings, repo: str, task: str, watch: Callable[[], None] = lambda: None
) -> tuple[HubFacts, HubSource]:
    """What the hub says of ``repo``, and what would be taken of it. Raises InputError and WeightsError.

    ``repo`` is owner/name, or the address of its page on the hub.
    """
    if task not in own.HUB_TASKS:
        raise InputError("bad_option", option="task", allowed=" or ".join(own.HUB_TASKS), value=task)
    facts = weights.hub.describe(*weights.hub.typed(repo), watch)
    native = _native_types() if facts.needs_remote_code else ()
    kind = "" if task == "chat" else "safetensors"  # GGUF is run by the chat runtime only
    return facts, weights.hub.approve(facts, task, settings.cache_dir, kind=kind, native_types=native)


def add(settings: Settings, repo: str, task: str, watch: Callable[[], None] = lambda: None) -> ModelSpec:
    """Write ``repo``, at the commit it is at now, into the models file. Raises as ``look_up`` and ``own.add``."""
    if settings.models_file is None:
        raise ModelError("no_models_file")
    facts, source = look_up(settings, repo, task, watch)
    return own.add(settings.models_file, _entry(facts, source, task, _name(facts.repo, settings)))


def _entry(facts: HubFacts, source: HubSource, task: str, name: str) -> dict:
    hub = {"repo": source.repo, "revision": source.revision}
    if source.patterns != HubSource.patterns:
        hub["patterns"] = list(source.patterns)
    return {
        "name": name,
        "title": PurePosixPath(facts.repo).name,
        "task": task,
        "licence": facts.licence or "not said by the hub",
        "download_mb": max(1, round(facts.download_bytes / own.MB)),
        "hub": hub | ({"gated": True} if source.gated else {}),
    } | ({"modalities": list(_modalities(facts, source))} if task == "chat" else {})


def _modalities(facts: HubFacts, source: HubSource) -> tuple[str, ...]:
    """What a chat model takes itself: as the hub calls its task, for GGUF files when they bring their encoders."""
    if not own.is_gguf(source):
        return MODALITIES.get(facts.pipeline_tag, ("text", "image"))
    if not own.brings_eyes(source.patterns):
        return ("text",)
    told = MODALITIES.get(facts.pipeline_tag, own.SEES)
    return own.SEES if told == ("text",) else told


def _name(repo: str, settings: Settings) -> str:
    """The repository's own name; with its owner where another row has that name."""
    short, long = repo.split("/")[1].lower(), repo.replace("/", "--").lower()
    taken = {row.name: row for row in catalog.rows(settings.models_file)}
    mine = short not in taken or (taken[short].hub is not None and taken[short].hub.repo == repo)
    return short if mine else long


def _native_types() -> frozenset[str]:
    return import_module(".backends.transformers_types", __package__).native_types()
