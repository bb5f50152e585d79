"""What a file is by its content, for results that are kept."""

from __future__ import annotations

import hashlib
import os

from ..settings import Limits
from .source import opened_file

BLOCK_BYTES = 1 << 20


def digest(path: str | os.PathLike, limits: Limits) -> str:
    """The BLAKE2b of a file's size and bytes; it is read in blocks. Raises InputError."""
    with opened_file(path, limits) as file:
        found = hashlib.blake2b(str(os.fstat(file.fileno()).st_size).encode(), digest_size=16)
        while block := file.read(BLOCK_BYTES):
            found.update(block)
    return found.hexdigest()
