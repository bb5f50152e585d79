"""Whether CTranslate2 can compute on CUDA here.

Its wheel carries kernels and the CUDA runtime, and asks the system for one library at the first multiplication:
cuBLAS of CUDA 12 (cuDNN no longer; torch may bring the cuBLAS of another CUDA). faster-whisper's README has the
folder of package nvidia-cublas-cu12 put into LD_LIBRARY_PATH; a library that is loaded already is found without.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import ctranslate2

CUBLAS = "cublas64_12.dll" if sys.platform == "win32" else "libcublas.so.12"


@cache
def has_cuda() -> bool:
    """Whether there is a CUDA device, and the library that CTranslate2 multiplies with; it is loaded then."""
    return ctranslate2.get_cuda_device_count() > 0 and is_loaded(CUBLAS)


def is_loaded(library: str) -> bool:
    """Load a library from the system, or else from NVIDIA's packages, for all who ask for its name later."""
    for place in (library, *_in_packages(library)):
        with suppress(OSError):
            ctypes.CDLL(str(place), mode=ctypes.RTLD_GLOBAL)
            return True
    return False


def _in_packages(library: str) -> Iterator[Path]:
    """Where the installed ``nvidia-*`` packages have it."""
    found = find_spec("nvidia")
    for folder in found.submodule_search_locations or () if found else ():
        yield from Path(folder).glob(f"*/*/{library}")
