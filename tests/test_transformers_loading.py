"""What is refused of a hub folder, in which sentence, and that the memory comes back."""

from __future__ import annotations

import json

import psutil
import pytest
from tiny_rows import CHATS, SCORERS, made, opened, picture

from mmcore.errors import ModelError

pytestmark = pytest.mark.tiny

LABELS = ["a red bird", "a green house"]


@pytest.fixture
def clip(tmp_path):
    return made(SCORERS["clip"], tmp_path)


def scorer_of(folder, precision="fp32"):
    return opened("image-text", "transformers_scorer", folder, precision)


def refusal_of(folder, precision="fp32") -> ModelError:
    with pytest.raises(ModelError) as refused:
        scorer_of(folder, precision)
    assert str(folder) not in str(refused.value)
    return refused.value


def test_pickled_weights_are_refused_and_not_opened(clip):
    import torch

    (clip / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, clip / "pytorch_model.bin")
    assert refusal_of(clip).code == "pickle_only"
    (clip / "pytorch_model.bin").unlink()
    assert refusal_of(clip).code == "no_such_weights"


def test_a_shard_cut_short_is_named(clip):
    weights = clip / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused = refusal_of(clip)
    assert refused.code == "damaged_file" and "model.safetensors" in str(refused)


def test_a_shard_of_noise_is_named(clip):
    (clip / "model.safetensors").write_bytes(b"\x7f" * 4096)
    assert "model.safetensors of Tiny is missing or damaged" in str(refusal_of(clip))


def test_a_shard_that_is_not_there_is_named(clip):
    index = {"metadata": {}, "weight_map": {"logit_scale": "model-00002-of-00002.safetensors"}}
    (clip / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model-00002-of-00002.safetensors of Tiny is missing" in str(refusal_of(clip))


def test_missing_tensors_are_never_drawn_at_random(clip):
    from safetensors.torch import load_file, save_file

    weights = load_file(clip / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, clip / "model.safetensors", metadata={"format": "pt"})
    assert "1 of its tensors are missing" in str(refusal_of(clip))


def rewritten(folder, **fields):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))


def evil_code(folder, tmp_path_factory):
    """Code of a repository that would leave a mark when it is run."""
    mark = tmp_path_factory.mktemp("mark") / "ran"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Model: pass\nclass Config: pass\n")
    return mark, {"AutoConfig": "evil.Config", "AutoModel": "evil.Model", "AutoProcessor": "evil.Model"}


def test_a_class_that_exists_only_in_the_repository_is_refused_and_not_run(clip, tmp_path_factory):
    mark, auto_map = evil_code(clip, tmp_path_factory)
    rewritten(clip, model_type="evil", auto_map=auto_map)
    assert refusal_of(clip).code == "remote_code"
    assert not mark.exists()


def test_code_beside_a_class_of_the_library_is_not_run(clip, tmp_path_factory):
    mark, auto_map = evil_code(clip, tmp_path_factory)
    rewritten(clip, auto_map=auto_map)
    scorer = scorer_of(clip)
    assert type(scorer._model).__module__.startswith("transformers.models.clip")
    assert not mark.exists()


def test_an_unknown_class_another_task_and_a_broken_config_are_told_apart(clip):
    with pytest.raises(ModelError) as refused:
        opened("chat", "transformers_chat", clip)
    assert refused.value.code == "other_task"
    rewritten(clip, model_type="model-of-next-year")
    assert refusal_of(clip).code == "unknown_class"
    (clip / "config.json").write_text("{")
    assert "config.json" in str(refusal_of(clip))


def test_a_precision_that_is_none_is_refused(clip):
    assert "no precision named q4" in str(refusal_of(clip, "q4"))


def test_no_memory_while_loading_is_told_and_the_next_load_works(clip, monkeypatch):
    import torch
    from transformers import CLIPModel

    def full(*_, **__):
        raise torch.OutOfMemoryError("simulated")

    with monkeypatch.context() as patch:
        patch.setattr(CLIPModel, "from_pretrained", full)
        assert "memory ran out" in str(refusal_of(clip))
    assert scorer_of(clip).score([picture()], LABELS).shape == (1, 2)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", "float32"), ("bf16", "bfloat16"), ("fp16", "float16")])
def test_the_weights_have_the_type_of_the_plan(clip, precision, dtype):
    assert str(next(scorer_of(clip, precision)._model.parameters()).dtype) == f"torch.{dtype}"


@pytest.mark.parametrize(("precision", "bits"), [("int8", 8), ("nf4", 4)])
def test_quantized_layers_take_that_many_bits_each(tmp_path, precision, bits):
    model = opened("chat", "transformers_chat", made(CHATS["qwen3_vl"], tmp_path), precision)._model
    layer = model.model.language_model.layers[0].mlp.gate_proj
    assert layer.weight.numel() * layer.weight.element_size() * 8 == bits * layer.in_features * layer.out_features
    assert model.lm_head.weight.dtype.is_floating_point
    model = None


def test_settings_of_the_whole_process_are_as_before(clip):
    import torch
    from transformers.utils import logging

    before = torch.get_num_threads(), torch.get_default_dtype(), logging.is_progress_bar_enabled()
    scorer = scorer_of(clip, "bf16")
    scorer.score([picture()], LABELS)
    scorer.close()
    assert (torch.get_num_threads(), torch.get_default_dtype(), logging.is_progress_bar_enabled()) == before


@pytest.mark.alone
def test_memory_comes_back_on_close(tmp_path):
    from mmcore.backends.transformers_loading import free

    folder = made(("tiny_models", "wide_clip"), tmp_path)

    def used_and_closed() -> int:
        scorer = scorer_of(folder)
        scorer.score([picture()], LABELS)
        held = psutil.Process().memory_info().rss
        scorer.close()
        return held

    used_and_closed()  # libraries and their caches
    free("cpu")
    before = psutil.Process().memory_info().rss
    held = used_and_closed()
    after = psutil.Process().memory_info().rss
    assert held > before + 100e6
    assert after < 1.05 * before
