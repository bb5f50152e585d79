"""The record that a model's folder is complete: per file, what it must be and its size and time when it was that."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from ..types import CONVERTED, ModelSpec

STAMP = ".complete.json"
CONVERSION = 1  # raise it when a converter changes: models are then converted again


def marks(spec: ModelSpec) -> dict[str, str]:
    """What each file must be: its checksum; for the converted one, what it is made from and how."""
    needed = {file.name: file.sha256 for file in spec.files}
    if spec.convert:
        origin = json.dumps([spec.convert, CONVERSION, needed])
        needed[CONVERTED] = hashlib.sha256(origin.encode()).hexdigest()
    return needed


def entry(path: Path, mark: str) -> list:
    """What the stamp says of a file; empty when there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return []
    return [mark, found.st_size, found.st_mtime_ns]


def read(folder: Path) -> dict[str, list]:
    """The entries by file name; none when there is no stamp that can be read."""
    try:
        entries = json.loads((folder / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def write(spec: ModelSpec, folder: Path) -> None:
    """Record the folder as it is now, at once whole."""
    save({name: entry(folder / name, mark) for name, mark in marks(spec).items()}, folder)


def save(entries: dict[str, list], folder: Path) -> None:
    """Put the entries into the stamp, at once whole."""
    unfinished = folder / (STAMP + ".tmp")
    unfinished.write_text(json.dumps(entries, indent=1), "utf-8")
    os.replace(unfinished, folder / STAMP)
