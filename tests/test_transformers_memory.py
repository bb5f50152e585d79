"""What happens when memory runs out while an answer is written. The device is simulated."""

from __future__ import annotations

import pytest
from tiny_rows import CHATS, image_medium, made, opened, video_medium

from mmcore.errors import ModelError
from mmcore.types import Delta, Message, Progress, Sampling

pytestmark = pytest.mark.tiny

QUESTION = [Message("user", "What do you see?")]
BRIEF = Sampling(max_tokens=4, temperature=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(CHATS["qwen3_vl"], tmp_path_factory.mktemp("qwen3_vl"))


@pytest.fixture
def model(folder):
    opened_model = opened("chat", "transformers_chat", folder)
    yield opened_model
    opened_model.close()


def answer(model, messages=QUESTION) -> str:
    return "".join(piece.text for piece in model.stream(messages, BRIEF) if isinstance(piece, Delta))


class SmallDevice:
    """A device that has room for prompts of ``tokens`` at most; a hook of the language model."""

    def __init__(self, tokens: int):
        self.tokens, self.seen = tokens, []

    def __call__(self, _, __, options):
        import torch

        length = options["inputs_embeds"].shape[1]
        self.seen.append(length)
        if length > self.tokens:
            raise torch.OutOfMemoryError("simulated")


def on_small_device(model, tokens: int) -> SmallDevice:
    device = SmallDevice(tokens)
    model._model.get_decoder().register_forward_pre_hook(device, with_kwargs=True)
    return device


@pytest.mark.parametrize("media", [(video_medium(12),), (image_medium(0), image_medium(1))], ids=["frames", "pictures"])
def test_without_memory_what_is_shown_is_made_smaller_once_and_told(folder, model, media):
    if media[0].kind == "image":  # the family's own limit would undo the smaller side
        model._processor.image_processor.size = {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}
    question = [Message("user", "What do you see?", media=media)]
    whole = list(model.stream(question, BRIEF))[-1].usage
    device = on_small_device(model, whole.prompt_tokens - 1)
    pieces = list(model.stream(question, BRIEF))
    stages = [piece.stage for piece in pieces if isinstance(piece, Progress)]
    assert [stage for stage in dict.fromkeys(stages) if stage != "wait"] == ["think", "shrink"]
    usage = pieces[-1].usage
    assert usage.flags == ("smaller_input",) and whole.flags == ()
    assert usage.prompt_tokens < whole.prompt_tokens and usage.completion_tokens == 4
    assert device.seen[0] == whole.prompt_tokens and device.seen[1] == usage.prompt_tokens


def test_without_media_the_older_turns_are_left_out(model):
    turns = [Message("system", "Be brief."), *QUESTION, Message("assistant", "A boat. " * 20), Message("user", "And?")]
    whole = list(model.stream(turns, BRIEF))[-1].usage
    on_small_device(model, whole.prompt_tokens - 1)
    usage = list(model.stream(turns, BRIEF))[-1].usage
    assert usage.flags == ("smaller_input",) and usage.prompt_tokens < whole.prompt_tokens


def test_with_too_little_memory_even_so_it_is_refused_and_the_process_lives(model):
    device = on_small_device(model, 30)
    for question in ([Message("user", "What?", media=(video_medium(12),))], [Message("user", "long " * 50)]):
        with pytest.raises(ModelError) as refused:
            answer(model, question)
        assert refused.value.code == "out_of_memory"
    assert answer(model)
    assert max(device.seen) > 30


def test_no_memory_after_the_first_word_does_not_begin_again(model):
    calls = []

    def later(*_):
        import torch

        calls.append(1)
        if len(calls) == 4:
            raise torch.OutOfMemoryError("simulated")

    model._model.get_decoder().register_forward_pre_hook(later)
    stream = model.stream([Message("user", "What?", media=(video_medium(),))], Sampling(max_tokens=500, temperature=0))
    with pytest.raises(ModelError) as refused:
        list(stream)
    assert refused.value.code == "out_of_memory" and len(calls) == 4


def test_memory_comes_back_after_a_failure(model):
    import torch

    from mmcore.backends import transformers_chat

    freed = []
    original, transformers_chat.free = transformers_chat.free, lambda device: freed.append(device)
    try:
        on_small_device(model, 1)
        with pytest.raises(ModelError):
            answer(model)
    finally:
        transformers_chat.free = original
    assert freed == ["cpu"]
    assert not torch.is_inference_mode_enabled()
