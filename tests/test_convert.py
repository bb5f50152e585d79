"""A converted model is kept only when it answers like the original."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmcore import catalog, weights
from mmcore.backends import convert
from mmcore.types import CONVERTED

pytestmark = pytest.mark.transfer

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mmcore.backends.convert", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def tripling_onnx(path: Path) -> None:
    """A model that answers three times its input."""
    import onnx
    from onnx import TensorProto, helper

    three = helper.make_tensor("three", TensorProto.FLOAT, [], [3.0])
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "three"], ["y"])], "triple", *([p] for p in ports), [three]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.mark.parametrize(("factor", "same"), [(3.0, True), (3.0003, False), (float("nan"), False)])
def test_a_model_that_answers_otherwise_is_refused(tmp_path, factor, same):
    import torch

    tripling_onnx(tmp_path / CONVERTED)
    x = torch.ones(4)
    if same:
        ours, original = convert._compare(lambda x: x * factor, tmp_path / CONVERTED, {"x": x})
        assert np.array_equal(ours, original)
    else:
        with pytest.raises(convert.Refusal, match="differs from the original"):
            convert._compare(lambda x: x * factor, tmp_path / CONVERTED, {"x": x})


def test_a_refused_model_leaves_nothing(tmp_path, monkeypatch):
    def refused(source, target):
        (target / "model.bin").write_bytes(b"half a model")
        raise convert.Refusal("no")

    monkeypatch.setitem(convert.CONVERTERS, "refused", refused)
    with pytest.raises(convert.Refusal):
        convert.main("refused", tmp_path, tmp_path / "made")
    assert not list(tmp_path.iterdir())


def test_every_converter_a_row_names_exists():
    named = {spec.convert for spec in catalog.rows() if spec.convert}
    assert named == set(convert.CONVERTERS)


def test_an_unknown_converter_ends_with_one_sentence(tmp_path):
    result = run("alchemy", str(tmp_path), str(tmp_path / "made"))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "there is no converter alchemy\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file", "/home/someone/model.safetensors"), "FileNotFoundError"),
        (ModuleNotFoundError("No module named 'timm'", name="timm"), "timm is not installed"),
        (OSError(errno.ENOSPC, "No space left", "/home/someone/model.bin"), "the disk is full"),
    ],
)
def test_what_went_wrong_is_a_few_words_without_a_path(tmp_path, monkeypatch, error, words):
    def fails(source, target):
        raise error

    monkeypatch.setitem(convert.CONVERTERS, "fails", fails)
    assert convert.reason("fails", tmp_path, tmp_path / "made") == words


@pytest.mark.weights
def test_the_sentence_encoder_answers_like_the_original_whatever_the_padding(real_studio):
    import onnxruntime
    import torch
    from tokenizers import Tokenizer

    folder = weights.fetch(catalog.find("minilm-l6"), real_studio.settings.cache_dir)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(128)
    texts = ["a photo of a dog", "The puppy is playing in the garden with its new red ball.", "interest rates"]
    batch = tokenizer.encode_batch(texts)
    ids, mask = (np.array([getattr(e, name) for e in batch], np.int64) for name in ("ids", "attention_mask"))
    session = onnxruntime.InferenceSession(folder / CONVERTED)
    ours = session.run(["sentence"], {"input_ids": ids, "attention_mask": mask})[0]
    with torch.no_grad():
        original = convert._sentence_encoder(folder)(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    assert np.abs(ours - original).max() < 1e-4
    likeness = ours @ ours.T
    assert np.diag(likeness) == pytest.approx(1, abs=1e-4)
    assert likeness[0, 1] > 0.3 > likeness[0, 2]


@pytest.mark.weights
def test_conversion_is_silent_and_changes_no_source_file(real_studio, tmp_path):
    spec = catalog.find("efficientnet-lite0")
    folder = weights.fetch(spec, real_studio.settings.cache_dir)
    source = tmp_path / spec.files[0].name
    source.write_bytes((folder / source.name).read_bytes())
    result = run("efficientnet_lite0", str(tmp_path), str(tmp_path / "made"))
    assert (result.returncode, result.stdout) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {source.name, "made"}
    assert [path.name for path in (tmp_path / "made").iterdir()] == [CONVERTED]
    assert hashlib.sha256(source.read_bytes()).hexdigest() == spec.files[0].sha256
