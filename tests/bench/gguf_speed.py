"""A GGUF model that sees against the bare runtime, on the same tiny random files, with a picture in the question.

    python -m tests.bench.gguf_speed [--rounds 9] [--tokens 512] [--threads 1] [--side 256]

Ours is ``stream`` of the backend: the picture as an array, encoded each time. Bare is ``xllamacpp`` with the same
settings and the picture as PNG data made before. The two take turns, each time with a picture that they have not
seen; tokens per second from the call to the last token, medians, and the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import tiny_gguf
from tiny_rows import picture, row

from mmcore.backends import open_model
from mmcore.types import Delta, Medium, Message, Plan, Sampling


def seconds(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", type=int, default=256)
    args = parser.parse_args()
    sampling = Sampling(args.tokens, temperature=0)
    with tempfile.TemporaryDirectory() as place:
        spec = row("chat", "llama")
        model = open_model(spec, tiny_gguf.qwen3_vl(Path(place)), Plan("cpu", "f32", "a measurement", args.threads))

        def question(seed: int) -> list[Message]:
            return [Message("user", "What is it?", media=(Medium("image", picture(seed, args.side, args.side)[None]),))]

        def ours(asked: list[Message]) -> None:
            pieces = [piece for piece in model.stream(asked, sampling) if isinstance(piece, Delta)]
            assert pieces[-1].usage.completion_tokens == args.tokens

        def bare(request: dict) -> None:
            usages: list[dict | None] = []
            model._server.handle_chat_completions(request, lambda chunk: usages.append(chunk.get("usage")))
            assert usages[-1]["completion_tokens"] == args.tokens

        pairs = []
        for seed in range(0, 2 * args.rounds + 2, 2):
            mine, request = question(seed), model._speaker.request(question(seed + 1), sampling)
            del request["return_progress"]
            pairs.append((seconds(lambda asked=mine: ours(asked)), seconds(lambda asked=request: bare(asked))))
        mine, alone = (args.tokens / statistics.median(column) for column in zip(*pairs[1:], strict=True))
        ratio = statistics.median(b / a for a, b in pairs[1:])
        print(f"with a picture: ours {mine:7.1f} tokens/s, bare runtime {alone:7.1f}, ratio {ratio:.3f}")
        model.close()


if __name__ == "__main__":
    main()
