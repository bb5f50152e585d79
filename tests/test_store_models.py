"""The store with real runtimes: two visitors load, use and free models in any order, within a budget."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from tiny_rows import CHATS, SPEECH, made, picture, sound

from mmcore.device import Hardware, Room
from mmcore.settings import Settings
from mmcore.store import Store, give_back_memory
from mmcore.types import Message, ModelSpec, Sampling

pytestmark = pytest.mark.tiny

MB = 10**6
BUDGET_MB = 100
STEPS = 200
FAMILIES = {
    "qwen3_vl": (CHATS["qwen3_vl"], "chat", "transformers_chat", 60),
    "lfm2_vl": (CHATS["lfm2_vl"], "chat", "transformers_chat", 40),
    "clip": (
        ("tiny_models", "wide_clip"),
        "image-text",
        "transformers_scorer",
        50,
    ),  # some 200 MB, so that a leak shows
    "whisper": (SPEECH["whisper"], "speech", "transformers_speech", 30),
}
FAKES = {"fake-small": ("chat", 10), "fake-large": ("image-classes", 90)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return {name: made(family[0], tmp_path_factory.mktemp(name)) for name, family in FAMILIES.items()}


def rows() -> list[ModelSpec]:
    real = [
        ModelSpec(name, name, task, backend, "", "", memory_bytes=size * MB, precision="fp32")
        for name, (_, task, backend, size) in FAMILIES.items()
    ]
    fake = [ModelSpec(name, name, task, "fake", "", "", memory_bytes=size * MB) for name, (task, size) in FAKES.items()]
    return [*real, *fake]


def used(row: ModelSpec, model) -> None:
    """A small piece of work, by the protocol of its task."""
    if row.task == "chat":
        pieces = list(model.stream([Message("user", "What?")], Sampling(max_tokens=3, temperature=0)))
        assert pieces[-1].usage.completion_tokens
    elif row.task == "image-text":
        assert model.score([picture()], ["a cat", "a dog"]).shape == (1, 2)
    elif row.task == "speech":
        list(model.segments(sound(1.0), language="en"))
    else:
        assert model.probabilities(np.zeros((1, 3, 224, 224), np.float32)).shape == (1, 1000)


def visit(store: Store, seed: int, steps: int) -> list[str]:
    """What was broken in ``steps`` random steps."""
    choice, broken = random.Random(seed), []
    for _ in range(steps):
        row = choice.choice(rows())
        action = choice.choice(("load", "use", "use", "evict"))
        if action == "evict":
            store.evict(row.name)
        elif action == "load":
            store.load(row)
        else:
            with store.use(row) as model:
                used(row, model)
                if row.name not in {loaded.name for loaded in store.loaded() if loaded.in_use}:
                    broken.append(f"{row.name} was freed while used")
        held_bytes = sum(loaded.memory_bytes for loaded in store.loaded())
        if held_bytes > BUDGET_MB * MB:
            broken.append(f"{held_bytes} bytes held")
    return broken


@pytest.mark.alone
def test_after_two_hundred_random_steps_nothing_was_broken_and_the_memory_is_back(folders, tmp_path):
    hardware = Hardware(2, 10**10, 10**10)
    fetch = lambda row, cache, report: folders.get(row.name, tmp_path)  # noqa: E731
    store = Store(Settings(profile="fake", cache_dir=tmp_path), hardware, Room(0, BUDGET_MB * MB), fetch=fetch)
    with ThreadPoolExecutor(2) as visitors:
        before_bytes = emptied_bytes(store, visitors.map(visit, [store] * 2, (0, 1), [20] * 2))
        gc.freeze()  # the libraries' own objects need not be looked through at each eviction
        found = list(visitors.map(visit, [store] * 2, (2, 3), [STEPS // 2] * 2))
        after_bytes = emptied_bytes(store, found)
    assert found == [[], []]
    assert abs(after_bytes - before_bytes) < 0.05 * before_bytes


def emptied_bytes(store: Store, visits: Iterable) -> int:
    """What stays in memory when all visits have ended and all models are freed."""
    list(visits)
    assert not any(loaded.in_use for loaded in store.loaded())
    for row in rows():
        store.evict(row.name)
    assert store.loaded() == ()
    give_back_memory()
    return psutil.Process().memory_info().rss
