"""Published weights to what serves them, once, when they are fetched; run as a process of its own.

    python -m mmcore.backends.convert NAME SOURCE TARGET

A converter reads the folder SOURCE and writes its files, under names of its own, into the new folder TARGET. The
result is tried before it is kept, an ONNX model against the original. Nothing is fetched, nothing is printed on
success; otherwise the last line of standard error is the reason, and TARGET is gone.

ONNX weights stay fp32. Eight bits are faster and change answers: static int8 of the classifier (per channel, softmax
left out, calibrated on 45 photos) names another class for 2 of 45 other photos, 1 of 45 with 16-bit activations;
int8 of the sentence encoder changes the nearest neighbour of 7 sentences in 32.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from ..types import CONVERTED

LARGEST_DIFFERENCE = 1e-4  # of a probability or a coordinate, against the original
PTH = "efficientnet-lite0.pth"


class Refusal(Exception):
    """The conversion cannot be kept; the words say why."""


def efficientnet_lite0(folder: Path, target: Path) -> None:
    """``image`` (N, 3, 224, 224) float32 -> ``probabilities`` (N, 1000).

    The published file names its layers differently, but its tensors come in the order of timm's
    ``tf_efficientnet_lite0``, shape by shape.
    """
    import torch

    target /= CONVERTED
    model = torch.nn.Sequential(_efficientnet(folder / PTH), torch.nn.Softmax(dim=-1)).eval()
    dynamic = torch.export.Dim.DYNAMIC
    _export(model, (torch.rand(2, 3, 224, 224),), target, ["image"], "probabilities", ({0: dynamic},))
    images = _images(32)
    ours, original = _compare(model, target, {"image": images})
    if (ours.argmax(1) != original.argmax(1)).any():
        raise Refusal("the converted model names other classes than the original")
    _compare(model, target, {"image": images[:1]})


def _efficientnet(path: Path):
    import timm
    import torch

    model = timm.create_model("tf_efficientnet_lite0")
    published = torch.load(path, map_location="cpu", weights_only=True)
    names = model.state_dict()
    if [tuple(t.shape) for t in published.values()] != [tuple(t.shape) for t in names.values()]:
        raise Refusal("the tensors do not match the architecture")
    model.load_state_dict(dict(zip(names, published.values(), strict=True)))
    return model


def _images(count: int):
    """Smooth random pictures, (N, 3, 224, 224) in [-1, 1]: blobs of colour from coarse to fine."""
    import torch

    noise = torch.Generator().manual_seed(0)
    pictures = torch.zeros(count, 3, 224, 224)
    for side in (4, 14, 56):
        blobs = torch.randn(count, 3, side, side, generator=noise)
        pictures += torch.nn.functional.interpolate(blobs, size=(224, 224), mode="bicubic")
    return pictures.tanh()


def minilm(folder: Path, target: Path) -> None:
    """``input_ids``, ``attention_mask`` (T, K) int64 -> ``sentence`` (T, 384): the mean over the mask, of length 1."""
    import torch

    model, target = _sentence_encoder(folder), target / CONVERTED
    dynamic = torch.export.Dim.DYNAMIC
    names = ["input_ids", "attention_mask"]
    # the output is not called "embedding": that is the name of a node inside
    _export(model, _tokens(2, 9), target, names, "sentence", ({0: dynamic, 1: dynamic},) * 2)
    for texts, tokens in ((1, 3), (5, 23), (32, 128)):
        _compare(model, target, dict(zip(names, _tokens(texts, tokens), strict=True)))


def _sentence_encoder(folder: Path):
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    config = BertConfig.from_json_file(folder / "config.json")
    config._attn_implementation = "eager"
    bert = BertModel(config, add_pooling_layer=False)
    missing, _ = bert.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    if missing:
        raise Refusal("the tensors do not match the architecture")

    class SentenceEncoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = bert

        def forward(self, input_ids, attention_mask):
            types = torch.zeros_like(input_ids)
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=types)[0]
            kept = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (T, K, 1)
            mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=-1)

    return SentenceEncoder().eval()


def _tokens(texts: int, tokens: int):
    """T texts of random words, of different lengths."""
    import torch

    random = torch.Generator().manual_seed(texts)
    ids = torch.randint(1000, 30000, (texts, tokens), generator=random)
    lengths = torch.randint(2, tokens + 1, (texts, 1), generator=random)
    lengths[0] = tokens
    return ids, (torch.arange(tokens) < lengths).long()


def _export(model, example: tuple, target: Path, inputs: Sequence[str], output: str, dynamic: tuple) -> None:
    import torch

    with torch.no_grad():
        torch.onnx.export(
            model,
            example,
            str(target),
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=dynamic,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def _compare(model, target: Path, inputs: dict):
    """The outputs of the converted and the original model, which must hardly differ."""
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    ours = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0]
    with torch.no_grad():
        original = model(*inputs.values()).numpy()
    difference = abs(ours - original).max()
    if not difference < LARGEST_DIFFERENCE:  # also when it is not a number
        raise Refusal(f"the converted model differs from the original by {difference:.1g}")
    return ours, original


def whisper_ctranslate2(folder: Path, target: Path) -> None:
    """A Whisper as the hub lays it out -> the folder that faster-whisper loads, weights in fp16.

    Safetensors only; no code of the repository is run. CTranslate2 converts from there to what it computes in.
    """
    import torch
    import transformers
    from ctranslate2.converters import TransformersConverter
    from ctranslate2.models import Whisper

    transformers.utils.logging.disable_progress_bar()

    class WhisperConverter(TransformersConverter):
        def load_model(self, model_class, path, **options):
            safely = {"use_safetensors": True, "local_files_only": True, "output_loading_info": True}
            model, found = model_class.from_pretrained(path, **safely, **options)
            if found["missing_keys"]:
                raise Refusal(f"{len(found['missing_keys'])} of its tensors are missing")
            return model

    if _read(folder / "config.json").get("model_type") != "whisper":
        raise Refusal("it is not a Whisper")
    with torch.inference_mode():
        WhisperConverter(str(folder), load_as_float16=True).convert(str(target), quantization="float16", force=True)
    shutil.copy2(folder / "tokenizer.json", target)
    _write(target / "preprocessor_config.json", _whisper_features(folder))
    Whisper(str(target), compute_type="int8")  # refuses what does not fit together


def _whisper_features(folder: Path) -> dict:
    """How sound is prepared: from its own file, or among all that a newer repository says of preparing."""
    own = folder / "preprocessor_config.json"
    return _read(own) if own.exists() else _read(folder / "processor_config.json")["feature_extractor"]


def _read(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def _write(path: Path, fields: dict) -> None:
    path.write_text(json.dumps(fields), "utf-8")


CONVERTERS = {"efficientnet_lite0": efficientnet_lite0, "minilm": minilm, "whisper_ctranslate2": whisper_ctranslate2}


def main(name: str, source: Path, target: Path) -> None:
    """Convert ``source`` into the new folder ``target``, or leave none."""
    if name not in CONVERTERS:
        raise Refusal(f"there is no converter {name}")
    try:
        target.mkdir(parents=True)
        CONVERTERS[name](source, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def reason(name: str, source: Path, target: Path) -> str | None:
    """``main``, and what went wrong in a few words without a path; None when nothing did."""
    try:
        main(name, source, target)
    except Refusal as refusal:
        return str(refusal)
    except ImportError as error:
        return f"{error.name} is not installed"
    except Exception as error:
        return "the disk is full" if getattr(error, "errno", None) == errno.ENOSPC else type(error).__name__
    return None


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if hasattr(os, "nice"):
        os.nice(10)
    with redirect_stdout(sys.stderr):
        sys.exit(reason(sys.argv[1], *map(Path, sys.argv[2:])))
