"""Files that are no longer what they were: found byte by byte, where their size and time say nothing."""

from __future__ import annotations

from pathlib import Path

from ..types import ModelSpec, Report
from . import parts, stamp
from .hub import ORIGIN


def damaged(spec: ModelSpec, folder: Path, report: Report) -> list[str]:
    """The files of a complete folder whose checksum is not the one in the stamp; those of one's own may have none."""
    entries = [(name, *entry) for name, entry in stamp.read(folder).items() if name != ORIGIN]
    return [
        name
        for name, mark, size_bytes, _ in entries
        if mark and not parts.is_right(folder / name, size_bytes, mark.split()[-1], spec, report)
    ]
