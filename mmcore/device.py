"""What hardware there is, and where and how precisely a model runs on it. A decision returns its reason.

Hardware is a value: the policy for a GPU that nobody here has is tested like any other.
"""

from __future__ import annotations

import ctypes
import gc
import platform
import sys
from dataclasses import dataclass, replace
from importlib import import_module

from .errors import InputError, ModelError
from .settings import GIB, Settings
from .types import ModelSpec, Plan, Precision

CPU = "cpu"
QUANTIZED = ("int8", "nf4")


@dataclass(frozen=True)
class Accelerator:
    """A GPU. ``kind`` is "cuda" or "mps"; MPS shares the machine's memory."""

    kind: str
    name: str
    total_bytes: int
    free_bytes: int
    capability: tuple[int, int] = (0, 0)
    bf16: bool = True
    without: frozenset[str] = frozenset()  # backends whose libraries for it are not here

    def runs(self, spec: ModelSpec) -> bool:
        """Whether the row's backend can use it."""
        return self.kind in spec.devices and spec.backend not in self.without


@dataclass(frozen=True)
class Hardware:
    """The machine as a value."""

    cores: int
    total_bytes: int
    free_bytes: int
    accelerator: Accelerator | None = None

    @classmethod
    def here(cls, settings: Settings) -> Hardware:
        """This machine's cores and memory. Looking for a GPU imports torch: see ``with_accelerator``."""
        import psutil

        memory = psutil.virtual_memory()
        return cls(settings.threads, memory.total, memory.available)

    def with_accelerator(self) -> Hardware:
        """The same with its GPU, if it has one that torch can use."""
        probe = import_module(".backends.torch_devices", __package__)
        return replace(self, accelerator=probe.accelerator())


def has_gpu() -> bool:
    """Whether there may be a GPU, found out in milliseconds: NVIDIA's driver answers, or this is an Apple machine."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def give_back_memory() -> None:
    """Collect what nothing refers to and return it to the system: glibc keeps it otherwise, others do not."""
    gc.collect()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


@dataclass(frozen=True)
class Room:
    """Bytes that a model may take: on the accelerator and in main memory."""

    device_bytes: int
    ram_bytes: int

    def on(self, device: str) -> int:
        """The bytes that a model on ``device`` may take; an Apple GPU shares main memory."""
        return self.device_bytes if device == "cuda" else self.ram_bytes


def default_room(hardware: Hardware) -> Room:
    """Nine tenths of the GPU's free memory and three quarters of main memory's, when the studio starts."""
    device = hardware.accelerator.free_bytes * 9 // 10 if hardware.accelerator else 0
    return Room(device, default_budget(hardware))


def default_budget(hardware: Hardware) -> int:
    """Bytes of main memory that models may hold: three quarters of what is free when the studio starts."""
    return hardware.free_bytes * 3 // 4


def plan(
    spec: ModelSpec,
    hardware: Hardware,
    settings: Settings,
    room: Room | None = None,
    wish: str = "",
    ran_out: tuple[str, ...] = (),
) -> Plan:
    """Where ``spec`` runs, at which precision, and why.

    A row with one precision runs as it comes, on the CPU. Otherwise the best precision that fits the
    accelerator, or main memory when there is none; ``wish`` names one instead, ``ran_out`` those that were tried
    and ran out of memory. Raises ModelError with the sizes when none fits, InputError when the wish is not one of
    the row's, or not one for this hardware.
    """
    if not spec.precisions:
        return _as_it_comes(spec, hardware, settings)
    room = room or default_room(hardware)
    gpu = hardware.accelerator if hardware.accelerator and hardware.accelerator.runs(spec) else None
    device = gpu.kind if gpu else CPU
    free_bytes = room.on(device)
    choices = _choices(spec, gpu, wish)
    left = _smaller(choices, ran_out)
    fitting = next((choice for choice in left if choice.memory_bytes <= free_bytes), None)
    if fitting is None:
        raise _refusal(spec, _smallest(left), free_bytes)
    told = {"ran_out": tuple(ran_out), "is_gpu_unused": gpu is not hardware.accelerator}
    why = _why(fitting, choices, free_bytes, wish, **told)
    return Plan(device, fitting.name, why, _threads(spec, hardware, settings), fitting.memory_bytes, **told)


def _as_it_comes(spec: ModelSpec, hardware: Hardware, settings: Settings) -> Plan:
    threads = _threads(spec, hardware, settings)
    cores = "1 core" if hardware.cores == 1 else f"{hardware.cores} cores"
    why = f"{spec.precision} on the CPU: the row is built for it; {threads} of {cores}"
    return Plan(CPU, spec.precision, why, threads, spec.memory_bytes, settings.chat_slots)


def _threads(spec: ModelSpec, hardware: Hardware, settings: Settings) -> int:
    wanted = (settings.chat_threads if spec.task == "chat" else 0) or settings.threads
    return max(1, min(wanted, hardware.cores))


def _choices(spec: ModelSpec, gpu: Accelerator | None, wish: str) -> list[Precision]:
    """The precisions that run there, best first; only the wished one when there is a wish."""
    here = [precision for precision in spec.precisions if precision.name not in _banned(gpu)] or list(spec.precisions)
    if not wish:
        return here
    wished = [precision for precision in here if precision.name == wish]
    if not wished:
        allowed = " or ".join(precision.name for precision in here)
        raise InputError("bad_option", option="precision", allowed=allowed, value=wish)
    return wished


def _smaller(choices: list[Precision], ran_out: tuple[str, ...]) -> list[Precision]:
    """Those that take less than any that ran out of memory; the smallest of all when there is none."""
    limit_bytes = min((choice.memory_bytes for choice in choices if choice.name in ran_out), default=None)
    smaller = [choice for choice in choices if limit_bytes is None or choice.memory_bytes < limit_bytes]
    return smaller or [_smallest(choices)]


def _smallest(choices: list[Precision]) -> Precision:
    return min(choices, key=lambda choice: choice.memory_bytes)


def _banned(gpu: Accelerator | None) -> set[str]:
    """What does not run there, or only slowly."""
    if gpu is None:
        return {"fp16"}
    quantized = set(QUANTIZED) if gpu.kind == "mps" else set()  # bitsandbytes has no MPS kernels
    return quantized if gpu.bf16 else quantized | {"bf16"}


def _refusal(spec: ModelSpec, smallest: Precision, free_bytes: int) -> ModelError:
    return ModelError(
        "precision_does_not_fit",
        name=spec.title,
        need_gib=smallest.memory_bytes / GIB,
        precision=smallest.name,
        free_gib=max(0, free_bytes) / GIB,
    )


def _why(
    chosen: Precision,
    choices: list[Precision],
    free_bytes: int,
    wish: str,
    *,
    ran_out: tuple[str, ...],
    is_gpu_unused: bool,
) -> str:
    size, free = f"{chosen.memory_bytes / GIB:.1f} GiB", f"{free_bytes / GIB:.1f} GiB free"
    larger = [precision for precision in choices if precision.memory_bytes > free_bytes]
    reasons = [
        f"{chosen.name} as asked: {size} of {free}" if wish else f"{chosen.name}: {size} fits in {free}",
        f"{larger[-1].name} would need {larger[-1].memory_bytes / GIB:.1f} GiB" if larger and not wish else "",
        f"{', '.join(ran_out)} ran out of memory" if ran_out and not wish else "",
        "its runtime lacks libraries for the GPU" if is_gpu_unused else "",
    ]
    return "; ".join(filter(None, reasons))
