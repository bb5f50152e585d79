"""Rows of the user's own: of a hub's repository, written by hand or added by the operator."""

from __future__ import annotations

import json

import pytest
from hub_stand_in import HubStandIn
from PIL import Image
from test_hub import plain_environment, use_hub  # noqa: F401 - a fixture
from tiny_rows import CHATS, made, picture

from mmcore import Settings, Studio, catalog
from mmcore.catalog import own
from mmcore.device import plan
from mmcore.errors import InputError, ModelError, WeightsError
from mmcore.types import HubFile, HubSource, Message, Sampling

REPO = "maker/Tiny-VL"
HAND = """
# kept as it is
[[model]]
name = "my-eyes"
task = "chat"
licence = "MIT"
download_mb = 4000
hub = { repo = "maker/eyes", revision = "v1" }
"""
FILES = {
    "config.json": json.dumps({"model_type": "llava"}).encode(),
    "model.safetensors": b"w" * 3_000_000,
    "tokenizer.json": b"{}",
}
GGUF = {"tiny-Q4_K_M.gguf": b"g" * 2_000_000, "tiny-Q8_0.gguf": b"g" * 4_000_000}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "models.toml"


@pytest.fixture
def hub(monkeypatch, plain_environment):  # noqa: F811
    with HubStandIn() as served:
        use_hub(monkeypatch, served.address)
        served.publish(REPO, FILES, pipeline_tag="image-text-to-text", license="apache-2.0")
        yield served


@pytest.fixture
def studio(file, tmp_path):
    made = Studio(Settings(profile="embedded", cache_dir=tmp_path / "cache", models_file=file))
    yield made
    made.close()


# -- written by hand


def test_a_hub_rows_backend_precisions_and_memory_follow_from_task_and_size(file):
    file.write_text(HAND)
    row = catalog.find("my-eyes", file)
    assert (row.backend, row.profile, row.tried) == ("transformers_chat", "hub", False)
    assert row.hub == HubSource("maker/eyes", "v1") and row.download_bytes == 4 * 10**9
    memory = {rung.name: rung.memory_bytes for rung in row.precisions}
    assert list(memory) == ["bf16", "fp16", "int8", "nf4"]
    assert 4 * 10**9 < memory["bf16"] < 8 * 10**9 and memory["nf4"] < memory["int8"] < memory["bf16"]


@pytest.mark.parametrize(
    ("task", "backend"), [("image-text", "transformers_scorer"), ("speech", "transformers_speech")]
)
def test_other_tasks_of_a_hub_have_their_backends(file, task, backend):
    file.write_text(HAND.replace('task = "chat"', f'task = "{task}"'))
    assert catalog.find("my-eyes", file).backend == backend


def test_a_gguf_row_runs_on_llama_as_it_comes(file):
    file.write_text(HAND.replace('revision = "v1"', 'patterns = ["eyes-Q4_K_M.gguf"]'))
    row = catalog.find("my-eyes", file)
    assert (row.backend, row.precision, row.precisions) == ("llama", "q4_k_m", ())
    assert row.memory_bytes > row.download_bytes


def test_a_gguf_row_with_encoders_sees_and_needs_more_memory(file):
    plain = 'patterns = ["eyes-Q4_K_M.gguf"]'
    sees = 'patterns = ["mmproj-eyes-F16.gguf", "eyes-Q4_K_M.gguf"]'
    rows = [own.parse(HAND.replace('revision = "v1"', told), "x")[0] for told in (plain, sees)]
    assert [row.modalities for row in rows] == [("text",), ("text", "image", "video")]
    assert [row.precision for row in rows] == ["q4_k_m", "q4_k_m"]
    assert rows[0].memory_bytes < rows[1].memory_bytes
    told = HAND.replace('revision = "v1"', sees) + 'modalities = ["text", "image"]'
    assert own.parse(told, "x")[0].modalities == ("text", "image")


def test_a_file_of_a_row_may_come_from_a_repository_when_its_checksum_is_told(file):
    text = """
    [[model]]
    name = "mine"
    task = "chat"
    backend = "llama"
    licence = "MIT"
    [[model.files]]
    name = "model.gguf"
    size_bytes = 1000
    sha256 = "{sha256}"
    hub = {{ repo = "maker/eyes", revision = "v1", path = "builds/eyes.gguf" }}
    """
    file.write_text(text.format(sha256="a" * 64))
    row = catalog.find("mine", file)
    assert row.files[0].hub == HubFile("maker/eyes", "v1", "builds/eyes.gguf") and row.download_bytes == 1000
    assert row.memory_bytes > 1000
    for wrong, reason in (
        (text.format(sha256=""), "needs its sha256"),
        (text.format(sha256="a" * 64).replace('revision = "v1",', ""), "missing 'revision'"),
    ):
        with pytest.raises(ModelError, match=reason):
            own.parse(wrong, "models.toml")


@pytest.mark.parametrize("name", ["../up", "a/b", "..", ".hidden", "", "a b", "x" * 200, "a\\\\b", "C:x"])
@pytest.mark.parametrize("text", [HAND, HAND.replace("download_mb", "memory_mb").split("hub =")[0] + "backend='llama'"])
def test_a_name_that_is_no_folder_name_is_refused(file, name, text):
    file.write_text(text.replace('"my-eyes"', f'"{name}"'))
    with pytest.raises(ModelError, match="becomes the name of a folder"):
        catalog.rows(file)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("download_mb = 4000", "", "missing 'download_mb'"),
        ('task = "chat"', 'task = "sounds"', "must be one of chat, image-text, speech"),
        ('{ repo = "maker/eyes", revision = "v1" }', '{ revision = "v1" }', "missing 'repo'"),
        ('{ repo = "maker/eyes", revision = "v1" }', '"maker/eyes"', "models.toml"),
    ],
)
def test_a_wrong_hub_row_is_refused_with_its_reason(file, old, new, reason):
    file.write_text(HAND.replace(old, new))
    with pytest.raises(ModelError) as refusal:
        catalog.rows(file)
    assert refusal.value.code == "bad_models_file" and reason in str(refusal.value)


# -- added by the operator


def test_looking_a_repository_up_tells_size_and_licence_and_fetches_no_weights(studio, hub):
    facts = studio.describe(REPO, "chat")
    assert (facts.licence, facts.gated, facts.download_bytes) == ("apache-2.0", False, sum(map(len, FILES.values())))
    assert hub.sent(".safetensors") == 0


def test_an_added_repository_is_a_row_pinned_to_its_commit(studio, hub, file):
    row = studio.add(REPO, "chat")
    assert (row.name, row.title, row.task, row.backend) == ("tiny-vl", "Tiny-VL", "chat", "transformers_chat")
    assert row.hub.revision == hub.repositories[REPO].refs["main"] and row.licence == "apache-2.0"
    assert row.modalities == ("text", "image")
    assert catalog.find("tiny-vl", file) == row and row in studio.catalogue()
    assert plan(row, studio.store.hardware, studio.settings).precision in [rung.name for rung in row.precisions]


def test_an_added_repository_can_be_fetched_and_is_then_a_choice(studio, hub):
    row = studio.add(REPO, "chat")
    assert row not in studio.choices("chat")
    folder = studio.fetch(row.name)
    assert (folder / "model.safetensors").stat().st_size == 3_000_000
    assert row in studio.choices("chat") and studio.choices("chat")[0].name == "qwen2.5-0.5b"


def test_a_gguf_repository_is_added_with_one_build(studio, hub):
    hub.publish("maker/tiny-gguf", GGUF, pipeline_tag="text-generation")
    row = studio.add("maker/tiny-gguf", "chat")
    assert (row.backend, row.precision, row.download_bytes) == ("llama", "q4_k_m", 2 * 10**6)


@pytest.mark.parametrize(
    ("tag", "modalities"),
    [
        ("image-text-to-text", ("text", "image", "video")),
        ("text-generation", ("text", "image", "video")),
        ("any-to-any", ("text", "image", "video", "audio")),
        ("audio-text-to-text", ("text", "audio")),
    ],
)
def test_a_gguf_repository_with_encoders_is_added_with_what_it_takes(studio, hub, tag, modalities):
    hub.publish("maker/tiny-gguf", GGUF | {"mmproj-tiny-F16.gguf": b"m" * 1_000_000}, pipeline_tag=tag)
    row = studio.add("maker/tiny-gguf", "chat")
    assert (row.modalities, row.precision, row.download_bytes) == (modalities, "q4_k_m", 3 * 10**6)


def test_adding_twice_keeps_one_row_and_comments_of_the_file_stay(studio, hub, file):
    file.write_text(HAND)
    studio.add(REPO, "chat")
    studio.add(REPO, "chat")
    assert [row.name for row in own.parse(file.read_text(), "x")] == ["my-eyes", "tiny-vl"]
    assert "# kept as it is" in file.read_text()


def test_another_owners_repository_of_the_same_name_gets_its_owner_in_front(studio, hub):
    hub.publish("other/Tiny-VL", FILES, pipeline_tag="image-text-to-text")
    assert [studio.add(repo, "chat").name for repo in (REPO, "other/Tiny-VL")] == ["tiny-vl", "other--tiny-vl"]


def test_a_file_that_cannot_be_read_is_left_alone(studio, hub, file):
    file.write_text("[[model]\n")
    with pytest.raises(ModelError, match=r"models\.toml could not be read"):
        own.add(file, {"name": "x"})
    assert file.read_text() == "[[model]\n"


def test_bytes_that_are_no_text_and_what_is_no_file_are_refused_in_a_sentence(file):
    entry = {"name": "x", "task": "chat", "licence": "MIT", "download_mb": 1, "hub": {"repo": "a/b"}}
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match=r"models\.toml could not be read.*UnicodeDecodeError"):
        own.add(file, entry)
    assert file.read_bytes() == b"\xff\xfe\x00"
    file.unlink()
    file.mkdir()
    with pytest.raises(ModelError, match=r"models\.toml could not be read.*IsADirectoryError"):
        own.add(file, entry)


def test_a_row_that_cannot_be_read_is_not_written(file):
    file.write_text(HAND)
    with pytest.raises(ModelError):
        own.add(file, {"name": "../x", "task": "chat", "licence": "MIT", "download_mb": 1, "hub": {"repo": "a/b"}})
    assert file.read_text() == HAND and [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("repo", "task", "files", "card", "code"),
    [
        ("not a name", "chat", {}, {}, "bad_repo_name"),
        ("maker/absent", "chat", {}, {}, "no_such_repo"),
        ("maker/it", "chat", {"pytorch_model.bin": b"x"}, {}, "pickle_only"),
        ("maker/it", "speech", FILES, {"pipeline_tag": "image-text-to-text"}, "wrong_repo_task"),
        ("maker/it", "cooking", FILES, {}, "bad_option"),
    ],
)
def test_a_repository_that_cannot_be_used_is_refused_and_nothing_is_written(
    studio, hub, file, repo, task, files, card, code
):
    if files:
        hub.publish(repo, files, **card)
    with pytest.raises((InputError, WeightsError)) as refusal:
        studio.add(repo, task)
    assert refusal.value.code == code and not file.exists()


def test_code_of_its_own_is_refused_unless_the_library_has_that_kind_itself(studio, hub):
    config = {"model_type": "qwen2_vl", "auto_map": {"AutoModel": "modeling.Own"}}
    hub.publish("maker/known", FILES | {"config.json": json.dumps(config).encode()})
    strange = json.dumps(config | {"model_type": "nobody_knows"}).encode()
    hub.publish("maker/strange", FILES | {"config.json": strange})
    assert studio.describe("maker/known", "chat").needs_remote_code
    with pytest.raises(WeightsError, match="code of its own"):
        studio.describe("maker/strange", "chat")


def test_without_a_models_file_nothing_is_added(tmp_path, hub):
    with pytest.raises(ModelError, match="MM_MODELS_FILE"):
        Studio(Settings(profile="embedded", cache_dir=tmp_path)).add(REPO, "chat")


def test_a_whisper_of_a_hub_may_run_on_ctranslate2(file):
    head = '[[model]]\nname = "my-ears"\ntask = "speech"\nbackend = "faster_whisper"\nlicence = "MIT"\n'
    file.write_text(head + 'download_mb = 967\nhub = { repo = "maker/whisper" }\n')
    row, known = catalog.find("my-ears", file), catalog.find("whisper-small")
    assert (row.convert, row.devices) == (known.convert, known.devices)
    assert [rung.name for rung in row.precisions] == [rung.name for rung in known.precisions]
    assert row.memory_bytes == pytest.approx(known.memory_bytes, rel=0.05)


# -- a folder of this machine


FOLDER = '[[model]]\nname = "mine"\ntask = "chat"\nlicence = "mine"\nfolder = "{place}"\n'


def test_a_folders_files_are_taken_but_what_could_be_code(file, tmp_path):
    place = tmp_path / "finetune"
    place.mkdir()
    for name in ("model.safetensors", "tokenizer.json", "modeling.py", "pytorch_model.bin"):
        (place / name).write_bytes(b"x" * 10**6)
    (place / "config.json").write_text('{"vision_config": {}, "audio_config": {}}')
    file.write_text(FOLDER.format(place=place))
    row = catalog.find("mine", file)
    assert [found.name for found in row.files] == ["config.json", "model.safetensors", "tokenizer.json"]
    assert row.modalities == ("text", "image", "video", "audio")
    assert row.backend == "transformers_chat" and row.precisions[0].name == "bf16"


def test_a_folder_of_gguf_files_runs_on_llama(file, tmp_path):
    for name in ("mine-Q4_K_M.gguf", "mmproj-F16.gguf", "config.json"):
        (tmp_path / name).write_bytes(b"x" * 10**6)
    file.write_text(FOLDER.format(place=tmp_path))
    row = catalog.find("mine", file)
    assert (row.backend, row.precision, row.modalities) == ("llama", "q4_k_m", ("text", "image", "video"))


def test_a_folder_that_is_not_there_is_told_when_its_model_is_loaded(file, tmp_path):
    file.write_text(FOLDER.format(place=tmp_path / "gone"))
    studio = Studio(Settings(profile="fake", cache_dir=tmp_path, models_file=file))
    with pytest.raises(ModelError, match=r"config\.json of mine was not found in gone"):
        studio.load("mine")


@pytest.mark.tiny
def test_a_checkpoint_in_a_folder_answers_about_a_picture(file, tmp_path):
    place = made(CHATS["qwen3_vl"], tmp_path / "finetune")
    file.write_text(FOLDER.format(place=place))
    Image.fromarray(picture()).save(tmp_path / "a.png")
    studio = Studio(Settings(profile="embedded", cache_dir=tmp_path / "cache", models_file=file))
    question = Message("user", "What?", files=(str(tmp_path / "a.png"),))
    answer = studio.chat([question], model="mine", sampling=Sampling(max_tokens=4, temperature=0))
    assert answer.completion_tokens == 4 and answer.prompt[-1].media and not answer.saw
    studio.close()
