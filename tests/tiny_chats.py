"""Tiny random chat checkpoints that see: see ``tiny_models``."""

from __future__ import annotations

from pathlib import Path

import tiny_text as text
import torch
import transformers as tf

CONTEXT = 2048  # tokens
WIDTH = 32
SMALL = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.3,  # wide, so that the answer depends on what is seen
}
WORDS = SMALL | {"num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": CONTEXT}
MROPE = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10_000.0, "mrope_interleaved": True}
QWEN = ("<|vision_start|>", "<|vision_end|>")
QWEN_MEDIA = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
SEEN = {"image": "<|vision_start|><|image_pad|><|vision_end|>", "video": "<|vision_start|><|video_pad|><|vision_end|>"}


def save(folder: Path, kind, config, processor) -> Path:
    """Draw the weights, and write them and the processor as the hub lays them out.

    The answer never holds a special token or a part of a letter, so that its text shows every token.
    """
    torch.manual_seed(0)
    model = kind(config)
    tokenizer = processor.tokenizer
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.suppress_tokens = text.unwritten(tokenizer)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def ids(tokenizer, **tokens: str) -> dict[str, int]:
    """Config fields that name tokens, as their numbers."""
    return {field: tokenizer.convert_tokens_to_ids(token) for field, token in tokens.items()}


def ends(tokenizer) -> dict[str, int | None]:
    return {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id} | {
        "pad_token_id": tokenizer.pad_token_id
    }


def smolvlm(folder: Path) -> Path:
    """SmolVLM2: image, several images, video as frames."""
    tokenizer = text.generic(
        "<fake_token_around_image>",
        "<global-img>",
        "<end_of_utterance>",
        *(f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)),
        bos="<|im_start|>",
        eos="<|im_end|>",
        pad="<|im_end|>",
        image_token="<image>",
        video_token="<video>",
    )
    config = tf.SmolVLMConfig(
        text_config=WORDS | {"vocab_size": len(tokenizer), **ends(tokenizer)},
        vision_config=SMALL | {"image_size": 32, "patch_size": 8},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    size = {"size": {"longest_edge": 32}, "max_image_size": {"longest_edge": 32}}
    processor = tf.SmolVLMProcessor(
        tf.SmolVLMImageProcessor(**size, do_image_splitting=False),
        tokenizer,
        tf.SmolVLMVideoProcessor(**size, num_frames=8, fps=1),
        image_seq_len=4,
        chat_template=text.template("<image>", "<video>"),
    )
    return save(folder, tf.SmolVLMForConditionalGeneration, config, processor)


def qwen3_vl(folder: Path) -> Path:
    """Qwen3-VL: image, several images, video with times."""
    tokenizer = text.qwen(*QWEN, **QWEN_MEDIA)
    vision = {"depth": 2, "hidden_size": WIDTH, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": WIDTH}
    config = tf.Qwen3VLConfig(
        text_config=WORDS | {"vocab_size": len(tokenizer), "rope_parameters": MROPE, **ends(tokenizer)},
        vision_config=vision | {"deepstack_visual_indexes": [0], "initializer_range": 0.3},
        **ids(
            tokenizer,
            image_token_id="<|image_pad|>",
            video_token_id="<|video_pad|>",
            vision_start_token_id="<|vision_start|>",
            vision_end_token_id="<|vision_end|>",
        ),
    )
    processor = tf.Qwen3VLProcessor(
        tf.Qwen2VLImageProcessor(patch_size=16, size={"shortest_edge": 64 * 64, "longest_edge": 64 * 64}),
        tokenizer,
        tf.Qwen3VLVideoProcessor(size={"shortest_edge": 64 * 64, "longest_edge": 8 * 64 * 64}),
        chat_template=text.template(SEEN["image"], "<|video_pad|>"),
    )
    return save(folder, tf.Qwen3VLForConditionalGeneration, config, processor)


def middling(folder: Path) -> Path:
    """Qwen3-VL with room for long prompts and whole pictures, 27 million parameters, to see what memory it takes."""
    tokenizer = text.qwen(*QWEN, **QWEN_MEDIA)
    words = {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 6, "num_attention_heads": 8}
    words |= {"num_key_value_heads": 4, "head_dim": 64, "max_position_embeddings": 16_384, "initializer_range": 0.02}
    sight = {"hidden_size": 256, "intermediate_size": 1024, "depth": 4, "num_heads": 4, "patch_size": 16}
    config = tf.Qwen3VLConfig(
        text_config=words
        | {"vocab_size": len(tokenizer), "rope_parameters": MROPE | {"mrope_section": [12, 10, 10]}}
        | ends(tokenizer),
        vision_config=sight | {"out_hidden_size": 512, "deepstack_visual_indexes": [0]},
        **ids(
            tokenizer,
            image_token_id="<|image_pad|>",
            video_token_id="<|video_pad|>",
            vision_start_token_id="<|vision_start|>",
            vision_end_token_id="<|vision_end|>",
        ),
    )
    processor = tf.Qwen3VLProcessor(
        tf.Qwen2VLImageProcessor(patch_size=16, size={"shortest_edge": 256 * 256, "longest_edge": 4096 * 4096}),
        tokenizer,
        tf.Qwen3VLVideoProcessor(size={"shortest_edge": 64 * 64, "longest_edge": 24 * 1024 * 1024}),
        chat_template=text.template(SEEN["image"], "<|video_pad|>"),
    )
    return save(folder, tf.Qwen3VLForConditionalGeneration, config, processor)


def lfm3_vl(folder: Path) -> Path:
    """LFM3-VL: image, several images, video with times."""
    tokenizer = text.generic(
        "<|im_start|>", *QWEN, bos="<|startoftext|>", eos="<|im_end|>", pad="<|pad|>", **QWEN_MEDIA
    )
    config = tf.Lfm3VlConfig(
        text_config=WORDS
        | {"vocab_size": len(tokenizer), "layer_types": ["conv", "full_attention"], "conv_L_cache": 3}
        | ends(tokenizer),
        vision_config=SMALL | {"num_key_value_heads": 2, "layer_types": ["conv", "full_attention"]},
        projector_hidden_size=WIDTH,
        **ids(
            tokenizer,
            image_token_id="<|image_pad|>",
            video_token_id="<|video_pad|>",
            vision_start_token_id="<|vision_start|>",
            vision_end_token_id="<|vision_end|>",
        ),
    )
    processor = tf.Lfm3VlProcessor(
        tf.Qwen2VLImageProcessor(patch_size=16, size={"shortest_edge": 64 * 64, "longest_edge": 64 * 64}),
        tokenizer,
        tf.Qwen3VLVideoProcessor(size={"shortest_edge": 64 * 64, "longest_edge": 8 * 64 * 64}),
        chat_template=text.template(SEEN["image"], "<|video_pad|>"),
    )
    return save(folder, tf.Lfm3VlForConditionalGeneration, config, processor)


def lfm2_vl(folder: Path) -> Path:
    """LFM2-VL: image, several images."""
    tokenizer = text.generic(
        "<|im_start|>",
        bos="<|startoftext|>",
        eos="<|im_end|>",
        pad="<|pad|>",
        image_token="<image>",
        image_start_token="<|image_start|>",
        image_end_token="<|image_end|>",
        image_thumbnail="<|img_thumbnail|>",
    )
    words = WORDS | {"vocab_size": len(tokenizer), "layer_types": ["conv", "full_attention"], **ends(tokenizer)}
    config = tf.Lfm2VlConfig(
        text_config=words | {"model_type": "lfm2"},
        vision_config=SMALL | {"model_type": "siglip2_vision_model", "patch_size": 16, "num_patches": 16},
        projector_hidden_size=WIDTH,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    images = tf.Lfm2VlImageProcessor(
        do_image_splitting=False, min_image_tokens=1, max_image_tokens=4, tile_size=64, max_num_patches=16
    )
    processor = tf.Lfm2VlProcessor(images, tokenizer, chat_template=text.template("<image>"))
    return save(folder, tf.Lfm2VlForConditionalGeneration, config, processor)


def minicpm_v(folder: Path) -> Path:
    """MiniCPM-V 4.7: image, several images, video as frames."""
    named = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"} | {
        "image_start_token": "<image>",
        "image_end_token": "</image>",
        "slice_start_token": "<slice>",
        "slice_end_token": "</slice>",
        "image_id_start_token": "<image_id>",
        "image_id_end_token": "</image_id>",
    }
    tokenizer = text.generic("<|im_start|>", bos="<|im_start|>", eos="<|im_end|>", pad="<|endoftext|>", **named)
    linear = {"linear_num_key_heads": 2, "linear_num_value_heads": 2} | {
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    }
    rope = MROPE | {"partial_rotary_factor": 1.0}
    config = tf.MiniCPMV4_7Config(
        text_config=WORDS
        | linear
        | {"vocab_size": len(tokenizer), "rope_parameters": rope, "model_type": "qwen3_5_text"}
        | {"layer_types": ["linear_attention", "full_attention"], **ends(tokenizer)},
        vision_config=SMALL | {"image_size": 64, "patch_size": 8},
        insert_layer_id=0,
        newline_id=tokenizer.encode("\n")[0],
        **ids(
            tokenizer,
            image_token_id="<|image_pad|>",
            video_token_id="<|video_pad|>",
            image_start_id="<image>",
            image_end_id="</image>",
            slice_start_id="<slice>",
            slice_end_id="</slice>",
        ),
    )
    size = {"scale_resolution": 64, "patch_size": 8, "max_slice_nums": 1}
    processor = tf.MiniCPMV4_7Processor(
        tf.MiniCPMV4_6ImageProcessor(**size),
        tf.MiniCPMV4_6VideoProcessor(**size),
        tokenizer,
        chat_template=text.template("<|image_pad|>", "<|video_pad|>"),
    )
    return save(folder, tf.MiniCPMV4_7ForConditionalGeneration, config, processor)
