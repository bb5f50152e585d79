"""The catalogue is data: complete rows, defaults, and the user's own file."""

from __future__ import annotations

import pytest

from mmcore import catalog
from mmcore.errors import InputError, ModelError
from mmcore.settings import GIB, Settings
from mmcore.types import TASKS

OWN = """
[[model]]
name = "my-chat"
task = "chat"
backend = "llama"
licence = "MIT"
memory_mb = 700
[[model.files]]
name = "model.gguf"
folder = "somewhere"
"""


@pytest.mark.parametrize("row", catalog.EMBEDDED, ids=lambda row: row.name)
def test_a_built_in_row_says_what_it_is_and_where_it_comes_from(row):
    assert row.task in TASKS
    assert row.licence and row.source and row.can and row.cannot and row.precision
    assert row.memory_bytes > 0
    for file in row.files:
        assert len(file.sha256) == 64 and file.size_bytes > 0 and file.parts


@pytest.mark.parametrize("profile", ["embedded", "fake"])
@pytest.mark.parametrize("task", [row.task for row in catalog.FAKE])
def test_each_profile_has_a_model_for_each_task(profile, task):
    assert catalog.for_task(task, profile)


def test_names_are_unique():
    names = [row.name for row in catalog.rows()]
    assert len(names) == len(set(names))


def test_the_default_chat_model_is_the_half_billion_one():
    assert catalog.for_task("chat", "embedded")[0].name == "qwen2.5-0.5b"


def test_opt_in_chat_models_are_not_in_the_default_set():
    names = {row.name for row in catalog.default_set("embedded")}
    assert "qwen2.5-0.5b" in names and "whisper-base" in names
    assert "qwen2.5-1.5b" not in names


def test_a_users_file_adds_a_row(tmp_path):
    path = tmp_path / "models.toml"
    path.write_text(OWN)
    row = catalog.find("my-chat", path)
    assert (row.task, row.memory_bytes, row.files[0].folder, row.tried) == ("chat", 700 * 10**6, "somewhere", False)
    assert row in catalog.for_task("chat", "embedded", path)


def test_a_users_row_takes_the_place_of_a_built_in_one_of_its_name(tmp_path):
    path = tmp_path / "models.toml"
    path.write_text(OWN.replace("my-chat", "qwen2.5-0.5b"))
    assert catalog.for_task("chat", "embedded", path)[0].files[0].folder == "somewhere"
    assert len([row for row in catalog.rows(path) if row.name == "qwen2.5-0.5b"]) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[model]\n", "Expected"),
        (OWN.replace('task = "chat"', 'task = "cooking"'), "task of my-chat must be one of"),
        (OWN.replace('licence = "MIT"', ""), "missing 'licence'"),
        (OWN.replace('"model.gguf"', '"../../etc/passwd"'), "plain name"),
        (OWN.replace('folder = "somewhere"', ""), "either folder or parts"),
    ],
)
def test_a_wrong_users_file_is_refused_with_its_reason(tmp_path, text, reason):
    path = tmp_path / "models.toml"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"models\.toml could not be read") as refusal:
        catalog.rows(path)
    assert reason in str(refusal.value)


def test_an_unknown_model_is_refused_with_the_choices():
    with pytest.raises(ModelError, match=r"no model named gpt-9.*qwen2\.5-0\.5b"):
        catalog.find("gpt-9")


def test_settings_come_from_the_environment_and_arguments_win(tmp_path):
    env = {"MM_PROFILE": "fake", "MM_BUDGET_GIB": "1.5", "MM_THREADS": "3", "MM_CACHE_DIR": str(tmp_path)}
    settings = Settings.from_env(env)
    assert (settings.profile, settings.threads, settings.cache_dir) == ("fake", 3, tmp_path)
    assert settings.budget_bytes == int(1.5 * GIB)
    assert Settings.from_env(env, profile="embedded").profile == "embedded"


@pytest.mark.parametrize("env", [{"MM_THREADS": "many"}, {"MM_BUDGET_GIB": "-1"}, {"MM_PROFILE": "quantum"}])
def test_a_wrong_setting_is_refused_by_its_name(env):
    with pytest.raises(InputError, match=next(iter(env))):
        Settings.from_env(env)
