# ruff: noqa: F401, F811 - fixtures of other tests
"""Repositories that the real runtime refuses, or that are damaged on the disk, the whole way that a visitor goes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import huggingface_hub.constants
import pytest
from test_hub import plain_environment
from test_hub_refusals import (
    BRIEF,
    NAME,
    REPO,
    by_load_and_chat,
    files_in,
    hub,
    opened,
    refused,
    write_row,
)
from tiny_rows import CHATS, SCORERS, made

from mmcore.errors import StudioError
from mmcore.types import Progress

pytestmark = [pytest.mark.transfer, pytest.mark.tiny]

SHARD = "model.safetensors"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A tiny chat model that sees."""
    return made(CHATS["qwen3_vl"], tmp_path_factory.mktemp("qwen3_vl"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return made(SCORERS["clip"], tmp_path_factory.mktemp("clip"))


@pytest.fixture
def room(tmp_path):
    """A studio with a row on the real runtime."""
    studio = opened(tmp_path)
    write_row(studio, backend="")
    yield studio
    studio.close()


def files_of(folder: Path, **config: object) -> dict[str, bytes]:
    """The files of a checkpoint, with other fields in its configuration."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return files | {"config.json": json.dumps(json.loads(files["config.json"]) | config).encode()}


AUTO_MAP = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoProcessor": "own.Processor"}
OWN_CODE = {"own.py": b"raise SystemExit"}


def answer(studio, name: str = NAME) -> str:
    return studio.chat("Hello", model=name, sampling=BRIEF).text


# -- refused by its small files


@by_load_and_chat
def test_a_row_that_needs_code_of_its_own_is_refused_before_its_weights_come(room, hub, checkpoint, door):
    hub.publish(REPO, files_of(checkpoint, model_type="nobody_knows", auto_map=AUTO_MAP) | OWN_CODE)
    error = refused(room, door)
    assert error.code == "remote_code" and not hub.asked(".py") and not hub.asked(SHARD)
    hub.publish(REPO, checkpoint)
    door(room)
    assert answer(room)


def test_a_row_with_code_beside_a_known_kind_answers_without_it(room, hub, checkpoint):
    hub.publish(REPO, files_of(checkpoint, auto_map=AUTO_MAP) | OWN_CODE, pipeline_tag="any-to-any")
    assert answer(room) and answer(room, room.add(REPO, "chat").name) and not hub.asked(".py")


@by_load_and_chat
@pytest.mark.parametrize(
    ("model_type", "code"), [("clip", "other_task"), ("llama", "other_task"), ("of-next-year", "unknown_class")]
)
def test_a_class_for_another_task_is_refused_before_its_weights_come(room, hub, checkpoint, door, model_type, code):
    hub.publish(REPO, files_of(checkpoint, model_type=model_type))
    error = refused(room, door)
    assert error.code == code and model_type in str(error) and not hub.asked(SHARD)


def test_an_added_repository_without_a_tag_is_refused_by_its_class(room, hub, clip):
    hub.publish(REPO, clip)
    for task in ("chat", "speech"):
        row = room.add(REPO, task)
        assert refused(room, lambda studio, row=row: studio.load(row.name)).code == "other_task"
    assert room.load(room.add(REPO, "image-text").name)


@by_load_and_chat
@pytest.mark.parametrize("config", [b"<html>", b"[1, 2]", b"[" * 100_000, b'"qwen3_vl"', b'{"model_type": ["clip"]}'])
def test_a_configuration_that_is_none_is_refused_before_the_weights_come(room, hub, checkpoint, door, config):
    hub.publish(REPO, files_of(checkpoint) | {"config.json": config})
    assert refused(room, door).code in ("damaged_file", "unknown_class") and not hub.asked(SHARD)


# -- damaged on the disk


def tiny_whisper(folder: Path) -> Path:
    from tiny_models import whisper

    return whisper(folder, positions=448)


def flip_a_bit(path: Path, at: int) -> None:
    """As a failing disk does: size and time stay."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(("name", "at"), [(SHARD, 4), ("tokenizer.json", 0), ("config.json", 0)])
def test_a_file_damaged_on_the_disk_is_brought_again_by_the_load_that_fails(room, hub, checkpoint, tmp_path, name, at):
    hub.publish(REPO, checkpoint)
    said, folder = answer(room), room.fetch(NAME)
    room.close()
    hub.requests.clear()
    flip_a_bit(folder / name, at)
    again = opened(tmp_path)
    assert again.is_kept(NAME)
    stages = [step.stage for step in again.stream_load(NAME) if isinstance(step, Progress)]
    assert {"verify", "download"} <= set(stages)
    assert answer(again) == said and (folder / name).read_bytes() == (checkpoint / name).read_bytes()
    assert {request.path.rsplit("/")[-1] for request in hub.asked()} == {name}
    again.close()


def test_a_damaged_conversion_is_made_again_from_the_commit_that_is_here(tmp_path, hub):
    hub.publish(REPO, tiny_whisper(tmp_path / "whisper"))
    studio = opened(tmp_path)
    write_row(studio, task="speech", backend="faster_whisper", convert="whisper_ctranslate2")
    folder, first = studio.fetch(NAME), studio.commit(NAME)
    hub.repositories[REPO].commit({"config.json": b"{}", SHARD: b"another"})
    flip_a_bit(folder / "model.bin", 0)
    assert studio.load(NAME, precision="fp32").name == NAME and studio.commit(NAME) == first
    studio.close()


@by_load_and_chat
def test_a_damaged_file_is_brought_when_the_hub_is_back(room, hub, checkpoint, monkeypatch, door):
    hub.publish(REPO, checkpoint)
    folder = room.fetch(NAME)
    flip_a_bit(folder / SHARD, 4)
    with monkeypatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(StudioError):
            door(room)
        assert refused(room, door, *files_in(room)).code == "hub_offline"
    assert not (folder / SHARD).exists()
    door(room)
    assert answer(room)


def test_a_model_that_fails_with_whole_files_keeps_them(room, hub, checkpoint):
    files = files_of(checkpoint)
    hub.publish(REPO, files | {SHARD: files[SHARD][:-100]})
    with pytest.raises(StudioError):
        room.load(NAME)
    hub.requests.clear()
    error = refused(room, lambda studio: studio.load(NAME), *files_in(room))
    assert error.code == "damaged_file" and SHARD in str(error) and hub.requests == []


def test_a_gguf_that_is_none(room, hub):
    hub.publish(REPO, {"tiny-Q4_K_M.gguf": b"GGUF" + b"\xff" * 200_000})
    row = room.add(REPO, "chat")
    with pytest.raises(StudioError):
        room.load(row.name)
    assert refused(room, lambda studio: studio.load(row.name), *files_in(room)).code == "load_failed"
