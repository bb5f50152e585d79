"""The embedded Whisper on a GPU: right words at each precision, its memory given back. Skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import speech

from mmcore import catalog, weights
from mmcore.backends import open_model
from mmcore.device import Hardware, has_gpu, plan
from mmcore.media import sound
from mmcore.settings import Limits, Settings
from mmcore.types import Plan

pytestmark = [pytest.mark.gpu, pytest.mark.weights, pytest.mark.skipif(not has_gpu(), reason="no GPU")]
ROW = catalog.find("whisper-base")
CONTEXT_BYTES = 64 * 2**20  # what the driver may keep after the first model


@pytest.fixture(scope="module")
def folder() -> Path:
    return weights.fetch(ROW, Settings.from_env().cache_dir)


def used_bytes() -> int:
    """GPU memory in use, whoever holds it: CTranslate2 does not take it through torch."""
    import torch

    free_bytes, total_bytes = torch.cuda.mem_get_info()
    return total_bytes - free_bytes


def test_the_library_that_it_multiplies_with_is_found_so_that_the_gpu_is_planned():
    found = plan(ROW, Hardware.here(Settings()).with_accelerator(), Settings())
    assert (found.device, found.precision) == ("cuda", "fp16")


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_speech_is_written_down_word_for_word_and_the_memory_comes_back(folder, precision):
    open_model(ROW, folder, Plan("cuda", precision, "")).close()  # the libraries' own share is not the model's
    before_bytes = used_bytes()
    model = open_model(ROW, folder, Plan("cuda", precision, ""))
    assert used_bytes() > before_bytes
    wrong = 0
    for name, text in speech.FILMS.items():
        lines = model.segments(sound.samples(speech.film(name), Limits()), language="en")
        wrong += speech.word_errors(text, " ".join(line.text for line in lines))
    words = sum(len(speech.normalised(text)) for text in speech.FILMS.values())
    assert wrong <= 0.05 * words
    assert model.language(sound.samples(speech.film("heath_ledger.mp3"), Limits()))[0] == "en"
    model.close()
    assert used_bytes() <= before_bytes + CONTEXT_BYTES


def test_a_stopped_reader_leaves_the_model_free(folder):
    model = open_model(ROW, folder, Plan("cuda", "fp16", ""))
    voice = sound.samples(speech.film("cate_blanch.mp3"), Limits())
    reading = model.segments(voice)
    assert next(reading).text
    reading.close()
    assert next(model.segments(voice)).text
    model.close()
