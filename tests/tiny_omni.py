"""Tiny random chat checkpoints that see and hear: see ``tiny_models``."""

from __future__ import annotations

import json
from pathlib import Path

import tiny_text as text
import torch
import transformers as tf
from safetensors.torch import load_file, save_file
from tiny_chats import QWEN_MEDIA, SMALL, WIDTH, WORDS, ends, ids, save

SMALL_AUDIO = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "subsampling_conv_channels": [128, 4],  # the first is also the number of mel bands
}


def gemma4(folder: Path) -> Path:
    """Gemma 4 E2B: image, several images, video with times, audio."""
    tokenizer = text.gemma_like(
        image_token="<|image|>",
        boi_token="<|image>",
        eoi_token="<image|>",
        audio_token="<|audio|>",
        boa_token="<|audio>",
        eoa_token="<audio|>",
    )
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|video|>"]}, replace_extra_special_tokens=False)
    words = WORDS | {
        "vocab_size": len(tokenizer),
        "vocab_size_per_layer_input": len(tokenizer),
        "hidden_size_per_layer_input": 8,
        "global_head_dim": 16,
        "layer_types": ["sliding_attention", "full_attention"],
    }
    config = tf.Gemma4Config(
        text_config=words | ends(tokenizer),
        vision_config=SMALL | {"num_key_value_heads": 4, "head_dim": 8, "position_embedding_size": 64},
        audio_config=SMALL_AUDIO | {"output_proj_dims": WIDTH},
        **ids(
            tokenizer,
            image_token_id="<|image|>",
            boi_token_id="<|image>",
            eoi_token_id="<image|>",
            audio_token_id="<|audio|>",
            boa_token_id="<|audio>",
            eoa_token_index="<audio|>",
            video_token_id="<|video|>",
        ),
    )
    processor = tf.Gemma4Processor(
        tf.Gemma4AudioFeatureExtractor(),
        tf.Gemma4ImageProcessor(max_soft_tokens=70),
        tokenizer,
        tf.Gemma4VideoProcessor(max_soft_tokens=70),
        chat_template="<bos>" + text.template("<|image|>", "<|video|>", "<|audio|>"),
    )
    return save(folder, tf.Gemma4ForConditionalGeneration, config, processor)


def qwen2_5_omni(folder: Path) -> Path:
    """Qwen2.5-Omni's thinker: image, several images, video, audio."""
    named = (
        QWEN_MEDIA
        | {"audio_token": "<|AUDIO|>", "audio_bos_token": "<|audio_bos|>"}
        | {
            "audio_eos_token": "<|audio_eos|>",
            "vision_bos_token": "<|vision_bos|>",
            "vision_eos_token": "<|vision_eos|>",
        }
    )
    tokenizer = text.qwen(**named)
    vision = {"depth": 2, "hidden_size": WIDTH, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": WIDTH}
    sound = {"d_model": WIDTH, "encoder_layers": 1, "encoder_attention_heads": 4, "encoder_ffn_dim": 64}
    config = tf.Qwen2_5OmniThinkerConfig(
        text_config=WORDS
        | {"vocab_size": len(tokenizer), "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1]}}
        | ends(tokenizer),
        vision_config=vision | {"fullatt_block_indexes": [1], "window_size": 56, "initializer_range": 0.3},
        audio_config=sound | {"output_dim": WIDTH, "initializer_range": 0.3},
        **ids(
            tokenizer,
            image_token_index="<|image_pad|>",
            video_token_index="<|video_pad|>",
            audio_token_index="<|AUDIO|>",
            audio_start_token_id="<|audio_bos|>",
            audio_end_token_id="<|audio_eos|>",
            user_token_id="u",
            vision_start_token_id="<|vision_bos|>",
            vision_end_token_id="<|vision_eos|>",
        ),
    )
    processor = tf.Qwen2_5OmniProcessor(
        tf.Qwen2VLImageProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 56 * 56}),
        tf.Qwen2VLVideoProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 56 * 56}),
        tf.WhisperFeatureExtractor(feature_size=128, hop_length=160, n_fft=400),
        tokenizer,
        chat_template=text.template(
            "<|vision_bos|><|image_pad|><|vision_eos|>",
            "<|vision_bos|><|video_pad|><|vision_eos|>",
            "<|audio_bos|><|AUDIO|><|audio_eos|>",
        ),
    )
    save(folder, tf.Qwen2_5OmniThinkerForConditionalGeneration, config, processor)
    return _with_a_voice(folder)


def _with_a_voice(folder: Path) -> Path:
    """The layout of the whole Omni: the thinker under a prefix, beside a talker that we do not load."""
    weights = {f"thinker.{name}": tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    weights["talker.model.norm.weight"] = torch.zeros(8)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    thinker = json.loads((folder / "config.json").read_text("utf-8"))
    whole = {"model_type": "qwen2_5_omni", "architectures": ["Qwen2_5OmniModel"], "thinker_config": thinker}
    (folder / "config.json").write_text(json.dumps(whole), "utf-8")
    return folder
