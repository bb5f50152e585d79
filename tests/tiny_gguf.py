"""Tiny random GGUF models written on the spot: a language model with a real tokenizer, and eyes or ears for it.

Keys and tensors are those that llama.cpp's ``src/models`` and ``tools/mtmd/clip.cpp`` ask for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

CORPUS = (
    "a photo of a red bird, a green house and a blue boat on the sea",
    "what do you see in the picture? describe the video and the sound in one sentence",
    "the quick brown fox jumps over the lazy dog; user, assistant and system speak in turns",
    "一张红色的鸟的照片，图里有什么？请用一句话描述视频和声音。",
)
VOCABULARY = 400  # tokens, of which 256 are the bytes
CONTROL = gguf.TokenType.CONTROL
TURNS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{%- for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}"
)
#: Of the kind that takes content in parts only, as SmolVLM's.
TYPED = (
    "{%- for message in messages %}{{ '<|im_start|>' + message['role'] + ':' }}{%- for part in message['content'] %}"
    "{%- if part['type'] == 'text' %}{{ part['text'] }}{%- elif part['type'] == 'image' %}{{ '<image>' }}{%- endif %}"
    "{%- endfor %}{{ '<|im_end|>\n' }}{%- endfor %}{%- if add_generation_prompt %}{{ 'assistant:' }}{%- endif %}"
)
#: What the runtime puts around a picture: SmolVLM's tokens, and Qwen's for pictures and sound.
SMOLVLM = ("<fake_token_around_image>", "<global-img>", *(f"<row_{r}_col_{c}>" for r in (1, 2) for c in (1, 2)))
QWEN = ("<|vision_start|>", "<|vision_end|>", "<|audio_bos|>", "<|audio_eos|>")
WIDTH, LAYERS, HEADS = 64, 2, 4
EYE_WIDTH, PATCH = 32, 8
MELS, EAR_FRAMES = 80, 1500


@dataclass(frozen=True)
class Weights:
    """Draws tensors into a writer; wide, so that an answer depends on what is seen."""

    writer: gguf.GGUFWriter
    random: np.random.Generator

    def __call__(self, name: str, *shape: int, scale: float = 0.3) -> np.ndarray:
        drawn = (self.random.standard_normal(shape) * scale).astype(np.float32)
        self.writer.add_tensor(name, drawn)
        return drawn

    def ones(self, *names: str, width: int) -> None:
        for name in names:
            self.writer.add_tensor(name, np.ones(width, np.float32))

    def zeros(self, *names: str, width: int) -> None:
        for name in names:
            self.writer.add_tensor(name, np.zeros(width, np.float32))

    def save(self) -> Path:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()
        return Path(self.writer.path)


def _weights(path: Path, architecture: str, seed: int) -> Weights:
    path.parent.mkdir(parents=True, exist_ok=True)
    return Weights(gguf.GGUFWriter(path, architecture), np.random.default_rng(seed))


# -- language


def byte_pairs() -> tuple[list[str], list[str]]:
    """Tokens in order and merges, of a byte-level tokenizer trained on CORPUS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.get), [
        pair if isinstance(pair, str) else " ".join(pair) for pair in merges
    ]


def _tokenizer(writer: gguf.GGUFWriter, specials: Sequence[str], template: str) -> np.ndarray:
    """Write the tokenizer; which of its tokens an answer may hold: plain letters, so that its text shows every one."""
    tokens, merges = byte_pairs()
    controls = [*TURNS, *specials]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([*tokens, "ĊĊ", *controls])  # two newlines, which SmolVLM's pictures begin with
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) + 1) + [CONTROL] * len(controls))
    writer.add_token_merges([*merges, "Ċ Ċ"])
    writer.add_eos_token_id(len(tokens) + 1 + TURNS.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)
    plain = [token.isascii() and token.isprintable() for token in tokens]
    return np.array([*plain, False, *(False for _ in controls)])


def language(
    path: Path,
    architecture: str = "llama",
    specials: Sequence[str] = (),
    *,
    template: str = TEMPLATE,
    deepstack: int = 0,
) -> Path:
    """A language model of two layers, "llama" or "qwen3vl"."""
    draw = _weights(path, architecture, seed=1)
    writer = draw.writer
    writer.add_context_length(8192)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_key_length(WIDTH // HEADS)
    writer.add_value_length(WIDTH // HEADS)
    if architecture == "qwen3vl":
        writer.add_rope_dimension_sections([3, 3, 2, 0])
        writer.add_uint32("qwen3vl.n_deepstack_layers", deepstack)
    allowed = _tokenizer(writer, specials, template)
    draw("token_embd.weight", len(allowed), WIDTH)
    output = draw.random.standard_normal((len(allowed), WIDTH)).astype(np.float32)
    writer.add_tensor("output.weight", output * allowed[:, None])
    draw.ones("output_norm.weight", width=WIDTH)
    for layer in range(LAYERS):
        _block(draw, f"blk.{layer}", with_norms=architecture == "qwen3vl")
    return draw.save()


def _block(draw: Weights, name: str, with_norms: bool) -> None:
    draw.ones(f"{name}.attn_norm.weight", f"{name}.ffn_norm.weight", width=WIDTH)
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        draw(f"{name}.{part}.weight", WIDTH, WIDTH)
    if with_norms:
        draw.ones(f"{name}.attn_q_norm.weight", f"{name}.attn_k_norm.weight", width=WIDTH // HEADS)
    draw(f"{name}.ffn_gate.weight", 2 * WIDTH, WIDTH)
    draw(f"{name}.ffn_up.weight", 2 * WIDTH, WIDTH)
    draw(f"{name}.ffn_down.weight", WIDTH, 2 * WIDTH)


# -- sight and hearing


def _encoder(writer: gguf.GGUFWriter, sense: str, width: int) -> None:
    for key, value in {
        "embedding_length": EYE_WIDTH,
        "feed_forward_length": 2 * EYE_WIDTH,
        "block_count": 1,
        "projection_dim": width,
        "attention.head_count": 2,
    }.items():
        writer.add_uint32(f"clip.{sense}.{key}", value)
    writer.add_float32(f"clip.{sense}.attention.layer_norm_epsilon", 1e-6)


def _encoder_block(draw: Weights, name: str, attention: Sequence[tuple[str, int, bool]]) -> None:
    """``attention``: its parts before the output, how wide they are and whether they have a bias."""
    for norm in ("ln1", "ln2"):
        draw.ones(f"{name}.{norm}.weight", width=EYE_WIDTH)
        draw.zeros(f"{name}.{norm}.bias", width=EYE_WIDTH)
    for part, width, has_bias in (*attention, ("attn_out", EYE_WIDTH, True)):
        draw(f"{name}.{part}.weight", width, EYE_WIDTH)
        if has_bias:
            draw.zeros(f"{name}.{part}.bias", width=width)
    draw(f"{name}.ffn_up.weight", 2 * EYE_WIDTH, EYE_WIDTH)
    draw.zeros(f"{name}.ffn_up.bias", width=2 * EYE_WIDTH)
    draw(f"{name}.ffn_down.weight", EYE_WIDTH, 2 * EYE_WIDTH)
    draw.zeros(f"{name}.ffn_down.bias", width=EYE_WIDTH)


def _eyes(draw: Weights, projector: str, width: int, size: int) -> None:
    writer = draw.writer
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.vision.projector_type", projector)
    writer.add_bool("clip.use_gelu", True)
    _encoder(writer, "vision", width)
    writer.add_uint32("clip.vision.image_size", size)
    writer.add_uint32("clip.vision.patch_size", PATCH)
    writer.add_array("clip.vision.image_mean", [0.5] * 3)
    writer.add_array("clip.vision.image_std", [0.5] * 3)
    draw.zeros("v.patch_embd.bias", width=EYE_WIDTH)
    draw("v.position_embd.weight", (size // PATCH) ** 2, EYE_WIDTH)
    draw.ones("v.post_ln.weight", width=EYE_WIDTH)
    draw.zeros("v.post_ln.bias", width=EYE_WIDTH)


def smolvlm_eyes(draw: Weights, width: int) -> None:
    """Idefics 3's: a picture as tiles of four tokens and an overview."""
    _eyes(draw, "idefics3", width, size=32)
    draw.writer.add_uint32("clip.vision.projector.scale_factor", 2)
    draw.writer.add_uint32("clip.vision.preproc_image_size", 64)
    draw("v.patch_embd.weight", EYE_WIDTH, 3, PATCH, PATCH)
    _encoder_block(draw, "v.blk.0", [(f"attn_{part}", EYE_WIDTH, True) for part in "qkv"])
    draw("mm.model.fc.weight", width, 4 * EYE_WIDTH)


def qwen_eyes(draw: Weights, width: int, deepstack: bool = True) -> None:
    """Qwen3-VL's: a token for each 16 pixels square, at any size."""
    _eyes(draw, "qwen3vl_merger", width, size=64)
    draw.writer.add_uint32("clip.vision.spatial_merge_size", 2)
    draw("v.patch_embd.weight", EYE_WIDTH, 3, PATCH, PATCH)
    draw("v.patch_embd.weight.1", EYE_WIDTH, 3, PATCH, PATCH)
    _encoder_block(draw, "v.blk.0", [("attn_qkv", 3 * EYE_WIDTH, True)])
    merged = 4 * EYE_WIDTH
    _two_layers(draw, "mm.0", "mm.2", merged, width)
    if deepstack:
        draw.ones("v.deepstack.0.norm.weight", width=merged)
        draw.zeros("v.deepstack.0.norm.bias", width=merged)
        _two_layers(draw, "v.deepstack.0.fc1", "v.deepstack.0.fc2", merged, width)


def _two_layers(draw: Weights, first: str, second: str, inner: int, width: int) -> None:
    draw(f"{first}.weight", inner, inner)
    draw.zeros(f"{first}.bias", width=inner)
    draw(f"{second}.weight", width, inner)
    draw.zeros(f"{second}.bias", width=width)


def ears(draw: Weights, width: int) -> None:
    """Whisper's encoder with Qwen2-Audio's projector."""
    writer = draw.writer
    writer.add_bool("clip.has_audio_encoder", True)
    writer.add_string("clip.audio.projector_type", "qwen2a")
    _encoder(writer, "audio", width)
    writer.add_uint32("clip.audio.num_mel_bins", MELS)
    draw("a.position_embd.weight", EAR_FRAMES, EYE_WIDTH)
    draw.ones("a.post_ln.weight", width=EYE_WIDTH)
    draw.zeros("a.post_ln.bias", width=EYE_WIDTH)
    draw("a.conv1d.1.weight", EYE_WIDTH, MELS, 3)
    draw("a.conv1d.1.bias", EYE_WIDTH, 1)
    draw("a.conv1d.2.weight", EYE_WIDTH, EYE_WIDTH, 3)
    draw("a.conv1d.2.bias", EYE_WIDTH, 1)
    _encoder_block(draw, "a.blk.0", [(f"attn_{part}", EYE_WIDTH, part != "k") for part in "qkv"])
    draw("mm.a.fc.weight", width, EYE_WIDTH)
    draw.zeros("mm.a.fc.bias", width=width)


# -- families


def smolvlm(folder: Path) -> Path:
    """SmolVLM's: sees, in tiles."""
    language(folder / "tiny-Q8_0.gguf", specials=SMOLVLM, template=TYPED)
    draw = _weights(folder / "mmproj-tiny-f16.gguf", "clip", seed=2)
    smolvlm_eyes(draw, WIDTH)
    draw.save()
    return folder


def qwen3_vl(folder: Path) -> Path:
    """Qwen3-VL's: sees at any size, into two layers of the language model."""
    language(folder / "tiny-Q4_K_M.gguf", "qwen3vl", QWEN, deepstack=1)
    draw = _weights(folder / "mmproj-tiny-f16.gguf", "clip", seed=2)
    qwen_eyes(draw, WIDTH)
    draw.save()
    return folder


def omni(folder: Path) -> Path:
    """Sees and hears."""
    language(folder / "tiny-Q4_K_M.gguf", specials=(*SMOLVLM, *QWEN))
    draw = _weights(folder / "mmproj-tiny-f16.gguf", "clip", seed=2)
    smolvlm_eyes(draw, WIDTH)
    ears(draw, WIDTH)
    draw.save()
    return folder


def eyes_for(path: Path, width: int) -> Path:
    """Eyes alone, for a language model of ``width`` that knows no token of theirs."""
    draw = _weights(path, "clip", seed=2)
    qwen_eyes(draw, width, deepstack=False)
    return draw.save()
