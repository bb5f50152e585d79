"""Bad repositories and bad days of the hub, the whole way that a visitor goes: each ends in a sentence, or well.

A row in the models file, the studio, and a hub on loopback. The rows run on the fake backend, so that a good one
answers at once; those of ``test_hub_refusals_loading`` run on the real runtime.
"""

from __future__ import annotations

import errno
import json
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
from hub_stand_in import HubStandIn
from test_hub import TOKEN, names_in, plain_environment, until, use_hub  # noqa: F401 - a fixture

from demo import cards
from demo.cards import Offer
from demo.text import error_sentence
from mmcore import Settings, Studio, weights
from mmcore.errors import StudioError
from mmcore.settings import GIB
from mmcore.types import Loaded, Message, Progress, Sampling
from mmcore.weights.hub import delivery, transfer

pytestmark = pytest.mark.transfer

REPO, NAME = "maker/tiny", "my-model"
BUDGET = 8 * GIB
WEIGHTS = np.random.default_rng(0).bytes(600_000)
OTHER = np.random.default_rng(1).bytes(200_000)
FILES = {
    "config.json": json.dumps({"model_type": "qwen2_vl"}).encode(),
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
}
SPARE = """
[[model]]  # another model, as large as the budget: it answers when nothing of the first is held
name = "spare"
task = "chat"
backend = "fake"
licence = "MIT"
memory_mb = {megabytes}
"""
BRIEF = Sampling(max_tokens=3, temperature=0)
OURS = ("(_settle)", "(_work)", "mmcore-step")  # threads that ask the hub, fetch from it, and load


@pytest.fixture
def hub(monkeypatch, plain_environment):  # noqa: F811
    with HubStandIn() as served:
        use_hub(monkeypatch, served.address)
        yield served


@pytest.fixture
def tiny(hub):
    hub.publish(REPO, FILES, pipeline_tag="image-text-to-text", license="apache-2.0")
    return hub


@pytest.fixture
def studio(tmp_path):
    made = opened(tmp_path)
    write_row(made)
    yield made
    made.close()


def opened(tmp_path: Path, budget_bytes: int = BUDGET) -> Studio:
    """A studio as it starts; again on the same folder: as it starts the next day."""
    cache, file = tmp_path / "cache", tmp_path / "models.toml"
    if not file.exists():
        file.write_text(SPARE.format(megabytes=budget_bytes // 10**6))
    return Studio(Settings(profile="embedded", cache_dir=cache, models_file=file, budget_bytes=budget_bytes))


def write_row(studio: Studio, name: str = NAME, backend: str = "fake", **more: object) -> None:
    """A row of the models file, as a person writes it; ``more`` are its other fields, and those of its repository."""
    hub = {"repo": REPO, "revision": "main"} | {key: more.pop(key) for key in ("repo", "revision") if key in more}
    fields = {"task": "chat", "licence": "MIT", "download_mb": 1} | more
    told = "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items())
    file = studio.settings.models_file
    source = ", ".join(f"{key} = {json.dumps(value)}" for key, value in hub.items())
    own = f'backend = "{backend}"\n' if backend else ""
    file.write_text(f'{file.read_text()}[[model]]\nname = "{name}"\n{own}{told}hub = {{ {source} }}\n')


DOORS: dict[str, Callable[[Studio], object]] = {
    "load": lambda studio: studio.load(NAME),
    "chat": lambda studio: studio.chat("Hello", model=NAME, sampling=BRIEF),
}
ADD = {"add": lambda studio: studio.add(REPO, "chat")}
by_load_and_chat = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
by_every_door = pytest.mark.parametrize("door", (DOORS | ADD).values(), ids=DOORS | ADD)


def refused(studio: Studio, door: Callable[[Studio], object], *kept: str) -> StudioError:
    """What ``door`` is refused with, after a look at what it left: only ``kept`` of the cache's files."""
    rows = studio.settings.models_file.read_text()
    with pytest.raises(StudioError) as caught:
        door(studio)
    for language in ("en", "zh"):
        check_sentence(error_sentence(caught.value, language), studio.settings.cache_dir)
    assert error_sentence(caught.value, "zh") != str(caught.value)
    check_nothing_is_held(studio)
    assert files_in(studio) == set(kept)
    assert studio.settings.models_file.read_text() == rows
    return caught.value


def files_in(studio: Studio) -> set[str]:
    """All of the cache but the empty files that are locked."""
    return {name for name in names_in(studio.settings.cache_dir) if not name.endswith(".lock")}


def check_sentence(sentence: str, cache: Path) -> None:
    """Words for a person: no path, address or stack."""
    assert 20 < len(sentence) < 300 and sentence.endswith((".", "。"))
    for unwanted in (str(cache.parent), "127.0.0.1", "http", "Traceback", "\n", "{", TOKEN):
        assert unwanted not in sentence


def check_nothing_is_held(studio: Studio) -> None:
    """No model, no thread, no byte of the budget."""
    assert studio.status().loaded == ()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name.endswith(OURS)])
    assert answers(studio, "spare") and studio.unload("spare")


def answers(studio: Studio, name: str = NAME) -> bool:
    return studio.chat("Hello", model=name, sampling=BRIEF).text.startswith("You said: Hello")


def staged(cache: Path) -> set[str]:
    """Parts that are kept for the next try."""
    return {name for name in names_in(cache) if "/.staging/" in name}


# -- 1. no such repository


@by_every_door
def test_a_repository_that_does_not_exist(studio, hub, door):
    error = refused(studio, door)
    assert error.code == "no_such_repo" and REPO in str(error)
    hub.publish(REPO, FILES)
    door(studio)
    assert answers(studio)


# -- 2. gated


@by_every_door
@pytest.mark.parametrize("token", ["", "hf_stranger"], ids=["no token", "a token without access"])
def test_a_gated_repository(studio, hub, monkeypatch, door, token):
    hub.publish(REPO, FILES, gated=True)
    hub.tokens, hub.strangers = {TOKEN}, {"hf_stranger"}
    monkeypatch.setenv("HF_TOKEN", token)
    error = refused(studio, door)
    assert error.code == "gated_repo" and REPO in str(error) and "HF_TOKEN" in str(error)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    door(studio)
    assert answers(studio)


@by_every_door
def test_a_token_that_is_not_valid(studio, tiny, monkeypatch, door):
    tiny.invalid = {"hf_of_last_year"}
    monkeypatch.setenv("HF_TOKEN", "hf_of_last_year")
    error = refused(studio, door)
    assert error.code == "no_access" and "HF_TOKEN is valid" in str(error)
    monkeypatch.delenv("HF_TOKEN")
    door(studio)
    assert answers(studio)


# -- 3. code of its own (that a row's is refused: test_hub_refusals_loading)


def own_code(model_type: str) -> dict[str, bytes]:
    config = {"model_type": model_type, "auto_map": {"AutoModel": "modeling_own.Own"}}
    return FILES | {"config.json": json.dumps(config).encode(), "modeling_own.py": b"raise SystemExit"}


def test_a_typed_repository_that_needs_code_of_its_own(studio, hub):
    hub.publish(REPO, own_code("nobody_knows"))
    error = refused(studio, ADD["add"])
    assert error.code == "remote_code" and REPO in str(error)


def test_code_beside_a_kind_that_the_library_knows_is_left_where_it_is(studio, hub):
    hub.publish(REPO, own_code("qwen2_vl"))
    folder = studio.fetch(studio.add(REPO, "chat").name)
    assert names_in(folder) == {*FILES, ".complete.json"} and not hub.asked(".py")


# -- 4. only pickles


@by_every_door
def test_a_repository_of_pickles(studio, hub, door):
    hub.publish(REPO, {"config.json": b"{}", "pytorch_model.bin": WEIGHTS})
    error = refused(studio, door)
    assert error.code == "pickle_only" and REPO in str(error) and not hub.asked(".bin")
    hub.publish(REPO, FILES)
    door(studio)
    assert answers(studio)


# -- 5. another task (by its class: test_hub_refusals_loading)


@pytest.mark.parametrize(
    ("task", "tag"), [("chat", "text-to-image"), ("speech", "image-text-to-text"), ("image-text", "text-generation")]
)
def test_a_repository_for_another_task(studio, hub, task, tag):
    hub.publish(REPO, FILES, pipeline_tag=tag)
    error = refused(studio, lambda studio: studio.add(REPO, task))
    assert error.code == "wrong_repo_task" and tag in str(error)


@pytest.mark.parametrize("task", ["speech", "image-text"])
def test_gguf_files_for_anything_but_chat(studio, hub, task):
    hub.publish(REPO, {"tiny-Q4_K_M.gguf": WEIGHTS})
    error = refused(studio, lambda studio: studio.add(REPO, task))
    assert error.code == "no_such_weights" and "safetensors" in str(error)


# -- 6. larger than the disk


@by_every_door
def test_a_repository_larger_than_the_disk(studio, tiny, monkeypatch, tmp_path, door):
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=500_000))
        error = refused(studio, door)
    assert error.code in ("no_disk", "larger_than_disk") and "MM_CACHE_DIR" in str(error)
    assert not tiny.asked("model.safetensors")
    door(studio)
    assert answers(studio)


# -- 7. larger than the memory


@by_load_and_chat
@pytest.mark.parametrize("backend", ["", "fake"], ids=["of several precisions", "as it comes"])
def test_a_model_larger_than_the_budget(tmp_path, tiny, door, backend):
    studio = opened(tmp_path, 2 * GIB)
    write_row(studio, backend=backend, download_mb=17_000)
    error = refused(studio, door)
    assert error.code == "precision_does_not_fit" and "GiB" in str(error)
    assert tiny.requests == []
    studio.close()


def test_a_gguf_larger_than_the_budget(tmp_path, hub):
    hub.publish(REPO, {"tiny-Q4_K_M.gguf": WEIGHTS})
    studio = opened(tmp_path, GIB // 2)
    row = studio.add(REPO, "chat")
    hub.requests.clear()
    error = refused(studio, lambda studio: studio.load(row.name))
    assert error.code == "does_not_fit" and "MM_BUDGET_GIB" in str(error) and hub.requests == []
    studio.close()


# -- 8. a damaged shard on the way (on the disk: test_hub_refusals_loading)


@by_load_and_chat
def test_a_shard_that_is_damaged_on_the_way(studio, hub, door):
    shards = {f"model-0000{n}-of-00003.safetensors": bytes([n]) * 200_000 for n in (1, 2, 3)}
    small = {name: content for name, content in FILES.items() if name != "model.safetensors"}
    hub.publish(REPO, small | shards)
    hub.trouble.corrupt = ("model-00002-of-00003.safetensors",)
    with pytest.raises(StudioError) as caught:
        door(studio)
    assert caught.value.code == "wrong_checksum" and "model-00002-of-00003.safetensors" in str(caught.value)
    check_nothing_is_held(studio)
    assert refused(studio, door, *files_in(studio)).code == "wrong_checksum"
    hub.trouble.corrupt = ()
    door(studio)
    assert answers(studio) and len(hub.asked("model-00001-of-00003.safetensors")) == 1
    folder = studio.settings.cache_dir / "models" / NAME
    assert (folder / "model-00002-of-00003.safetensors").read_bytes() == shards["model-00002-of-00003.safetensors"]


# -- 9. the disk fills up


def full_after(room: int):
    """A disk with room for so many bytes more."""
    write = transfer.Transfer._write

    def written(self, part, chunk, limit_bytes):
        nonlocal room
        room -= len(chunk)
        if room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, part, chunk, limit_bytes)

    return written


@by_load_and_chat
def test_a_disk_that_fills_up_half_way(studio, tiny, monkeypatch, door):
    with monkeypatch.context() as patch:
        patch.setattr(transfer.Transfer, "_write", full_after(300_000))
        with pytest.raises(StudioError):
            door(studio)
        check_nothing_is_held(studio)
        kept = files_in(studio)
        patch.setattr(transfer.Transfer, "_write", full_after(0))
        error = refused(studio, door, *kept)
    assert error.code == "no_disk" and "MM_CACHE_DIR" in str(error) and staged(studio.settings.cache_dir)
    assert error.values["need_mb"] < 1.1  # what is still missing
    door(studio)
    assert answers(studio) and tiny.asked("model.safetensors")[-1].first_byte > 250_000


@pytest.mark.parametrize("where", ["fsync", "replace", "stamp"])
def test_a_disk_that_is_full_at_the_very_end(studio, tiny, monkeypatch, where):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    last = {"fsync": (delivery.os, "fsync"), "replace": (delivery.os, "replace"), "stamp": (weights.stamp, "save")}
    with monkeypatch.context() as patch:
        patch.setattr(*last[where], full)
        with pytest.raises(StudioError):
            studio.load(NAME)
        error = refused(studio, DOORS["load"], *files_in(studio))
    assert error.code == "no_disk" and error.values["need_mb"] >= 1
    sent = tiny.sent("model.safetensors")
    assert answers(studio) and tiny.sent("model.safetensors") == max(sent, len(WEIGHTS))


# -- 10. revisions


def fetched(studio: Studio) -> bytes:
    return (studio.settings.cache_dir / "models" / NAME / "model.safetensors").read_bytes()


MOVED = FILES | {"model.safetensors": OTHER}


def test_a_branch_that_moves_during_a_download_changes_nothing_of_it(studio, tiny):
    first, moved = tiny.repositories[REPO].refs["main"], False
    tiny.trouble.pause_s = 0.01
    for step in studio.stream_load(NAME):
        if isinstance(step, Progress) and step.stage == "download" and step.done > 100_000 and not moved:
            moved = tiny.repositories[REPO].commit(MOVED)
    assert moved and studio.commit(NAME) == first and fetched(studio) == WEIGHTS and answers(studio)


def test_a_commit_that_is_gone_during_a_download(studio, tiny):
    repository = tiny.repositories[REPO]
    first = repository.refs["main"]
    tiny.trouble.cut_after, tiny.trouble.cuts = 100_000, 1
    tiny.trouble.pause_s = 0.02

    def rewritten(progress: Progress) -> None:
        if progress.stage == "download" and progress.done > 50_000 and first in repository.commits:
            repository.commit(MOVED)
            del repository.commits[first]

    with pytest.raises(StudioError) as caught:
        studio.load(NAME, rewritten)
    assert caught.value.code == "revision_moved" and REPO in str(caught.value)
    check_sentence(str(caught.value), studio.settings.cache_dir)
    check_nothing_is_held(studio)
    assert answers(studio) and fetched(studio) == OTHER and studio.commit(NAME) == repository.refs["main"]


def test_a_branch_that_moved_between_two_starts_changes_nothing(studio, tiny, tmp_path):
    studio.load(NAME)
    first = studio.commit(NAME)
    studio.close()
    tiny.repositories[REPO].commit(MOVED)
    tiny.requests.clear()
    again = opened(tmp_path)
    assert answers(again) and again.commit(NAME) == first and tiny.requests == []
    row = next(row for row in again.catalogue() if row.name == NAME)
    for language in ("en", "zh"):
        card = cards.catalogue([Offer(row, again.plan(NAME), True, commit=first)], again.status(), language)
        assert first[:12] in card
    again.close()


def test_what_is_repaired_comes_from_the_commit_that_is_here(studio, tiny):
    folder = studio.fetch(NAME)
    first = studio.commit(NAME)
    tiny.repositories[REPO].commit(MOVED | {"tokenizer.json": b'{"new": 1}'})
    (folder / "model.safetensors").unlink()
    assert answers(studio) and fetched(studio) == WEIGHTS and studio.commit(NAME) == first
    (folder / "model.safetensors").unlink()
    del tiny.repositories[REPO].commits[first]
    studio.unload(NAME)
    assert answers(studio) and fetched(studio) == OTHER and (folder / "tokenizer.json").read_bytes() == b'{"new": 1}'


def test_a_revision_that_is_not_there(studio, tiny):
    write_row(studio, "other", revision="v9")
    error = refused(studio, lambda studio: studio.load("other"))
    assert error.code == "no_such_revision" and "v9" in str(error) and REPO in str(error)


# -- 11. two models that do not fit together


@pytest.fixture
def pair(tmp_path, hub):
    """A studio whose budget holds one of two models."""
    made = opened(tmp_path, 3 * GIB)
    for name in ("one", "two"):
        hub.publish(f"maker/{name}", FILES)
        write_row(made, name, repo=f"maker/{name}", download_mb=1000)
    yield made
    made.close()


def in_a_thread(studio: Studio, name: str, seen: list) -> threading.Thread:
    """Somebody who loads a model and watches; a refusal is the last that is seen."""

    def watch():
        try:
            seen.extend(studio.stream_load(name))
        except StudioError as error:
            seen.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_two_who_load_two_models_at_the_same_moment_get_their_turns(pair, hub):
    hub.trouble.pause_s = 0.005
    seen = {name: [] for name in ("one", "two")}
    threads = [in_a_thread(pair, name, steps) for name, steps in seen.items()]
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for steps in seen.values():
        stages = [step.stage for step in steps if isinstance(step, Progress)]
        assert {"download", "load"} <= set(stages) and not isinstance(steps[-1], StudioError)
    assert len(pair.status().loaded) == 1
    assert answers(pair, "one") and answers(pair, "two")


def test_who_waits_for_a_model_in_use_gets_the_turn_after_it(pair):
    waited: list = []
    with closing(pair.stream_chat([Message("user", "Hello")], model="one")) as stream:
        next(step for step in stream if not isinstance(step, Progress))
        thread = in_a_thread(pair, "two", waited)
        until(lambda: any(step.stage == "wait" for step in list(waited) if isinstance(step, Progress)))
        assert thread.is_alive() and [entry.name for entry in pair.status().loaded] == ["one"]
    thread.join(60)
    assert isinstance(waited[-1], Loaded) and waited[-1].name == "two" and not thread.is_alive()


def test_who_waits_too_long_is_told_what_is_in_use(pair):
    pair.store._patience_s = 0.3
    with closing(pair.stream_chat([Message("user", "Hello")], model="one")) as stream:
        next(step for step in stream if not isinstance(step, Progress))
        with pytest.raises(StudioError) as caught:
            pair.load("two")
        assert caught.value.code == "memory_in_use" and "one" in str(caught.value).split(".", 1)[1]
        for language in ("en", "zh"):
            check_sentence(error_sentence(caught.value, language), pair.settings.cache_dir)
        assert [entry.name for entry in pair.status().loaded] == ["one"]
        assert [*stream][-1].done
    assert answers(pair, "two")


# -- 12. odd repositories and odd names


@by_every_door
def test_an_empty_repository(studio, hub, door):
    hub.publish(REPO, {})
    error = refused(studio, door)
    assert error.code == "no_such_weights" and REPO in str(error)


HUGE = b'{"model_type": "qwen2_vl", "x": "' + b"x" * 5_000_000 + b'"}'


@pytest.mark.parametrize("config", [b"<html>", b"[1, 2]", b"\xff\xfe", b"[" * 100_000, b"", HUGE])
def test_a_configuration_that_is_none_is_refused_when_it_is_added(studio, hub, config):
    hub.publish(REPO, FILES | {"config.json": config})
    error = refused(studio, ADD["add"])
    assert error.code == "bad_config" and REPO in str(error) and "4 MB" in str(error)


def test_a_configuration_that_grows_on_the_way_is_cut(studio, tiny):
    tiny.trouble.other_sizes = {"config.json": 50_000_000}
    assert refused(studio, ADD["add"]).code == "bad_config"
    assert tiny.sent("config.json") < 10_000_000


@by_load_and_chat
def test_a_huge_configuration_is_not_fetched(studio, hub, door):
    hub.publish(REPO, FILES | {"config.json": HUGE})
    assert refused(studio, door).code == "bad_config" and hub.asked() == []


@pytest.mark.parametrize(
    "repo",
    [
        "../..",
        "maker/..",
        "maker/../tiny",
        "maker\u2215tiny",
        "ｍaker/tiny",
        "maker/tiny\u202e",
        "mаker/tiny",
        "a/b/c",
    ],
)
def test_a_name_that_is_none(studio, tiny, repo):
    write_row(studio, "other", repo=repo)
    for door in (lambda studio: studio.add(repo, "chat"), lambda studio: studio.load("other")):
        error = refused(studio, door, *files_in(studio))
        assert error.code == "bad_repo_name"
    assert tiny.requests == []


PASTED = [
    "https://huggingface.co/maker/tiny",
    "http://www.huggingface.co/maker/tiny/",
    "huggingface.co/maker/tiny?library=transformers#usage",
    "https://hf.co/maker/tiny/tree/main",
    "https://someone:secret@huggingface.co/maker/tiny/blob/main/config.json",
    "  {hub}/maker/tiny  ",
]


@pytest.mark.parametrize("address", PASTED)
def test_the_address_of_a_page_is_taken_for_its_repository(studio, tiny, address):
    row = studio.add(address.format(hub=tiny.address), "chat")
    assert (row.name, row.hub.repo) == ("tiny", REPO) and row.hub.revision == tiny.repositories[REPO].refs["main"]


def test_the_address_of_a_revision_is_taken_for_that_revision(studio, tiny):
    other = tiny.repositories[REPO].commit(MOVED, "refs/pr/1")
    assert studio.add("https://huggingface.co/maker/tiny/tree/refs%2Fpr%2F1", "chat").hub.revision == other
    error = refused(studio, lambda studio: studio.add("https://huggingface.co/maker/tiny/tree/v9", "chat"))
    assert error.code == "no_such_revision"


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/maker/tiny",
        "https://huggingface.co.example.org/maker/tiny",
        "https://huggingface.co@example.org/maker/tiny",
        "https://huggingface.co/datasets/maker/tiny",
        "https://huggingface.co/maker",
        "https://huggingface.co/maker/%2e%2e",
        "https://[/maker/tiny",
        "file:///etc/passwd",
    ],
)
def test_any_other_address_is_refused_and_never_asked(studio, tiny, address):
    error = refused(studio, lambda studio: studio.add(address, "chat"))
    assert error.code == "bad_repo_name" and "owner/name" in str(error) and tiny.requests == []


def test_a_repository_with_names_that_no_disk_takes(studio, tiny):
    tiny.publish(REPO, FILES | {"x" * 300 + ".json": b"{}", "tab\t.json": b"{}", "图.json": b"{}"})
    assert answers(studio)
    assert names_in(studio.settings.cache_dir / "models" / NAME) == {*FILES, "图.json", ".complete.json"}


# -- 13. a hub in trouble


def test_a_hub_whose_bytes_trickle_shows_them_and_comes_to_its_end(studio, tiny):
    tiny.trouble.pause_s = 0.03
    done = [step.done for step in studio.stream_load(NAME) if isinstance(step, Progress) and step.stage == "download"]
    assert len(set(done)) > 8 and done == sorted(done) and answers(studio)


@by_every_door
def test_a_hub_that_fails_once_is_asked_again(studio, tiny, door):
    tiny.trouble.failures = 2
    door(studio)
    assert 500 in {request.status for request in tiny.requests} and answers(studio)


@by_every_door
def test_a_hub_that_fails_and_recovers(studio, tiny, door):
    tiny.trouble.status = 500
    assert refused(studio, door).code == "hub_unreachable"
    tiny.trouble.status = 0
    door(studio)
    assert answers(studio)


def test_a_hub_that_dies_half_way_and_returns_in_time(studio, tiny, monkeypatch):
    monkeypatch.setattr(transfer, "PAUSE_S", 0.3)
    tiny.trouble.pause_s = 0.02
    returned: list[HubStandIn] = []

    def dead_for_a_while():
        tiny.die()
        time.sleep(0.5)
        returned.append(HubStandIn(port=tiny.server_address[1]))
        returned[0].publish(REPO, FILES)

    thread = threading.Thread(target=dead_for_a_while)
    for step in studio.stream_load(NAME):
        if isinstance(step, Progress) and step.done > 300_000 and not thread.ident:
            thread.start()
    thread.join()
    with returned[0] as hub:
        assert answers(studio) and fetched(studio) == WEIGHTS
        assert hub.asked("model.safetensors")[-1].first_byte > 250_000


@by_load_and_chat
def test_a_hub_that_dies_half_way_and_returns_the_next_day(tmp_path, studio, monkeypatch, plain_environment, door):  # noqa: F811
    with HubStandIn() as first:
        use_hub(monkeypatch, first.address)
        first.publish(REPO, FILES)
        first.trouble.pause_s = 0.02
        with pytest.raises(StudioError) as caught:
            for step in studio.stream_load(NAME):
                if isinstance(step, Progress) and step.done > 300_000:
                    first.die()
    assert caught.value.code == "hub_unreachable"
    kept = files_in(studio)
    assert refused(studio, door, *kept).code == "hub_unreachable" and staged(studio.settings.cache_dir)
    with HubStandIn() as second:
        use_hub(monkeypatch, second.address)
        second.publish(REPO, FILES)
        door(studio)
        assert answers(studio) and fetched(studio) == WEIGHTS
        assert second.asked("model.safetensors")[0].first_byte > 250_000


# -- 14. offline


@by_every_door
def test_offline_without_the_files(studio, tiny, monkeypatch, door):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    error = refused(studio, door)
    assert error.code == "hub_offline" and "HF_HUB_OFFLINE" in str(error) and tiny.requests == []
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    door(studio)
    assert answers(studio)


def test_offline_with_the_files(studio, tiny, monkeypatch, tmp_path):
    studio.fetch(NAME)
    tiny.requests.clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert answers(studio) and answers(opened(tmp_path)) and tiny.requests == []
