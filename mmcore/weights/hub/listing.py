"""What a repository holds at a commit, and which of its files are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from ...errors import InputError, WeightsError
from ...types import HubEntry, HubSource
from .client import PRODUCT, REQUEST_S, VERSION, asked, failures, headers, library, refusal

SAFE = (".safetensors", ".gguf")
KEPT = (*SAFE, ".json", ".txt", ".model", ".jinja", ".tiktoken")  # nothing else is ever taken
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack")
BUILDS = ("q4_k_m", "q4_k_s", "q5_k_m", "q4_0", "q8_0")  # GGUF builds, preferred first
SEERS = ("f16", "q8_0", "bf16", "f32")  # builds of an image encoder (mmproj), preferred first
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)
_NAME_BYTES = 200  # of a file; more than any, fewer than a disk takes
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.\w+$)")


@dataclass(frozen=True)
class Listing:
    """A repository at a commit, as the hub tells it."""

    repo: str
    sha: str
    entries: tuple[HubEntry, ...]
    gated: bool
    licence: str
    pipeline_tag: str
    library: str

    def has(self, *suffixes: str) -> bool:
        """Whether there is such a file at the top."""
        return any(entry.path.lower().endswith(suffixes) and "/" not in entry.path for entry in self.entries)


def typed(text: str) -> tuple[str, str]:
    """A repository and its revision, of its name or of the address of its page. Nothing is asked of that address.

    Raises InputError when it is the address of something else.
    """
    text = text.strip()
    try:
        page = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        raise InputError("bad_repo_name") from None
    constants = library().constants
    hosts = {*constants.HF_URL_HOSTS, urlsplit(constants.ENDPOINT).hostname}
    if (page.hostname or "").removeprefix("www.") not in hosts:
        return text, "main"
    path = [unquote(part) for part in page.path.split("/") if part]
    if len(path) < 2 or path[0] in ("datasets", "spaces"):
        raise InputError("bad_repo_name")
    names_revision = len(path) > 3 and path[2] in ("tree", "blob", "resolve", "commit")
    return "/".join(path[:2]), path[3] if names_revision else "main"


def check_name(repo: str, revision: str) -> None:
    """Raises InputError, which does not repeat what was typed (it may be a secret), unless they are names."""
    validate, invalid = library().utils.validate_repo_id, library().errors.HFValidationError
    try:
        validate(repo)
    except invalid:
        raise InputError("bad_repo_name") from None
    if not _NAME.fullmatch(repo):
        raise InputError("bad_repo_name")
    if not _REVISION.fullmatch(revision) or ".." in revision or len(revision) > 200:
        raise InputError("bad_revision")


def look_up(repo: str, revision: str, title: str, watch: Callable[[], None]) -> Listing:
    """The repository at a revision. Raises InputError and WeightsError; ``watch`` as ``awaited``."""
    check_name(repo, revision)
    api = library().HfApi(library_name=PRODUCT, library_version=VERSION)
    try:
        return asked(lambda: _listing(api, repo, revision), watch)
    except (*failures(), ValueError, KeyError, TypeError) as error:  # the last three: what came is not a hub's answer
        raise refusal(error, title, repo, revision) from None


def _listing(api, repo: str, revision: str) -> Listing:
    info = api.model_info(repo, revision=revision, files_metadata=True, timeout=REQUEST_S)
    if not re.fullmatch(r"[0-9a-f]{40,64}", info.sha or ""):
        raise ValueError("no commit")
    return Listing(
        repo,
        info.sha,
        tuple(_entry(repo, info.sha, file) for file in info.siblings or () if _is_plain(file.rfilename)),
        bool(info.gated),
        _licence(info),
        info.pipeline_tag or "",
        info.library_name or "",
    )


def _is_plain(path: str) -> bool:
    """A relative path of ordinary names. A hidden one could pass for the stamp, and one with ".." leaves the folder."""
    if re.search(r'[\\:*?"<>|\x00-\x1f\ud800-\udfff]', path):
        return False
    return all(part and part[0] != "." and len(part.encode()) <= _NAME_BYTES for part in path.split("/"))


def _entry(repo: str, sha: str, file) -> HubEntry:
    """As listed; mirrors that list names only are asked for the rest when the file is wanted."""
    if file.lfs:
        return HubEntry(file.rfilename, file.lfs.size, file.lfs.sha256)
    return HubEntry(file.rfilename, file.size or 0, (file.blob_id or "") if file.size is not None else "")


def _licence(info) -> str:
    said = getattr(info.card_data, "license", None) or next(
        (tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")), ""
    )
    return ", ".join(said) if isinstance(said, list) else str(said)


def with_checksum(found: Listing, entry: HubEntry, title: str, watch: Callable[[], None]) -> HubEntry:
    """The entry with size and checksum, asked for when the listing had none. Raises WeightsError."""
    if entry.oid:
        return entry
    hub = library()
    address = hub.hf_hub_url(found.repo, entry.path, revision=found.sha)
    try:
        told = asked(lambda: hub.get_hf_file_metadata(address, timeout=REQUEST_S, headers=headers()), watch)
    except failures() as error:
        raise refusal(error, title, found.repo) from None
    if told.size is None or not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", told.etag or ""):
        raise WeightsError("no_checksum", name=title, file=entry.path)
    return HubEntry(entry.path, told.size, told.etag)


# -- choosing


def select(entries: Iterable[HubEntry], patterns: Sequence[str]) -> tuple[HubEntry, ...]:
    """The entries that a pattern wants and that are safe to have; of two sets of the same weights one.

    A pattern's ``*`` stays within a folder, so that ``*.safetensors`` does not bring other formats' subfolders.
    """
    kept = [e for e in entries if e.path.lower().endswith(KEPT) and any(_matches(e.path, p) for p in patterns)]
    copies = _second_copies([e.path for e in kept if any(_matches(e.path, p) for p in patterns if "*" in p)])
    return tuple(e for e in kept if e.path not in copies)


def _matches(path: str, pattern: str) -> bool:
    names, wanted = path.split("/"), pattern.split("/")
    return len(names) == len(wanted) and all(map(fnmatchcase, names, wanted))


def _second_copies(paths: Sequence[str]) -> set[str]:
    """Safetensors beside ``model.safetensors``, or beside its shards: other builds of the same weights."""
    weights = {path for path in paths if path.endswith(".safetensors") and "/" not in path}
    shards = {path for path in weights if _SHARD.sub("", path) == "model.safetensors"}
    first = {"model.safetensors"} & (weights - shards) or shards
    return weights - first if first else set()


def source_of(found: Listing, kind: str = "") -> HubSource:
    """What to take of a repository: its safetensors, or one GGUF build; ``kind`` chooses when it has both.

    Raises WeightsError "pickle_only" or "no_such_weights".
    """
    kind = kind or ("safetensors" if found.has(".safetensors") else "gguf")
    if not found.has("." + kind):
        pickled = found.has(*PICKLES) and not found.has(*SAFE)
        code = "pickle_only" if pickled else "no_such_weights"
        raise WeightsError(code, name=found.repo, kind=kind if found.has(*SAFE) else "safetensors or GGUF")
    if kind == "safetensors":
        return HubSource(found.repo, found.sha, gated=found.gated)
    return HubSource(found.repo, found.sha, tuple(map(escape, _builds(found.entries))), found.gated)


def _builds(entries: Iterable[HubEntry]) -> list[str]:
    """The names of one GGUF build, all its shards, and of one image encoder for it if there is one."""
    sizes: dict[tuple[bool, str], int] = {}
    for entry in entries:
        name = PurePosixPath(entry.path).name.lower()
        if name.endswith(".gguf") and "/" not in entry.path:
            key = ("mmproj" in name, _SHARD.sub("", entry.path))
            sizes[key] = sizes.get(key, 0) + entry.size_bytes
    chosen = {_preferred({n: s for (sees, n), s in sizes.items() if sees is eye}, eye) for eye in (False, True)}
    return [entry.path for entry in entries if _SHARD.sub("", entry.path) in chosen]


def _preferred(sizes: dict[str, int], sees: bool) -> str:
    for build in SEERS if sees else BUILDS:
        for name in sizes:
            if re.search(rf"(^|[^a-z0-9]){build}([^a-z0-9]|$)", name.lower()):
                return name
    return min(sizes, key=sizes.get, default="")
