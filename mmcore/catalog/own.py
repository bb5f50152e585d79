"""The user's own rows, read from a TOML file.

A user's row, in ``models.toml`` (or the file that MM_MODELS_FILE names)::

    [[model]]
    name = "my-chat"                  # what --model takes
    task = "chat"                     # image-classes, sentences, reading, speech, sounds or chat
    backend = "llama"                 # a module of mmcore.backends
    licence = "Apache-2.0"
    memory_mb = 700                   # resident once loaded, roughly
    [[model.files]]
    name = "model.gguf"               # what the backend looks for
    folder = "/home/me/models"        # the folder that holds it
    sha256 = "..."                    # optional for a folder of your own
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from ..errors import ModelError
from ..types import TASKS, ModelSpec, WeightFile, WheelPart

MB = 10**6


@lru_cache(maxsize=4)
def read(path: Path, _mtime_ns: int) -> tuple[ModelSpec, ...]:
    """The rows of a user's file. Raises ModelError with the line or the field that is wrong."""
    try:
        return tuple(_row(entry) for entry in tomllib.loads(path.read_text("utf-8")).get("model", []))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise ModelError("bad_models_file", name=path.name, reason=reason) from error


def _row(entry: dict) -> ModelSpec:
    if entry["task"] not in TASKS:
        raise ValueError(f"task of {entry['name']} must be one of {', '.join(TASKS)}")
    files = tuple(
        WeightFile(
            file["name"],
            int(file.get("size_bytes", 0)),
            file.get("sha256", ""),
            tuple(WheelPart(**part) for part in file.get("parts", ())),
            file.get("folder"),
        )
        for file in entry.get("files", ())
    )
    for file in files:
        if Path(file.name).name != file.name or not (file.parts or file.folder):
            raise ValueError(f"file {file.name} needs a plain name and either folder or parts")
        if file.parts and not file.sha256:
            raise ValueError(f"file {file.name} from packages needs its sha256")
    known = ("name", "task", "backend", "licence")
    optional = ("title", "precision", "can", "cannot", "speed", "profile", "convert", "options")
    return ModelSpec(
        **{key: entry[key] for key in known},
        **{"title": entry["name"], "tried": False} | {key: entry[key] for key in optional if key in entry},
        source=entry.get("source", "your models file"),
        files=files,
        memory_bytes=int(entry.get("memory_mb", 0)) * MB,
        languages=tuple(entry.get("languages", ())),
    )
