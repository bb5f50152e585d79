"""ZeroGPU with its own package: what it does with models that are loaded before a GPU is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import operator
from mmcore import Settings, Studio
from mmcore.errors import InputError

ROOT = Path(__file__).parents[1]
#: The platform's settings; its API is never asked here.
ZERO = {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": "http://127.0.0.1:9", "MM_PROFILE": "fake"}

PRELOAD = """
import sys
from dataclasses import replace
from pathlib import Path
from tiny_rows import CHATS, made
from demo import spaces
from mmcore import Studio, catalog
from mmcore.device import Hardware, default_room

studio, place = Studio(), Path(sys.argv[1])
made(CHATS["qwen3_vl"], place)
row = catalog.find("qwen3-vl-2b")
spaces.gpu(len)
hardware = Hardware.here(studio.settings).with_accelerator()
studio.store.hardware, studio.store.room = hardware, default_room(hardware)
studio.choices = lambda task: (row,) if task == "chat" else ()
studio.store._fetch = lambda row, cache, report: place
spaces.preload(studio)
(loaded,) = studio.status().loaded
with studio.store.use(row) as model:
    devices = {parameter.device.type for parameter in model._model.parameters()}
from spaces.zero import torch as zero
print(loaded.device, loaded.precision, *devices, zero.pack() > 0)
"""


def run(script: str, *arguments: str) -> str:
    """What a process of its own prints: the platform's package changes torch for good."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments],
        env=os.environ | ZERO | {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.tiny
def test_a_model_loaded_before_the_first_visitor_is_handed_over_to_the_gpu(tmp_path):
    assert run(PRELOAD, str(tmp_path)) == "cuda bf16 cuda True"


def test_models_are_not_loaded_by_hand_where_they_would_not_stay():
    studio = Studio(Settings(profile="fake", zero_gpu=True, operator=True))
    with pytest.raises(InputError, match="when the Space starts"):
        operator.check(studio, None, {})
