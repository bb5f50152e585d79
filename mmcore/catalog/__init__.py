"""Models as data: the built-in rows, the user's own, and ``find``. Reading them loads nothing."""

from __future__ import annotations

from pathlib import Path

from ..errors import ModelError
from ..types import ModelSpec
from . import own
from .embedded import EMBEDDED
from .fake import FAKE
from .gguf import GGUF
from .hub import HUB as SAFETENSORS

HUB = SAFETENSORS + GGUF


def rows(models_file: Path | None = None) -> tuple[ModelSpec, ...]:
    """All rows: the built-in ones, then the user's. A user's row takes the place of a built-in one of its name."""
    mine = own.read(models_file, models_file.stat().st_mtime_ns) if models_file and models_file.is_file() else ()
    return tuple({spec.name: spec for spec in (*EMBEDDED, *HUB, *FAKE, *mine)}.values())


def for_task(task: str, profile: str, models_file: Path | None = None) -> tuple[ModelSpec, ...]:
    """The rows that ``profile`` uses for ``task``; the first is the default."""
    return tuple(spec for spec in rows(models_file) if spec.task == task and spec.profile == profile)


def default_set(profile: str, models_file: Path | None = None) -> tuple[ModelSpec, ...]:
    """What the defaults of ``profile`` use: every row but the chat models after the first."""
    chat = for_task("chat", profile, models_file)
    return tuple(row for row in rows(models_file) if row.profile == profile and row not in chat[1:])


def find(name: str, models_file: Path | None = None, *, fakes: bool = True) -> ModelSpec:
    """The row of that name, a fake one only where they are wanted. Raises ModelError naming the choices."""
    by_name = {spec.name: spec for spec in rows(models_file) if fakes or spec.profile != "fake"}
    if name not in by_name:
        raise ModelError("unknown_model", name=name, choices=", ".join(by_name))
    return by_name[name]
