"""Tiny random checkpoints of the very classes in the catalogue, laid out as the hub lays them out.

Each function writes into a folder: config and safetensors of the family's own model class (two layers, tens
of dimensions, weights drawn at random), its own processor, a tokenizer trained on the spot, a chat template.
They answer nonsense, by the same road as the real ones.
"""

from __future__ import annotations

from pathlib import Path

import tiny_text as text
import torch
import transformers as tf

SIDE = 32  # pixels of an image
HEADS = {"num_hidden_layers": 2, "num_attention_heads": 4}
SMALL = {"hidden_size": 32, "intermediate_size": 64, **HEADS, "initializer_range": 0.3}


def save(folder: Path, model, processor) -> Path:
    """Write ``model`` as safetensors, and its processor, into ``folder``."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _made(kind, config):
    torch.manual_seed(0)
    return kind(config)


def _squares(processor=tf.CLIPImageProcessor):
    return processor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def clip(folder: Path, hidden: int = 32) -> Path:
    """CLIP, with the files of the years before ``processor_config.json``."""
    tokenizer = text.clip()
    size = SMALL | {"hidden_size": hidden, "intermediate_size": 4 * hidden}
    words = size | {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    sight = size | {"image_size": SIDE, "patch_size": 8}
    model = _made(tf.CLIPModel, tf.CLIPConfig(text_config=words, vision_config=sight, projection_dim=hidden))
    tokenizer.save_pretrained(folder)
    return save(folder, model, _squares())


def wide_clip(folder: Path) -> Path:
    """CLIP of some 200 MB, to see its memory come and go."""
    return clip(folder, hidden=1024)


def middling_clip(folder: Path) -> Path:
    """CLIP of some 50 MB, to see a leak of it."""
    return clip(folder, hidden=512)


def siglip2(folder: Path) -> Path:
    """SigLIP 2, fixed resolution: a SigLIP model with the tokenizer of SigLIP 2."""
    tokenizer = text.siglip2()
    words = SMALL | {"vocab_size": len(tokenizer), "projection_size": 32, "max_position_embeddings": 64}
    sight = SMALL | {"image_size": SIDE, "patch_size": 8}
    model = _made(tf.SiglipModel, tf.SiglipConfig(text_config=words, vision_config=sight))
    images = tf.SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    return save(folder, model, tf.SiglipProcessor(images, tokenizer))


def siglip2_naflex(folder: Path) -> Path:
    """SigLIP 2 that keeps the shape of a picture."""
    tokenizer = text.siglip2()
    words = SMALL | {"vocab_size": len(tokenizer), "projection_size": 32, "max_position_embeddings": 64}
    sight = SMALL | {"patch_size": 16, "num_patches": 256}
    model = _made(tf.Siglip2Model, tf.Siglip2Config(text_config=words, vision_config=sight))
    images = tf.Siglip2ImageProcessor(patch_size=16, max_num_patches=256)
    return save(folder, model, tf.Siglip2Processor(images, tokenizer))


def chinese_clip(folder: Path) -> Path:
    """Chinese-CLIP: labels in Chinese and English."""
    tokenizer = text.chinese()
    words = SMALL | {"vocab_size": len(tokenizer), "max_position_embeddings": 52, "pad_token_id": 0}
    sight = SMALL | {"image_size": SIDE, "patch_size": 8}
    config = tf.ChineseCLIPConfig(text_config=words, vision_config=sight, projection_dim=32)
    images = tf.ChineseCLIPImageProcessor(
        size={"height": SIDE, "width": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    return save(folder, _made(tf.ChineseCLIPModel, config), tf.ChineseCLIPProcessor(images, tokenizer))


def whisper(folder: Path, positions: int = 64) -> Path:
    """Whisper of two languages; ``positions`` is its longest text, in tokens."""
    tokenizer = text.whisper()
    number = {token: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for token in text.WHISPER_TOKENS}
    size = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "d_model": 32}
    ends = {"bos_token_id": number["endoftext"], "eos_token_id": number["endoftext"]}
    config = tf.WhisperConfig(
        **size,
        **ends,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        vocab_size=len(tokenizer),
        num_mel_bins=80,
        max_target_positions=positions,
        pad_token_id=number["endoftext"],
        decoder_start_token_id=number["startoftranscript"],
        init_std=0.2,
    )
    model = _made(tf.WhisperForConditionalGeneration, config)
    settings = ends | {
        "is_multilingual": True,
        "lang_to_id": {f"<|{code}|>": number[code] for code in ("en", "zh")},
        "task_to_id": {task: number[task] for task in ("transcribe", "translate")},
        "no_timestamps_token_id": number["notimestamps"],
        "prev_sot_token_id": number["startofprev"],
        "max_initial_timestamp_index": 50,
        "pad_token_id": number["endoftext"],
        "decoder_start_token_id": number["startoftranscript"],
        "return_timestamps": False,
        "begin_suppress_tokens": [number["endoftext"]],
        "suppress_tokens": [number[token] for token in text.WHISPER_TOKENS if token != "endoftext"],
    }
    model.generation_config = tf.GenerationConfig(**settings)
    return save(folder, model, tf.WhisperProcessor(tf.WhisperFeatureExtractor(), tokenizer))


def moonshine(folder: Path) -> Path:
    """Moonshine: English, from the wave itself."""
    tokenizer = text.generic(bos="<s>", eos="</s>", pad="<pad>")
    config = tf.MoonshineConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        encoder_num_hidden_layers=1,
        decoder_num_hidden_layers=1,
        encoder_num_attention_heads=4,
        decoder_num_attention_heads=4,
        initializer_range=0.3,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = _made(tf.MoonshineForConditionalGeneration, config)
    model.generation_config.suppress_tokens = text.unwritten(tokenizer)
    processor = tf.Wav2Vec2Processor(tf.Wav2Vec2FeatureExtractor(do_normalize=False), tokenizer)
    return save(folder, model, processor)


def qwen3_asr(folder: Path) -> Path:
    """Qwen3-ASR: it names the language, then writes the text."""
    named = {"audio_token": "<|audio_pad|>", "audio_bos_token": "<|audio_start|>"} | {
        "audio_eos_token": "<|audio_end|>"
    }
    tokenizer = text.qwen("<timestamp>", **named)
    tokenizer.add_tokens("<asr_text>")
    words = SMALL | {"vocab_size": len(tokenizer), "num_key_value_heads": 2, "head_dim": 8}
    sound = {"d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 4, "encoder_ffn_dim": 64}
    config = tf.Qwen3ASRConfig(
        text_config=words | {"max_position_embeddings": 2048, "tie_word_embeddings": True},
        audio_config=sound | {"output_dim": 32, "downsample_hidden_size": 8, "initializer_range": 0.3},
        audio_token_id=tokenizer.convert_tokens_to_ids("<|audio_pad|>"),
        timestamp_token_id=tokenizer.convert_tokens_to_ids("<timestamp>"),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = _made(tf.Qwen3ASRForConditionalGeneration, config)
    model.generation_config.suppress_tokens = text.unwritten(tokenizer)
    processor = tf.Qwen3ASRProcessor(
        tf.Qwen3ASRFeatureExtractor(),
        tokenizer,
        chat_template=text.template(audio="<|audio_start|><|audio_pad|><|audio_end|>"),
    )
    return save(folder, model, processor)
