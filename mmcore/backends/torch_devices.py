"""The GPU that torch can use, as a value."""

from __future__ import annotations

from ..device import Accelerator


def accelerator() -> Accelerator | None:
    """The first CUDA device, else MPS, else None."""
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        capability = torch.cuda.get_device_capability()
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Accelerator("cuda", torch.cuda.get_device_name(), total, free, capability, bf16)
    if torch.backends.mps.is_available():
        limit = torch.mps.recommended_max_memory()
        return Accelerator("mps", "Apple GPU", limit, limit - torch.mps.driver_allocated_memory())
    return None
