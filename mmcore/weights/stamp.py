"""The record that a model's folder is complete: per file, what it must be and its size and time when it was that."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from ..types import ModelSpec

STAMP = ".complete.json"
CONVERSION = 1  # raise it when a converter changes: models are then converted again


def marks(spec: ModelSpec) -> dict[str, str]:
    """What each file of the row must be: its checksum."""
    return {file.name: file.sha256 for file in spec.files}


def conversion(spec: ModelSpec) -> str:
    """What every converted file must be: what it is made from, and how. In the stamp its own checksum follows."""
    source = [spec.hub.repo, spec.hub.revision, list(spec.hub.patterns)] if spec.hub else marks(spec)
    return hashlib.sha256(json.dumps([spec.convert, CONVERSION, source]).encode()).hexdigest()


def made(spec: ModelSpec, folder: Path) -> dict[str, str]:
    """The converted files by name, with their mark, when all are there as the stamp says; else none."""
    origin = conversion(spec)
    found = {name: told for name, told in read(folder).items() if told and told[0].startswith(origin)}
    here = all(told == entry(folder / name, told[0]) for name, told in found.items())
    return {name: told[0] for name, told in found.items()} if here else {}


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


def entries(folder: Path, marks: Mapping[str, str]) -> dict[str, list]:
    """What the stamp is to say of each file as it is now."""
    return {name: entry(folder / name, mark) for name, mark in marks.items()}


def save(entries: Mapping[str, list], folder: Path) -> None:
    """Put the entries into the stamp, at once whole."""
    unfinished = folder / (STAMP + ".tmp")
    unfinished.write_text(json.dumps(entries, indent=1), "utf-8")
    os.replace(unfinished, folder / STAMP)
