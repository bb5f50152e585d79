"""llama.cpp on real weights: what happens when conversations meet, and when a model is given eyes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tiny_rows import image_medium

from mmcore import Settings, catalog, weights
from mmcore.backends import open_model
from mmcore.errors import ModelError
from mmcore.types import Delta, Message, Plan, Sampling

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


def test_a_model_with_eyes_answers_text_as_without_them(tmp_path):
    """Random ones, as wide as the model: what is right without them stays right, word by word."""
    import tiny_gguf

    row = catalog.find("smollm2-135m")
    plain = weights.fetch(row, Settings.from_env().cache_dir)
    (tmp_path / "smollm2.gguf").symlink_to(plain / row.files[0].name)
    tiny_gguf.eyes_for(tmp_path / "mmproj-smollm2.gguf", width=576)
    plan = Plan("cpu", row.precision, "", 1)
    blind, sees = open_model(row, plain, plan), open_model(replace(row, files=()), tmp_path, plan)

    def answered(model, question: str, *media) -> list[Delta]:
        pieces = model.stream([Message("user", question, media=media)], Sampling(max_tokens=24, temperature=0))
        return [piece for piece in pieces if isinstance(piece, Delta)]

    for question, right in (
        ("How many legs does a dog have?", "four legs"),
        ("What is the largest ocean on Earth?", "Pacific"),
        ("What is H2O?", "Water"),
    ):
        said = ["".join(piece.text for piece in answered(model, question)) for model in (blind, sees)]
        assert right in said[0] and said[0] == said[1]
    shown, unshown = (answered(sees, question, *media)[-1].usage for media in ((image_medium(),), ()))
    assert shown.prompt_tokens > unshown.prompt_tokens
    for model in (blind, sees):
        model.close()
