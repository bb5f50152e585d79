"""Scenes described by a real vision-language runtime, on tiny random weights: its words follow from the pictures."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from made_media import write_clip
from tiny_rows import CHATS, made, picture

from mmcore import Settings, Studio
from mmcore.types import Caption

pytestmark = pytest.mark.tiny

ROW = """
[[model]]
name = "tiny-eyes"
title = "Tiny eyes"
task = "chat"
backend = "transformers_chat"
licence = "none"
profile = "fake"
precision = "fp32"
languages = ["en"]
modalities = ["text", "image", "video"]
"""
ONE, OTHER = 0, 1  # scenes, by the seed of their picture


@pytest.fixture(scope="module", params=["qwen3_vl", "lfm2_vl"])
def studio(request, tmp_path_factory):
    """On fakes, but for a chat model of a family that takes video, or of one that takes pictures alone."""
    folder = tmp_path_factory.mktemp(request.param)
    weights = made(CHATS[request.param], folder / "weights")
    files = "".join(f'[[model.files]]\nname = "{p.name}"\nfolder = "{weights}"\n' for p in sorted(weights.iterdir()))
    (folder / "models.toml").write_text(ROW + files)
    made_studio = Studio(Settings(profile="fake", cache_dir=folder / "cache", models_file=folder / "models.toml"))
    yield made_studio
    made_studio.close()


def film(folder: Path, *seeds: int) -> Path:
    """Two seconds of each picture."""
    return write_clip(folder / "film.mp4", [picture(seed, 96, 128) for seed in seeds for _ in range(20)])


def told(caption: Caption) -> list[str]:
    assert all(scene.told_by == "tiny-eyes" for scene in caption.of("scene"))
    return [scene.text for scene in caption.of("scene")]


def test_each_scene_has_words_that_follow_from_its_pictures(studio, tmp_path):
    one, other = told(studio.caption(film(tmp_path, ONE, OTHER)))
    assert one and other and one != other
    assert told(studio.caption(film(tmp_path, OTHER)))[0] == other, "whatever else the clip shows"
    caption = studio.caption(film(tmp_path, ONE, OTHER), words="zh")
    assert told(caption) != [one, other], "it is asked in Chinese"
    assert {stage.name: stage.model for stage in caption.stages}["describe"] == "tiny-eyes"


def test_a_stop_inside_a_scene_ends_the_runtime(studio, tmp_path):
    studio.caption(film(tmp_path, ONE))  # all is loaded
    before = threading.active_count()
    stream = studio.stream_caption(film(tmp_path, ONE, OTHER))
    next(step for step in stream if isinstance(step, Caption) and any(s.told_by for s in step.of("scene")))
    assert [model.name for model in studio.store.loaded() if model.in_use] == ["tiny-eyes"]
    stream.close()
    assert threading.active_count() == before and not any(model.in_use for model in studio.store.loaded())
