"""What a model is expected to take, against what it takes: on the CPU here, on a GPU where there is one."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import numpy as np
import pytest
from tiny_rows import made, opened

from mmcore import catalog
from mmcore.device import give_back_memory, has_gpu
from mmcore.memory import LADDER, Shape, Workload, precisions, typical, working_bytes
from mmcore.types import Medium, Message, Plan, Sampling

MB = 10**6
#: That of ``tiny_chats.middling``.
SHAPE = Shape(6, 4, 64, 512, 1536, 256, 1024)
LOADS = {
    "a long text": Workload(0, 0, 7800),
    "four pictures": Workload(4, 0, 4200),
    "a video": Workload(0, 12, 1700),
}


def test_every_precision_takes_less_than_the_one_before():
    rungs = [precision.memory_bytes for precision in precisions(2e9, Shape())]
    assert rungs == sorted(rungs, reverse=True) and rungs[0] - rungs[-1] == pytest.approx(1.3 * 2e9, rel=0.05)


def test_more_input_takes_more_memory():
    small = working_bytes(Shape(), "bf16", Workload(1, 4, 2048))
    assert small < working_bytes(Shape(), "bf16", Workload(1, 4, 8192))
    assert small < working_bytes(Shape(), "bf16", Workload(8, 4, 2048))
    assert small < working_bytes(Shape(), "bf16", Workload(1, 128, 2048))


def test_an_unknown_shape_is_like_those_of_its_size():
    """Against the published ones: within a third."""
    for row in catalog.HUB:
        if row.name.startswith("qwen3-vl") and row.precisions:
            parameters = {"2b": 2.13e9, "4b": 4.44e9, "8b": 8.77e9}[row.name[-2:]]
            guess = precisions(parameters, typical(parameters), LADDER)
            for known, guessed in zip(row.precisions, guess, strict=True):
                assert guessed.memory_bytes == pytest.approx(known.memory_bytes, rel=1 / 3)


class Peak:
    """The highest memory while something runs, above what it was at the start; bytes."""

    def __init__(self, device: str):
        self._device, self._base, self._over = device, 0, threading.Event()
        self.bytes = 0

    def _now(self) -> int:
        import psutil

        return psutil.Process().memory_info().rss

    def __enter__(self) -> Peak:
        from mmcore.backends.transformers_loading import free

        free(self._device)
        if self._device == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats()
            self._base = torch.cuda.memory_allocated()
        else:
            self._base = self._now()
            self._watcher = threading.Thread(target=self._watch)
            self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.003):
            self.bytes = max(self.bytes, self._now() - self._base)

    def __exit__(self, *_) -> None:
        if self._device == "cuda":
            import torch

            self.bytes = torch.cuda.max_memory_allocated() - self._base
        else:
            self._over.set()
            self._watcher.join()


def question(name: str) -> Message:
    noise = np.random.default_rng(0)
    if name == "a long text":
        return Message("user", "the quick brown fox jumps " * 1550)
    if name == "four pictures":
        pictures = (noise.integers(0, 255, (1, 1024, 1024, 3), np.uint8) for _ in range(4))
        return Message("user", "What?", media=tuple(Medium("image", frames=picture) for picture in pictures))
    frames = noise.integers(0, 255, (12, 512, 512, 3), np.uint8)
    return Message("user", "What?", media=(Medium("video", frames=frames, times_s=tuple(map(float, range(12)))),))


@contextmanager
def middling(tmp_path_factory, device: str, precision: str):
    folder = made(("tiny_chats", "middling"), tmp_path_factory.mktemp("middling"))
    model = opened("chat", "transformers_chat", folder, plan=Plan(device, precision, "a test", threads=2))
    list(model.stream([Message("user", "hi")], Sampling(max_tokens=2)))  # what libraries keep for themselves
    yield model
    model.close()


def taken(model, name: str, device: str) -> int:
    with Peak(device) as peak:
        usage = list(model.stream([question(name)], Sampling(max_tokens=4, temperature=0)))[-1].usage
    assert usage.flags == () and usage.prompt_tokens <= LOADS[name].context_tokens
    return peak.bytes


@pytest.mark.tiny
@pytest.mark.parametrize("name", LOADS)
def test_working_memory_is_about_what_was_expected(name, cpu_model):
    """On the CPU the pixels' own processing counts too, and what the C library keeps."""
    expected = working_bytes(SHAPE, "bf16", LOADS[name])
    assert expected / 3 < taken(cpu_model, name, "cpu") < expected


@pytest.fixture(scope="module")
def cpu_model(tmp_path_factory):
    with middling(tmp_path_factory, "cpu", "bf16") as model:
        yield model


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu(), reason="no GPU")
@pytest.mark.parametrize("precision", ["bf16", "int8", "nf4"])
def test_working_memory_on_a_gpu_is_about_what_was_expected(precision, tmp_path_factory):
    with middling(tmp_path_factory, "cuda", precision) as model:
        for name in LOADS:
            expected = working_bytes(SHAPE, precision, LOADS[name])
            assert expected / 4 < taken(model, name, "cuda") < expected


def test_memory_is_given_back_where_the_c_library_has_no_name_to_be_opened_by(monkeypatch):
    def on_windows(name):  # as ctypes there
        return "/" in name

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("ctypes.CDLL", on_windows)
    give_back_memory()
