"""The user's own rows, read from and added to a TOML file.

A user's row, in ``models.toml`` (or the file that MM_MODELS_FILE names)::

    [[model]]
    name = "my-chat"                  # what --model takes; also the name of its folder in the cache
    task = "chat"                     # image-classes, image-text, sentences, reading, speech, sounds or chat
    backend = "llama"                 # a module of mmcore.backends
    licence = "Apache-2.0"
    memory_mb = 700                   # resident once loaded, roughly; counted from the files of a GGUF row
    [[model.files]]
    name = "model.gguf"               # what the backend looks for; a second one, mmproj.gguf, lets it see
    folder = "/home/me/models"        # the folder that holds it; or hub = { repo = …, revision = …, path = … }
    sha256 = "..."                    # of a hub's file, with size_bytes; optional for a folder of your own

or, for a repository of a model hub, whose backend, precisions and memory follow from task and size (a Whisper may have
``backend = "faster_whisper"``, which converts it)::

    [[model]]
    name = "my-eyes"
    task = "chat"                     # chat, image-text or speech
    licence = "Apache-2.0"
    download_mb = 4300
    hub = { repo = "owner/name", revision = "main" }

and for one build of its GGUF files, with the encoders that let it see: patterns = ["*Q4_K_M.gguf", "mmproj*F16.gguf"]
in its ``hub``. A checkpoint of your own, laid out as a hub's repository, needs its folder alone::

    [[model]]
    name = "my-finetune"
    task = "chat"
    licence = "mine"
    folder = "/home/me/finetune"
"""

from __future__ import annotations

import os
import re
import threading
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ..errors import InputError, ModelError
from ..memory import LADDER, precisions, typical
from ..types import TASKS, HubFile, HubSource, ModelSpec, WeightFile, WheelPart
from . import whisper
from .gguf import SEEING_BYTES

MB = 10**6
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
_BUILD = re.compile(r"(?:^|[^a-z0-9])(i?q\d\w*|bf16|f16|f32)(?=[.-])")  # the precision in a GGUF file's name
#: Task -> backend, precisions, bytes that a parameter takes in the files, GB of working memory (None: by its size).
HUB_TASKS = {
    "chat": ("transformers_chat", LADDER, 2.0, None),
    "image-text": ("transformers_scorer", ("fp16", "fp32"), 4.0, 0.5),
    "speech": ("transformers_speech", ("bf16", "fp16", "fp32"), 4.0, 0.6),
}
GGUF_WORKING_BYTES = 600 * MB  # the KV cache of its context, and its buffers
TAKEN = (".safetensors", ".gguf", ".json", ".txt", ".model", ".jinja")  # of a folder
SEES = ("text", "image", "video")
_writing = threading.Lock()


@lru_cache(maxsize=4)
def read(path: Path, _mtime_ns: int) -> tuple[ModelSpec, ...]:
    """The rows of a user's file. Raises ModelError with the line or the field that is wrong."""
    return parse(_text(path), path.name)


def _text(path: Path) -> str:
    """The file's text, "" when there is none. Raises ModelError when it cannot be read."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (UnicodeDecodeError, OSError) as error:
        raise ModelError("bad_models_file", name=path.name, reason=type(error).__name__) from error


def parse(text: str, name: str) -> tuple[ModelSpec, ...]:
    """The rows of a TOML text. Raises ModelError about ``name``."""
    try:
        return tuple(_row(entry) for entry in tomllib.loads(text).get("model", []))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise ModelError("bad_models_file", name=name, reason=reason) from error


def add(path: Path, entry: dict) -> ModelSpec:
    """Write ``entry`` as a row, in place of one of its name; comments and other rows of the file stay.

    The file changes as a whole or not at all. Raises ModelError when it, or the row, cannot be read, and
    InputError when it cannot be written.
    """
    import tomlkit

    with _writing:
        text = _text(path)
        parse(text, path.name)
        document = tomlkit.parse(text)
        rows = document.setdefault("model", tomlkit.aot())
        for index in reversed([i for i, row in enumerate(rows) if row["name"] == entry["name"]]):
            del rows[index]
        rows.append(tomlkit.item(entry))
        written = tomlkit.dumps(document)
        added = next(row for row in parse(written, path.name) if row.name == entry["name"])
        _replace(path, written)
        return added


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, "utf-8")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError("not_written", name=path.name, reason=error.strerror or "error") from error


def _row(entry: dict) -> ModelSpec:
    if entry["task"] not in TASKS:
        raise ValueError(f"task of {entry['name']} must be one of {', '.join(TASKS)}")
    if not _NAME.fullmatch(entry["name"]) or ".." in entry["name"]:
        raise ValueError("a name is letters, digits, dots and dashes: it becomes the name of a folder")
    fields = _hub_fields if "hub" in entry else _folder_fields if "folder" in entry else _file_fields
    found = fields(entry)
    optional = ("title", "backend", "precision", "can", "cannot", "speed", "profile", "convert", "options")
    return ModelSpec(
        **{"title": entry["name"], "tried": False}
        | found
        | {key: entry[key] for key in ("name", "task", "licence")}
        | {key: entry[key] for key in optional if key in entry}
        | {key: tuple(entry[key]) for key in ("languages", "modalities") if key in entry}
    )


# -- files of this machine, or of packages


def _file_fields(entry: dict) -> dict:
    files = tuple(_file(file) for file in entry.get("files", ()))
    told = {"backend": entry["backend"], "source": entry.get("source", "your models file"), "files": files}
    if entry["backend"] != "llama":
        return told | {"memory_bytes": int(entry.get("memory_mb", 0)) * MB}
    names = [file.name for file in files]
    return told | {"precision": "gguf"} | _llama_fields(entry, names, sum(map(_size_bytes, files)))


def _folder_fields(entry: dict) -> dict:
    """As of a hub's repository with the files that lie in the folder now; what could be code is left where it is."""
    place = Path(entry["folder"]).expanduser()
    found = sorted(path for path in place.glob("*") if path.suffix in TAKEN and path.is_file())
    names = [path.name for path in found] or ["config.json"]  # which loading then says is missing
    size_bytes = sum(path.stat().st_size for path in found)
    source = HubSource(str(place), patterns=tuple(name for name in names if name.endswith(".gguf")) or tuple(names))
    of_task = _gguf_fields if is_gguf(source) else _transformers_fields
    told = {"source": f"folder {place.name}", "modalities": _modalities(place / "config.json")}
    files = tuple(WeightFile(name, 0, "", folder=str(place)) for name in names)
    return told | {"files": files} | of_task(entry, source, size_bytes)


def _modalities(config: Path) -> tuple[str, ...]:
    """What a checkpoint takes, by the parts that its configuration has."""
    told = config.read_text("utf-8", "replace") if config.is_file() else ""
    parts = {("image", "video"): '"vision_config"', ("audio",): '"audio_config"'}
    return ("text", *(kind for kinds, part in parts.items() if part in told for kind in kinds))


def _file(entry: dict) -> WeightFile:
    parts = tuple(WheelPart(**part) for part in entry.get("parts", ()))
    size_bytes, sha256 = int(entry.get("size_bytes", 0)), entry.get("sha256", "")
    hub = HubFile(*(entry["hub"][key] for key in ("repo", "revision", "path"))) if "hub" in entry else None
    file = WeightFile(entry["name"], size_bytes, sha256, parts, entry.get("folder"), hub)
    if Path(file.name).name != file.name or not (file.parts or file.folder or hub):
        raise ValueError(f"file {file.name} needs a plain name and either folder or parts or hub")
    if file.parts and not file.sha256:
        raise ValueError(f"file {file.name} from packages needs its sha256")
    if hub and not (file.sha256 and file.size_bytes):
        raise ValueError(f"file {file.name} from a hub needs its sha256 and its size_bytes")
    return file


def _size_bytes(file: WeightFile) -> int:
    """As told, or as it is in its folder now."""
    path = os.path.join(file.folder or "", file.name)
    return file.size_bytes or (os.path.getsize(path) if file.folder and os.path.isfile(path) else 0)


# -- a repository of a hub


def _hub_fields(entry: dict) -> dict:
    told = entry["hub"]
    patterns = tuple(told.get("patterns", HubSource.patterns))
    source = HubSource(told["repo"], told.get("revision", "main"), patterns, bool(told.get("gated", False)))
    size_bytes = int(entry["download_mb"] * MB)
    of_task = _gguf_fields if is_gguf(source) else _transformers_fields
    return {
        "source": f"hub repository {source.repo}",
        "hub": source,
        "hub_bytes": size_bytes,
        "profile": "hub",
    } | of_task(entry, source, size_bytes)


def is_gguf(source: HubSource) -> bool:
    """Whether only GGUF files are wanted of the repository."""
    return all(pattern.lower().endswith(".gguf") for pattern in source.patterns)


def brings_eyes(names: Iterable[str]) -> bool:
    """Whether the encoders of pictures or sound, "mmproj", are among the names or patterns of GGUF files."""
    return any("mmproj" in name.lower() for name in names)


def _gguf_fields(entry: dict, source: HubSource, size_bytes: int) -> dict:
    if entry["task"] != "chat":
        raise ValueError(f"{entry['name']}: GGUF files are for chat")
    language = [pattern for pattern in source.patterns if not brings_eyes([pattern])]
    build = _BUILD.search(language[0].lower()) if language else None
    told = {"backend": "llama", "precision": build[1] if build else "gguf"}
    return told | _llama_fields(entry, source.patterns, size_bytes)


def _llama_fields(entry: dict, names: Iterable[str], size_bytes: int) -> dict:
    """Memory and modalities of a GGUF model whose files, encoders among them, have ``size_bytes`` together."""
    sees = brings_eyes(names)
    working_bytes = GGUF_WORKING_BYTES + (SEEING_BYTES if sees else 0)
    memory_bytes = int(entry.get("memory_mb", 0)) * MB or (size_bytes and size_bytes + working_bytes)
    return {"memory_bytes": memory_bytes, "modalities": SEES if sees else ("text",)}


def _transformers_fields(entry: dict, source: HubSource, size_bytes: int) -> dict:
    """Parameters are counted from the size, as if the files held 16 or 32 bits each: see ``HUB_TASKS``."""
    if entry["task"] not in HUB_TASKS:
        raise ValueError(f"task of {entry['name']}, of a hub, must be one of {', '.join(HUB_TASKS)}")
    backend, names, file_bytes_each, working_gb = HUB_TASKS[entry["task"]]
    parameters = size_bytes / file_bytes_each
    if entry.get("backend") == "faster_whisper":
        return whisper.running(parameters)
    rungs = precisions(parameters, working_gb or typical(parameters), names)
    return {
        "backend": backend,
        "precisions": rungs,
        "precision": rungs[0].name,
        "memory_bytes": rungs[0].memory_bytes,
    }
