"""Whisper on CTranslate2: where it computes and in what, what it says when memory runs out, converted or shipped."""

from __future__ import annotations

import shutil
import sys
import threading
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import ctranslate2
import numpy as np
import pytest
import speech

from mmcore import catalog, weights
from mmcore.backends import convert, ctranslate_devices, faster_whisper, open_model
from mmcore.device import Accelerator, Hardware, default_room, plan
from mmcore.errors import ModelError
from mmcore.media import sound
from mmcore.profile import Profile
from mmcore.settings import Limits, Settings
from mmcore.store import Store
from mmcore.tasks.kit import Kit
from mmcore.types import Plan, Reachability

ROW = catalog.find("whisper-base")
CPU_ONLY = Hardware(cores=4, total_bytes=16 * 10**9, free_bytes=12 * 10**9)
L4 = Hardware(4, 16 * 10**9, 12 * 10**9, Accelerator("cuda", "L4", 24 * 10**9, 23 * 10**9))


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """(S,) of somebody speaking, which the speech detector lets pass."""
    return sound.samples(speech.film("heath_ledger.mp3"), Limits())


class StandIn:
    """``WhisperModel`` as far as the backend uses it; ``trouble`` is raised by what is asked of it."""

    asked: dict = {}  # noqa: RUF012
    trouble: Exception | None = None

    def __init__(self, folder: str, **asked):
        StandIn.asked = asked
        self.model = SimpleNamespace(is_multilingual=True)

    def detect_language(self, samples):
        return self._found("en"), 0.9, []

    def transcribe(self, samples, **_):
        return (self._found(word) for word in ("one",)), None

    def _found(self, what):
        if self.trouble:
            raise self.trouble
        return what


@pytest.fixture
def runtime(monkeypatch) -> type[StandIn]:
    monkeypatch.setattr(faster_whisper, "WhisperModel", StandIn)
    monkeypatch.setattr(faster_whisper, "has_cuda", lambda: True)
    monkeypatch.setattr(StandIn, "trouble", None)
    return StandIn


@pytest.mark.parametrize(
    ("hardware", "wish", "device", "kind"),
    [
        (L4, "", "cuda", "float16"),
        (L4, "int8", "cuda", "int8_float16"),
        (CPU_ONLY, "", "cpu", "int8"),
    ],
)
def test_the_embedded_row_computes_where_the_plan_says(runtime, tmp_path, hardware, wish, device, kind):
    open_model(ROW, tmp_path, plan(ROW, hardware, Settings(threads=3), wish=wish))
    assert (runtime.asked["device"], runtime.asked["compute_type"]) == (device, kind)
    assert runtime.asked["cpu_threads"] == 3 and runtime.asked["local_files_only"]


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_the_rows_of_the_hub_also_compute_in_fp32(runtime, tmp_path, device):
    row = catalog.find("whisper-small")
    open_model(row, tmp_path, plan(row, L4 if device == "cuda" else CPU_ONLY, Settings(), wish="fp32"))
    assert (runtime.asked["device"], runtime.asked["compute_type"]) == (device, "float32")


@pytest.mark.parametrize(("device", "precision"), [("mps", "fp16"), ("cpu", "fp16"), ("cuda", "nf4")])
def test_what_ctranslate2_does_not_compute_is_refused_by_name(runtime, tmp_path, device, precision):
    with pytest.raises(ModelError, match=f"{precision} on {device}"):
        open_model(ROW, tmp_path, Plan(device, precision, ""))


def test_a_gpu_without_its_library_is_refused_not_tried(runtime, tmp_path, monkeypatch):
    monkeypatch.setattr(faster_whisper, "has_cuda", lambda: False)
    with pytest.raises(ModelError, match="fp16 on cuda"):
        open_model(ROW, tmp_path, Plan("cuda", "fp16", ""))


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (RuntimeError("CUDA failed with error out of memory"), "out_of_memory"),
        (RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"), "out_of_memory"),
        (RuntimeError("mkl_malloc: failed to allocate memory"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("cuBLAS failed with status CUBLAS_STATUS_NOT_SUPPORTED"), "model_failed"),
    ],
)
def test_trouble_in_a_window_is_a_sentence_and_the_next_window_is_heard(
    runtime, tmp_path, voice, monkeypatch, trouble, code
):
    model = open_model(ROW, tmp_path, Plan("cuda", "fp16", ""))
    monkeypatch.setattr(runtime, "trouble", trouble)
    for asked in (lambda: model.language(voice), lambda: next(model.segments(voice, language="en"))):
        with pytest.raises(ModelError) as refused:
            asked()
        assert refused.value.code == code and refused.value.__context__ in (None, trouble)
    monkeypatch.setattr(runtime, "trouble", None)
    assert model.language(voice)[0] == "en"


def test_too_little_memory_to_load_is_told_apart_from_a_broken_model(runtime, tmp_path, monkeypatch):
    for trouble, code in (
        (RuntimeError("CUDA failed with error out of memory"), "no_memory_to_load"),
        (ValueError(), "load_failed"),
    ):

        def fails(*_, trouble=trouble, **__):
            raise trouble

        monkeypatch.setattr(faster_whisper, "WhisperModel", fails)
        with pytest.raises(ModelError) as refused:
            open_model(ROW, tmp_path, Plan("cuda", "fp16", ""))
        assert refused.value.code == code


@pytest.mark.parametrize(("hardware", "name"), [(L4, "whisper-large-v3-turbo"), (CPU_ONLY, "whisper-small")])
def test_without_a_gpu_the_default_of_the_hub_is_one_that_a_cpu_can_follow(tmp_path, hardware, name):
    settings = Settings(profile="cpu", cache_dir=tmp_path)
    profile = Profile("cpu", hardware, has_gpu=lambda: False, ask_hub=lambda: Reachability(True, "hub_answers", 0.1))
    profile.settle(lambda _: None)
    kit = Kit(settings, Store(settings, hardware, default_room(hardware)), profile)
    assert kit.spec("speech").name == name
    assert kit.spec("speech", "whisper-large-v3").name == "whisper-large-v3", "named, any runs"


# -- the library of the GPU


def test_without_a_device_there_is_no_cuda(monkeypatch):
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    ctranslate_devices.has_cuda.cache_clear()
    assert not ctranslate_devices.has_cuda()
    ctranslate_devices.has_cuda.cache_clear()


def test_a_library_is_found_in_nvidias_packages(tmp_path, monkeypatch):
    import _ctypes  # any shared library

    name = "libnobodyhasthis.so.12"
    packages = ModuleSpec("nvidia", None, is_package=True)
    packages.submodule_search_locations = [str(tmp_path / "nvidia")]
    monkeypatch.setattr(ctranslate_devices, "find_spec", lambda _: packages)
    assert not ctranslate_devices.is_loaded(name)
    (tmp_path / "nvidia" / "cublas" / "lib").mkdir(parents=True)
    shutil.copy(_ctypes.__file__, tmp_path / "nvidia" / "cublas" / "lib" / name)
    assert ctranslate_devices.is_loaded(name)


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel of Linux is looked into")
def test_the_library_is_the_one_that_the_installed_ctranslate2_asks_for():
    beside = Path(ctranslate2.__file__).parent
    (runtime,) = (beside.parent / "ctranslate2.libs").glob("libctranslate2*")
    asked_for = runtime.read_bytes()
    assert ctranslate_devices.CUBLAS.encode() in asked_for and b"libcudnn" not in asked_for


# -- converted


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> Path:
    """A tiny random Whisper as the hub lays it out, converted."""
    import tiny_models

    folder = tmp_path_factory.mktemp("whisper")
    source = tiny_models.whisper(folder / "source", positions=448)
    convert.main("whisper_ctranslate2", source, folder / "made")
    return folder / "made"


@pytest.mark.tiny
def test_a_converted_whisper_is_the_folder_that_faster_whisper_loads(converted):
    assert {path.name for path in converted.iterdir()} == {
        "config.json",
        "model.bin",
        "preprocessor_config.json",
        "tokenizer.json",
        "vocabulary.json",
    }


@pytest.mark.tiny
def test_a_converted_whisper_sees_in_sound_what_the_original_sees(converted):
    import torch
    import transformers

    source = converted.parent / "source"
    original = transformers.WhisperForConditionalGeneration.from_pretrained(source, dtype=torch.float32).eval()
    features = np.random.default_rng(0).normal(size=(1, 80, 3000)).astype(np.float32)
    with torch.no_grad():
        expected = original.get_encoder()(torch.from_numpy(features)).last_hidden_state.numpy()
    model = ctranslate2.models.Whisper(str(converted), compute_type="float32")
    found = np.array(model.encode(ctranslate2.StorageView.from_array(features)))
    assert np.abs(found - expected).max() < 0.02, "weights were rounded to 16 bits"
    assert np.abs(expected).max() > 1


@pytest.mark.tiny
@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_a_converted_whisper_hears_stops_and_closes(converted, voice, precision):
    model = open_model(catalog.find("whisper-small"), converted, Plan("cpu", precision, ""))
    assert (model.languages(), model.language(voice)) == (("en",), ("en", 1.0)), "so few tokens are an English Whisper"
    long = np.concatenate([voice] * 12)  # more than a window
    ctranslate2.set_random_seed(0)  # of the second try, where the first looped
    lines = list(model.segments(long, language="en"))
    before = threading.active_count()
    assert lines and all(0 <= line.start_s <= line.end_s <= len(long) / sound.RATE_HZ for line in lines)
    assert all("low_confidence" in line.flags for line in lines), "random weights are unsure"
    stopped = model.segments(long, language="en")
    assert next(stopped).text
    stopped.close()
    assert threading.active_count() == before
    assert list(model.segments(long)), "and the model is free"
    model.close()


@pytest.mark.tiny
def test_what_is_no_whisper_or_lacks_weights_is_refused_by_the_converter(converted, tmp_path):
    import json

    from safetensors.numpy import load_file, save_file

    source = shutil.copytree(converted.parent / "source", tmp_path / "source")
    tensors = load_file(source / "model.safetensors")
    tensors.pop("model.encoder.conv1.weight")
    save_file(tensors, source / "model.safetensors", {"format": "pt"})
    assert convert.reason("whisper_ctranslate2", source, tmp_path / "made") == "1 of its tensors are missing"
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"model_type": "bart"}))
    assert convert.reason("whisper_ctranslate2", source, tmp_path / "made") == "it is not a Whisper"
    assert not (tmp_path / "made").exists()


@pytest.mark.weights
def test_the_real_base_published_as_the_hub_does_becomes_the_same_model_again(tmp_path):
    import json

    import whisper_as_published

    folder = weights.fetch(ROW, Settings.from_env().cache_dir)
    source, made = whisper_as_published.published(folder, tmp_path / "source"), tmp_path / "made"
    convert.main("whisper_ctranslate2", source, made)
    ours, theirs = (whisper_as_published.tensors(path / "model.bin") for path in (made, folder))
    assert all(np.array_equal(ours[name], tensor) for name, tensor in theirs.items())
    assert (
        json.loads((made / "vocabulary.json").read_text()) == (folder / "vocabulary.txt").read_text().split("\n")[:-1]
    )
    assert (
        json.loads((made / "config.json").read_text()).items()
        >= json.loads((folder / "config.json").read_text()).items()
    )
