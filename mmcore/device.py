"""What hardware there is, and where a model runs on it. A decision returns its reason."""

from __future__ import annotations

from dataclasses import dataclass

from .settings import Settings
from .types import ModelSpec, Plan


@dataclass(frozen=True)
class Hardware:
    """The machine as a value, so that policy can be tested for one that is not there."""

    cores: int
    total_bytes: int
    free_bytes: int

    @classmethod
    def here(cls, settings: Settings) -> Hardware:
        import psutil

        memory = psutil.virtual_memory()
        return cls(settings.threads, memory.total, memory.available)


def plan(spec: ModelSpec, hardware: Hardware, settings: Settings) -> Plan:
    """Where ``spec`` runs. The embedded rows are built for the CPU, at the precision they come in."""
    threads = (settings.chat_threads if spec.task == "chat" else 0) or settings.threads
    threads = max(1, min(threads, hardware.cores))
    cores = "1 core" if hardware.cores == 1 else f"{hardware.cores} cores"
    why = f"{spec.precision} on the CPU: the row is built for it; {threads} of {cores}"
    return Plan("cpu", spec.precision, why, threads)


def default_budget(hardware: Hardware) -> int:
    """Bytes that models may hold: three quarters of what is free when the studio starts."""
    return hardware.free_bytes * 3 // 4
