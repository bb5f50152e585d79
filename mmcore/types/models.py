"""A model: as a row of the catalogue, as planned, as loaded, as measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from .sources import HubSource, WeightFile


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
