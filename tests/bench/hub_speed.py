"""The transformers backends against the bare library, on the same random checkpoints.

    python -m tests.bench.hub_speed [--rounds 5] [--tokens 256] [--threads 1] [--device cpu]

Chat: ``stream`` against ``model.generate`` alone, tokens per second, the same prompt and length. Scoring: 64
images against 20 labels through ``score``, the labels new in each round, against the library's zero-shot
pipeline with batches of the same size. The two take turns; medians are printed. ``--wide`` takes wider
checkpoints, nearer to the work of real ones.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_rows import CHATS, SCORERS, made, picture, row

from mmcore.backends import open_model
from mmcore.types import Delta, Message, Plan, Sampling

IMAGES, LABELS = 64, 20


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Median seconds of each, and the median of the rounds' ratios theirs / ours, after one round to warm up."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)][1:]
    return (
        *(statistics.median(column) for column in zip(*pairs, strict=True)),
        statistics.median(b / a for a, b in pairs),
    )


def chat(folder: Path, plan: Plan, rounds: int, tokens: int) -> None:
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    bare, processor = AutoModelForImageTextToText.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    bare = bare.to(plan.device).eval()
    model = open_model(row("chat", "transformers_chat"), folder, plan)
    question = [Message("user", "What do you see in the picture?")]
    turns = [{"role": "user", "content": [{"type": "text", "text": question[0].text}]}]

    def ours() -> None:
        pieces = [p for p in model.stream(question, Sampling(tokens, temperature=0)) if isinstance(p, Delta)]
        assert pieces[-1].usage.completion_tokens == tokens

    def theirs() -> None:
        inputs = processor.apply_chat_template(
            turns, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True
        )
        bare.generate(**inputs.to(plan.device), max_new_tokens=tokens, do_sample=False)

    torch.set_num_threads(plan.threads)
    mine, alone, ratio = in_turns(ours, theirs, rounds)
    print(f"chat      ours {tokens / mine:7.1f} tokens/s, generate alone {tokens / alone:7.1f}, ratio {ratio:.3f}")
    model.close()


def scoring(folder: Path, plan: Plan, rounds: int) -> None:
    import torch
    from PIL import Image
    from transformers import pipeline

    scorer = open_model(row("image-text", "transformers_scorer"), folder, plan)
    bare = pipeline("zero-shot-image-classification", model=str(folder), device=plan.device, dtype=torch.float32)
    images = [Image.fromarray(picture(seed, 224, 224)) for seed in range(IMAGES)]
    fresh = iter(range(10_000))

    def labels() -> list[str]:
        group = next(fresh)
        return [f"a photo of a bird {group} {number}" for number in range(LABELS)]

    def theirs() -> None:
        bare(images, candidate_labels=labels(), hypothesis_template="{}", batch_size=16)

    torch.set_num_threads(plan.threads)
    mine, library, ratio = in_turns(lambda: scorer.score(images, labels()), theirs, rounds)
    print(f"scoring   ours {IMAGES / mine:7.1f} images/s, pipeline       {IMAGES / library:7.1f}, ratio {ratio:.2f}")
    same = labels()
    found = {
        label["label"]: label["score"] for label in bare(images[0], candidate_labels=same, hypothesis_template="{}")
    }
    logits = scorer.score(images[:1], same)[0]
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert np.allclose(shares, [found[label] for label in same], atol=1e-4), "both say the same"
    scorer.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--wide", action="store_true")
    args = parser.parse_args()
    plan = Plan(args.device, "fp32", "a measurement", args.threads)
    scored = ("tiny_models", "wide_clip") if args.wide else SCORERS["clip"]
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place) / name for name in ("chat", "scoring")]
        chat(made(CHATS["qwen3_vl"], folders[0]), plan, args.rounds, args.tokens)
        scoring(made(scored, folders[1]), plan, args.rounds)


if __name__ == "__main__":
    main()
