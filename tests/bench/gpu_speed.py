"""Speed, memory and load time per precision of a vision-language model of real size, on a GPU.

    python -m tests.bench.gpu_speed [--size 8b] [--tokens 256] [--device cuda]

The checkpoint has the published shape of Qwen3-VL of that size and random weights, which are as fast and as
large as trained ones. It is loaded as the studio loads it, at each precision in turn, and asked about one picture
of 1,024 pixels. ``expected`` is what ``mmcore.memory`` plans for that input. ``--size tiny --device cpu`` tries
the script itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_rows import image_medium, opened

from mmcore.memory import LADDER, Shape, Workload, precisions
from mmcore.types import Medium, Message, Plan, Sampling

#: Layers, width, inner width and heads of the language model; width, inner width and layers of sight.
SIZES = {
    "tiny": (2, 256, 512, 4, 128, 256, 2),
    "2b": (28, 2048, 6144, 16, 1024, 4096, 24),
    "4b": (36, 2560, 9728, 32, 1024, 4096, 24),
    "8b": (36, 4096, 12288, 32, 1152, 4304, 27),
}
VOCABULARY, KV_HEADS, HEAD_WIDTH = 151_936, 8, 128
SKIPPED = ("fp16",)  # as large and as fast as bf16


def checkpoint(folder: Path, size: str, device: str) -> tuple[float, Shape]:
    """Write a random model of that size as the hub would lay it out; its parameters and its shape."""
    import tiny_chats
    import torch
    import transformers as tf

    layers, width, inner, heads, sight_width, sight_inner, sight_layers = SIZES[size]
    tiny_chats.middling(folder)  # its tokenizer, processor and template
    config = tf.AutoConfig.from_pretrained(folder)
    text = {"num_hidden_layers": layers, "hidden_size": width, "intermediate_size": inner, "vocab_size": VOCABULARY}
    text |= {"num_attention_heads": heads, "num_key_value_heads": KV_HEADS if size != "tiny" else 2}
    text |= {
        "head_dim": HEAD_WIDTH,
        "rope_parameters": config.text_config.rope_parameters | {"mrope_section": [24, 20, 20]},
    }
    sight = {"hidden_size": sight_width, "intermediate_size": sight_inner, "depth": sight_layers, "num_heads": 16}
    sight |= {"out_hidden_size": width, "deepstack_visual_indexes": [0]}
    config.text_config.update(text)
    config.vision_config.update(sight)
    with torch.device(device):
        model = tf.Qwen3VLForConditionalGeneration._from_config(config, dtype=torch.bfloat16)
    model.generation_config = tf.GenerationConfig.from_pretrained(folder)
    for old in folder.glob("*.safetensors*"):
        old.unlink()
    model.save_pretrained(folder)
    shape = Shape(layers, text["num_key_value_heads"], HEAD_WIDTH, width, inner, sight_width, sight_inner)
    return model.num_parameters(), shape


def peak_bytes(device: str) -> int:
    if device != "cuda":
        return 0
    import torch

    return torch.cuda.max_memory_allocated()


def fresh(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def measured(folder: Path, precision: str, device: str, tokens: int) -> tuple[float, float, float, int, int]:
    """Seconds to load, tokens per second, seconds to the first token, bytes at most, tokens of the prompt."""
    import numpy as np

    fresh(device)
    started = time.perf_counter()
    model = opened("chat", "transformers_chat", folder, plan=Plan(device, precision, "a measurement", threads=2))
    load_s = time.perf_counter() - started
    picture = Medium("image", frames=np.repeat(np.repeat(image_medium().frames, 22, axis=1)[:, :1024], 16, axis=2))
    question = [Message("user", "What do you see in the picture?", media=(picture,))]
    for length in (4, tokens):  # the first to warm up
        usage = list(model.stream(question, Sampling(length, temperature=0)))[-1].usage
    model.close()
    return load_s, usage.tokens_per_s, usage.first_token_s, peak_bytes(device), usage.prompt_tokens


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="8b")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        parameters, shape = checkpoint(folder, args.size, args.device)
        names = tuple(name for name in LADDER if name not in SKIPPED)
        print(f"{parameters / 1e9:.2f} billion parameters on {args.device}")
        for name in names:
            load_s, rate, first_s, most_bytes, prompt = measured(folder, name, args.device, args.tokens)
            workload = Workload(1, 0, prompt + args.tokens)
            (expected,) = precisions(parameters, shape, (name,), workload)
            print(
                f"{name:5} load {load_s:5.1f} s, {rate:6.1f} tokens/s, first after {first_s:5.2f} s, "
                f"at most {most_bytes / 1e9:6.2f} GB, expected {expected.memory_bytes / 1e9:6.2f} GB"
            )


if __name__ == "__main__":
    main()
