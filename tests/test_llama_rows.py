"""GGUF models with eyes through the studio: a row of the user's own files, and a repository added from a hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_stand_in import HubStandIn
from made_media import flat_pictures, write_clip
from PIL import Image
from test_hub import plain_environment, use_hub  # noqa: F401 - a fixture
from tiny_rows import picture

from mmcore import Message, Reply, Sampling, Settings, Studio

pytestmark = [pytest.mark.tiny, pytest.mark.transfer]

FILES = """
[[model]]
name = "my-eyes"
task = "chat"
backend = "llama"
licence = "MIT"
[[model.files]]
name = "{language}"
folder = '{folder}'
[[model.files]]
name = "{encoders}"
folder = '{folder}'
"""
BRIEF = Sampling(max_tokens=12, temperature=0)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    import tiny_gguf

    return tiny_gguf.qwen3_vl(tmp_path_factory.mktemp("qwen3_vl"))


@pytest.fixture
def studio(tmp_path):
    opened = Studio(
        Settings(profile="embedded", cache_dir=tmp_path / "cache", models_file=tmp_path / "models.toml", threads=1)
    )
    yield opened
    opened.close()


@pytest.fixture
def own(studio, made):
    encoders, language = sorted(path.name for path in made.glob("*.gguf"))
    studio.settings.models_file.write_text(FILES.format(folder=made, language=language, encoders=encoders))
    return studio


@pytest.fixture
def shown(tmp_path) -> list[str]:
    paths = [str(tmp_path / f"{seed}.png") for seed in range(2)]
    for seed, path in enumerate(paths):
        Image.fromarray(picture(seed)).save(path)
    return paths


def asked(studio: Studio, *files: str, model: str = "my-eyes") -> Reply:
    return studio.chat((Message("user", "What is it?", files),), model=model, sampling=BRIEF)


def test_a_picture_goes_into_a_model_of_the_users_own_files_itself(own, shown):
    one, other, again = (asked(own, path) for path in (*shown, shown[0]))
    assert one.text and one.text == again.text != other.text
    assert one.saw == () and [medium.kind for medium in one.prompt[-1].media] == ["image"]
    assert [loaded.name for loaded in own.status().loaded] == ["my-eyes"], "no other model looked at it"


def test_a_video_goes_in_as_frames_with_their_times(own, tmp_path):
    reply = asked(own, str(write_clip(tmp_path / "clip.mp4", flat_pictures(60, 640, 480))))
    (medium,) = reply.prompt[-1].media
    assert reply.text and medium.kind == "video" and 1 < len(medium.times_s) == len(medium.frames)
    assert max(medium.frames.shape[1:3]) <= 384


def test_both_files_count_as_memory(own, made):
    row = next(row for row in own.catalogue() if row.name == "my-eyes")
    assert row.memory_bytes > sum(path.stat().st_size for path in made.glob("*.gguf"))
    assert row.modalities == ("text", "image", "video")


def test_a_repository_with_encoders_is_added_loaded_and_asked_about_a_picture(
    studio,
    made,
    shown,
    monkeypatch,
    plain_environment,  # noqa: F811
):
    with HubStandIn() as hub:
        use_hub(monkeypatch, hub.address)
        hub.publish("maker/Tiny-VL-GGUF", made, pipeline_tag="image-text-to-text", license="apache-2.0")
        row = studio.add("maker/Tiny-VL-GGUF", "chat")
        one, other = (asked(studio, path, model=row.name) for path in shown)
    assert (row.backend, row.precision, row.modalities) == ("llama", "q4_k_m", ("text", "image", "video"))
    assert one.text and one.text != other.text and one.saw == ()
