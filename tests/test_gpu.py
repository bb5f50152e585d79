"""Models on a GPU: planned, loaded at each precision, answering, stopped, freed. Skipped where there is none."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from tiny_rows import CHATS, SCORERS, SPEECH, image_medium, made, opened, picture, sound

from mmcore import Settings
from mmcore.device import Hardware, Room, default_room, has_gpu
from mmcore.errors import RanOut
from mmcore.store import Store
from mmcore.types import Delta, Message, ModelSpec, Plan, Precision, Sampling

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not has_gpu(), reason="no GPU")]

QUESTION = [Message("user", "What do you see?", media=(image_medium(),))]
PRECISIONS = ("bf16", "int8", "nf4")


def on_gpu(precision: str) -> Plan:
    return Plan("cuda", precision, "a test", threads=2)


def held_bytes() -> int:
    import torch

    torch.cuda.synchronize()
    return torch.cuda.memory_allocated()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(("tiny_chats", "middling"), tmp_path_factory.mktemp("middling"))


def test_the_gpu_is_seen_with_its_memory_and_models_are_planned_on_it():
    hardware = Hardware.here(Settings()).with_accelerator()
    gpu = hardware.accelerator
    assert gpu.kind == "cuda" and gpu.name and 0 < gpu.free_bytes <= gpu.total_bytes
    assert 0 < default_room(hardware).device_bytes < gpu.free_bytes


@pytest.mark.parametrize("family", CHATS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_family_answers_and_gives_its_memory_back(family, precision, tmp_path):
    before_bytes = held_bytes()
    model = opened("chat", "transformers_chat", made(CHATS[family], tmp_path), plan=on_gpu(precision))
    sampling = Sampling(max_tokens=8, temperature=0)
    first, second = (["".join(p.text for p in answered(model, sampling))] for _ in range(2))
    assert first == second and first[0]
    assert held_bytes() > before_bytes
    model.close()
    assert held_bytes() <= before_bytes * 1.05 + 2**20


def answered(model, sampling: Sampling) -> list[Delta]:
    return [piece for piece in model.stream(QUESTION, sampling) if isinstance(piece, Delta)]


@pytest.mark.parametrize("family", SCORERS)
def test_scores_on_the_gpu_are_those_of_the_cpu(family, tmp_path):
    folder, pictures, labels = made(SCORERS[family], tmp_path), [picture(0), picture(1)], ["a boat", "a bird"]
    scores = []
    for plan in (Plan("cpu", "fp32", ""), Plan("cuda", "fp32", "")):
        model = opened("image-text", "transformers_scorer", folder, plan=plan)
        scores.append(model.score(pictures, labels))
        model.close()
    assert scores[0] == pytest.approx(scores[1], rel=1e-2, abs=1e-2)


@pytest.mark.parametrize("family", SPEECH)
def test_speech_models_run(family, tmp_path):
    model = opened("speech", "transformers_speech", made(SPEECH[family], tmp_path), plan=on_gpu("bf16"))
    list(model.segments(sound(2.0), language="en"))
    model.close()


def test_a_stop_ends_the_work(folder):
    model = opened("chat", "transformers_chat", folder, plan=on_gpu("bf16"))
    with closing(model.stream(QUESTION, Sampling(max_tokens=4000, temperature=0))) as stream:
        for piece in stream:
            if isinstance(piece, Delta):
                break
    assert not [thread for thread in threading.enumerate() if thread.name == "transformers-stream"]
    model.close()


def test_a_full_gpu_makes_the_next_precision_load_and_the_process_lives(folder, tmp_path):
    """The limit is torch's own, so that it is really reached."""
    import torch

    rungs = (Precision("bf16", 60 * 10**6), Precision("nf4", 30 * 10**6))
    row = ModelSpec("a", "A", "chat", "transformers_chat", "", "", memory_bytes=60 * 10**6, precisions=rungs)
    hardware = Hardware.here(Settings()).with_accelerator()
    fetch = lambda row, cache, report: folder  # noqa: E731
    store = Store(Settings(cache_dir=tmp_path), hardware, Room(10**9, 10**9), fetch=fetch)
    long = [Message("user", "the quick brown fox jumps " * 1500)]
    total_bytes = torch.cuda.get_device_properties(0).total_memory
    try:
        torch.cuda.set_per_process_memory_fraction((held_bytes() + 120 * 10**6) / total_bytes)
        with pytest.raises(RanOut), store.use(row) as model:
            list(model.stream(long, Sampling(max_tokens=2)))
        assert store.plan(row).precision == "nf4"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    with store.use(row) as model:
        assert list(model.stream(QUESTION, Sampling(max_tokens=2)))
    store.close()
