"""What a repository typed by the operator is, and whether it may be taken: all before a byte of weights is fetched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Container
from pathlib import Path

from ...errors import WeightsError
from ...types import HubEntry, HubFacts, HubSource
from .client import REQUEST_S, asked, failures, headers, library, refusal
from .listing import Listing, look_up, select, source_of

CONFIG = "config.json"
CONFIG_BYTES = 2**22  # more than any
#: What the hub calls the tasks of the catalogue. A repository that names no task is taken at its word of mouth.
TASK_TAGS = {
    "chat": {
        "text-generation",
        "image-text-to-text",
        "video-text-to-text",
        "audio-text-to-text",
        "any-to-any",
        "image-to-text",
        "visual-question-answering",
    },
    "image-text": {"zero-shot-image-classification", "image-feature-extraction", "feature-extraction"},
    "image-classes": {"image-classification", "image-feature-extraction"},
    "speech": {"automatic-speech-recognition", "audio-text-to-text", "any-to-any"},
    "sentences": {"sentence-similarity", "feature-extraction"},
}


def describe(repo: str, revision: str = "main", watch: Callable[[], None] = lambda: None) -> HubFacts:
    """What the hub says of ``repo``; its configuration is read, its weights are not.

    ``watch`` is called some times a second and may raise. Raises InputError ("bad_repo_name", "bad_revision") and
    WeightsError ("no_such_repo", "no_such_revision", "gated_repo", "no_access", "bad_config", "hub_busy",
    "hub_unreachable", "hub_offline").
    """
    found = look_up(repo, revision, repo, watch)
    config = _config(found, watch)
    return HubFacts(
        repo,
        found.sha,
        found.licence,
        found.gated,
        _download_bytes(found),
        found.pipeline_tag,
        found.library,
        found.entries,
        found.has(".safetensors"),
        found.has(".gguf"),
        bool(config.get("auto_map")),
        str(config.get("model_type") or ""),
    )


def approve(
    facts: HubFacts, task: str, cache_dir: Path, *, kind: str = "", native_types: Container[str] = ()
) -> HubSource:
    """What to take of the repository, pinned to its commit, as a row's source.

    ``kind`` is "safetensors", "gguf" or "" for what there is. ``native_types`` are the model types that need
    none of the repository's code. Raises WeightsError: "pickle_only", "no_such_weights", "remote_code",
    "wrong_repo_task", "larger_than_disk".
    """
    found = _listing(facts)
    source = source_of(found, kind)
    if facts.needs_remote_code and facts.model_type not in native_types and not _is_gguf(source):
        raise WeightsError("remote_code", name=facts.repo)
    if facts.pipeline_tag and facts.pipeline_tag not in TASK_TAGS.get(task, {facts.pipeline_tag}):
        raise WeightsError("wrong_repo_task", name=facts.repo, found=facts.pipeline_tag, wanted=task)
    need_bytes, free_bytes = sum(entry.size_bytes for entry in select(facts.files, source.patterns)), _free(cache_dir)
    if need_bytes > free_bytes:
        raise WeightsError("larger_than_disk", name=facts.repo, need_gb=need_bytes / 1e9, free_gb=free_bytes / 1e9)
    return source


def check_config(entry: HubEntry, repo: str) -> None:
    """Raises WeightsError when the file is a configuration too large to be one."""
    if entry.path == CONFIG and entry.size_bytes > CONFIG_BYTES:
        raise _bad_config(repo)


def _bad_config(repo: str) -> WeightsError:
    return WeightsError("bad_config", name=repo, limit_mb=CONFIG_BYTES / 2**20)


def _config(found: Listing, watch: Callable[[], None]) -> dict:
    """The repository's configuration; none when it has none. Reading it shows that a gated repository is open to us."""
    entry = next((entry for entry in found.entries if entry.path == CONFIG), None)
    address = library().hf_hub_url(found.repo, entry.path if entry else _probe(found), revision=found.sha)
    try:
        if entry:
            check_config(entry, found.repo)
            return _parsed(asked(lambda: _read(address), watch), found.repo)
        if found.gated:
            asked(lambda: library().get_hf_file_metadata(address, timeout=REQUEST_S, headers=headers()), watch)
    except failures() as error:
        raise refusal(error, found.repo, found.repo) from None
    return {}


def _probe(found: Listing) -> str:
    return found.entries[0].path if found.entries else CONFIG


def _read(address: str) -> bytes:
    """The file at the address, cut when it is larger than a configuration, whatever its listing said."""
    read = bytearray()
    with library().get_session().stream("GET", address, headers=headers(), timeout=REQUEST_S) as response:
        library().utils.hf_raise_for_status(response)
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) > CONFIG_BYTES:
                break
    return bytes(read)


def _parsed(content: bytes, repo: str) -> dict:
    try:
        config = json.loads(content) if len(content) <= CONFIG_BYTES else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise _bad_config(repo)
    return config


def _download_bytes(found: Listing) -> int:
    """Of what would be taken; 0 when nothing may be."""
    try:
        return sum(entry.size_bytes for entry in select(found.entries, source_of(found).patterns))
    except WeightsError:
        return 0


def _listing(facts: HubFacts) -> Listing:
    return Listing(facts.repo, facts.sha, facts.files, facts.gated, facts.licence, facts.pipeline_tag, facts.library)


def _is_gguf(source: HubSource) -> bool:
    return all(pattern.endswith(".gguf") for pattern in source.patterns)


def _free(folder: Path) -> int:
    """Free bytes where the folder is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
