"""llama.cpp on real weights: what happens when conversations meet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mmcore import Settings, catalog, weights
from mmcore.backends import open_model
from mmcore.errors import ModelError
from mmcore.types import Message, Plan, Sampling

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def chat():
    """A chat model whose conversations share 1,024 tokens."""
    row = replace(catalog.find("smollm2-135m"), options={"context": 1024})
    model = open_model(row, weights.fetch(row, Settings.from_env().cache_dir), Plan("cpu", row.precision, "", 1))
    yield model
    model.close()


def test_conversations_that_do_not_fit_together_are_told_that_the_model_is_busy(chat):
    def answered(number: int) -> str:
        question = Message("user", f"{number}: " + "the cat sat on a mat and looked " * 80)
        try:
            return str([*chat.stream([question], Sampling(max_tokens=20))][-1].usage.completion_tokens)
        except ModelError as refusal:
            return refusal.code

    with ThreadPoolExecutor(3) as pool:
        ends = set(pool.map(answered, range(3)))
    assert "model_busy" in ends and "model_failed" not in ends
    assert answered(0).isdigit()
