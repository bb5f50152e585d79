"""A CTranslate2 Whisper put back into the layout that the hub publishes: real weights for the converter to read."""

from __future__ import annotations

import json
import re
import shutil
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

DTYPES = ("<f4", "i1", "<i2", "<i4", "<f2")  # by their number in the file
NORM = {"gamma": "weight", "beta": "bias"}
#: CTranslate2's name of a part of a layer -> the published one; joined projections are listed in order.
PARTS = {
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "self_attention/layer_norm": ("self_attn_layer_norm",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "attention/layer_norm": ("encoder_attn_layer_norm",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
    "ffn/layer_norm": ("final_layer_norm",),
}
TOP = {"embeddings/weight": "embed_tokens.weight", "position_encodings/encodings": "embed_positions.weight"}


def tensors(path: Path) -> dict[str, np.ndarray]:
    """What a ``model.bin`` holds, by CTranslate2's names."""
    file = BytesIO(path.read_bytes())

    def number(kind: str) -> int:
        return struct.unpack("<" + kind, file.read(struct.calcsize("<" + kind)))[0]

    def string() -> str:
        return file.read(number("H"))[:-1].decode()

    assert number("I") == 6 and string() == "WhisperSpec" and number("I")
    found = {}
    for _ in range(number("I")):
        name, shape = string(), [number("I") for _ in range(number("B"))]
        kind = DTYPES[number("B")]
        found[name] = np.frombuffer(file.read(number("I")), kind).reshape(shape)
    return found


def published(folder: Path, target: Path) -> Path:
    """The hub's files of the model in ``folder``, written into ``target``."""
    found = tensors(folder / "model.bin")
    width, layers = found["encoder/conv1/bias"].size, len({n.split("/")[1] for n in found if "encoder/layer_" in n}) - 1
    size = {f"{half}_{part}": value for half in ("encoder", "decoder") for part, value in _size(width, layers).items()}
    rows = found["decoder/embeddings/weight"].shape[0]
    config = {"model_type": "whisper", "d_model": width, "vocab_size": rows, "num_mel_bins": 80, **size}
    told = json.loads((folder / "config.json").read_text())
    settings = {
        "alignment_heads": told["alignment_heads"],
        "lang_to_id": {f"<|{number}|>": number for number in told["lang_ids"]},
        "suppress_tokens": told["suppress_ids"],
        "begin_suppress_tokens": told["suppress_ids_begin"],
    }
    target.mkdir()
    for name, content in {
        "config.json": config | {"decoder_start_token_id": 50258},
        "generation_config.json": settings,
        "preprocessor_config.json": {"feature_size": 80},
        "tokenizer_config.json": {"tokenizer_class": "WhisperTokenizer"},
    }.items():
        (target / name).write_text(json.dumps(content))
    shutil.copy(folder / "tokenizer.json", target)
    whole = {name: part for key, value in found.items() if value.ndim for name, part in _renamed(key, value)}
    save_file(whole, target / "model.safetensors", {"format": "pt"})
    return target


def _size(width: int, layers: int) -> dict[str, int]:
    return {"layers": layers, "attention_heads": width // 64, "ffn_dim": 4 * width}


def _renamed(key: str, value: np.ndarray) -> list[tuple[str, np.ndarray]]:
    half, rest = key.split("/", 1)
    layer = re.fullmatch(r"layer_(\d+)/(\w+/\w+)/(\w+)", rest)
    if layer is None:
        name, _, kind = rest.rpartition("/")
        plain = TOP.get(rest) or f"{name}.{NORM.get(kind, kind)}"
        return [(f"model.{half}.{plain}", value)] if rest != "alignment_heads" else []
    number, part, kind = layer.groups()
    names = [f"model.{half}.layers.{number}.{name}.{NORM.get(kind, kind)}" for name in PARTS[part]]
    pieces = zip(names, np.split(value, len(names)), strict=True)
    return [(name, np.ascontiguousarray(piece)) for name, piece in pieces if not name.endswith("k_proj.bias")]
