"""Files that are no longer what they were: found byte by byte, where their size and time say nothing."""

from __future__ import annotations

from pathlib import Path

from ..types import ModelSpec, Report
from . import parts, stamp
from .hub import ORIGIN


def damaged(spec: ModelSpec, folder: Path, report: Report) -> list[str]:
    """The files of a complete folder whose checksum is not the one in the stamp.

    Files of a folder of one's own may have none. Converted ones have none: they count as damaged where they can be
    made again without a download.
    """
    entries = {name: entry for name, entry in stamp.read(folder).items() if name != ORIGIN}
    return [name for name, entry in entries.items() if _is_damaged(spec, folder / name, entry, report)]


def _is_damaged(spec: ModelSpec, path: Path, entry: list, report: Report) -> bool:
    checksum, size_bytes, _ = entry
    if spec.convert and path.name not in {file.name for file in spec.files}:
        return bool(spec.files)
    return bool(checksum) and not parts.is_right(path, size_bytes, checksum, spec, report)
