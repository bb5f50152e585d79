"""Where the files of a model come from, and what a hub says of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WheelPart:
    """A piece of a file inside a package wheel: ``package==version`` and the member's path."""

    package: str
    version: str
    member: str


@dataclass(frozen=True)
class HubFile:
    """A file of a repository of a model hub: "owner/name", a revision, and its path there."""

    repo: str
    revision: str
    path: str


@dataclass(frozen=True)
class WeightFile:
    """One file of a model. Its checksum, not its source, says that it is the right one.

    It is looked for in each source in turn: ``folder`` (a path on this machine), then ``parts``
    (members of package wheels, joined in order), then ``hub``.
    """

    name: str
    size_bytes: int
    sha256: str
    parts: tuple[WheelPart, ...] = ()
    folder: str | None = None
    hub: HubFile | None = None


@dataclass(frozen=True)
class HubSource:
    """A repository of a model hub at a revision, and which of its files are wanted (glob patterns)."""

    repo: str  # "owner/name"
    revision: str = "main"
    patterns: tuple[str, ...] = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
    gated: bool = False  # needs HF_TOKEN and an accepted licence


@dataclass(frozen=True)
class HubEntry:
    """A file as a repository lists it. ``oid`` is its SHA-256, or its git blob id (40 digits) when it is small."""

    path: str
    size_bytes: int
    oid: str


@dataclass(frozen=True)
class HubFacts:
    """What the hub says of a repository at a commit, before anything of it is downloaded."""

    repo: str
    sha: str
    licence: str  # "" when it does not say
    gated: bool
    download_bytes: int  # of what would be taken: its safetensors, or one of its GGUF builds
    pipeline_tag: str  # the hub's name of its task, "" when it does not say
    library: str
    files: tuple[HubEntry, ...]
    has_safetensors: bool
    has_gguf: bool
    needs_remote_code: bool  # its configuration names code of its own
    model_type: str = ""  # of its configuration


@dataclass(frozen=True)
class Reachability:
    """Whether the hub answers: ``why`` is "hub_answers", "hub_unreachable" or "hub_offline"."""

    ok: bool
    why: str
    seconds: float
