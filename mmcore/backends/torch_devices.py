"""The GPU that torch can use, as a value, and how much of its memory is in use."""

from __future__ import annotations

from ..device import Accelerator


def accelerator() -> Accelerator | None:
    """The first CUDA device, else MPS, else None."""
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        capability = torch.cuda.get_device_capability()
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Accelerator("cuda", torch.cuda.get_device_name(), total, free, capability, bf16, _without())
    if torch.backends.mps.is_available():
        limit = torch.mps.recommended_max_memory()
        return Accelerator("mps", "Apple GPU", limit, limit - torch.mps.driver_allocated_memory())
    return None


def _without() -> frozenset[str]:
    """Backends that cannot use CUDA here, whatever torch can."""
    from .ctranslate_devices import has_cuda

    return frozenset() if has_cuda() else frozenset({"faster_whisper"})


def used_bytes(kind: str) -> int:
    """Memory of the first "cuda" device that is in use, whatever library or program took it (CTranslate2's too); on
    "mps" what torch holds."""
    import torch

    if kind == "mps":
        return torch.mps.driver_allocated_memory()
    free, total = torch.cuda.mem_get_info()
    return total - free
