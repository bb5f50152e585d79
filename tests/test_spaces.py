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


#: The page on the platform's own wrapper: each handler in a forked process, what goes in and out pickled. Its
#: scheduler and its GPU are not here.
PAGE = """
import multiprocessing, os
from types import SimpleNamespace
import gradio.media
import spaces
from spaces.zero import client, config, torch as zero

lent = []
client.schedule = lambda **asked: lent.append(asked) or SimpleNamespace(
    allowToken="t", nvidiaIndex=0, nvidiaUUID="u", idle=True)
client.release = client.allow = client.startup_report = zero.init = zero.move = lambda *_, **__: None
client.get_duration_seconds = lambda *_: 60
config.get_config = lambda: {"xlarge_threshold": None}
zero.size = lambda: 0

from gradio_client import Client, handle_file
from demo import layout
from mmcore import Studio

studio = Studio()
blocks = layout.build(studio)
layout.launch(blocks, max_file_bytes=10**8, server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
page = Client(blocks.local_url, verbose=False)
picture = handle_file(gradio.media.get_image("cheetah.jpg"))
said = page.predict("What is this?", api_name="/chat")["text"]
labels = page.predict(picture, "cat, dog", api_name="/classify")["labels"]
steps = list(page.submit("Tell me more.", api_name="/chat"))
print(bool(said), len(labels), len(steps) > 2, len(lent), studio.status().loaded, flush=True)
for child in multiprocessing.active_children():
    child.kill()
os._exit(0)
"""


def run(script: str, place: Path) -> str:
    """The last line that a process of its own prints: the platform's package changes torch for good."""
    paths, told = os.pathsep.join((str(ROOT), str(ROOT / "tests"))), place / "told"
    with told.open("w") as out:
        status = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, str(place)],
            env=os.environ | ZERO | {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"},
            stdout=out,
            stderr=out,
            timeout=240,
        ).returncode
    assert status == 0, told.read_text()[-2000:]
    return told.read_text().strip().splitlines()[-1]


@pytest.mark.tiny
def test_a_model_loaded_before_the_first_visitor_is_handed_over_to_the_gpu(tmp_path):
    assert run(PRELOAD, tmp_path) == "cuda bf16 cuda True"


@pytest.mark.tiny
def test_each_answer_is_worked_out_in_a_process_that_is_lent_the_gpu(tmp_path):
    assert run(PAGE, tmp_path) == "True 2 True 3 ()"


def test_models_are_not_loaded_by_hand_where_they_would_not_stay():
    studio = Studio(Settings(profile="fake", zero_gpu=True, operator=True))
    with pytest.raises(InputError, match="when the Space starts"):
        operator.check(studio, None, {})
