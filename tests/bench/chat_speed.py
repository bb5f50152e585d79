"""Chat against the runtime alone: decode speed of one answer, and total speed of four at once.

    python -m tests.bench.chat_speed [--model qwen2.5-0.5b] [--rounds 5] [--tokens 128]

Ours goes through ``Studio.stream_chat``; raw is ``xllamacpp`` on the same file, threads and settings,
consuming the same stream. The two take turns in one process, one loaded at a time, so that neither holds
the other's memory; medians are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from mmcore import Message, Sampling, Settings, Studio
from mmcore.backends.llama_runtime import BATCH_TOKENS, DEFAULT_CONTEXT

QUESTIONS = [f"Write a story about a {animal} and the sea." for animal in ("fox", "crab", "goose", "whale")]


class Raw:
    """``xllamacpp`` as its own examples use it."""

    def __init__(self, path: str, threads: int):
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx = path, DEFAULT_CONTEXT
        params.n_parallel, params.kv_unified = 4, True
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_gpu_layers, params.cache_ram_mib, params.verbosity, params.warmup = 0, 0, 0, False
        self.server = xllamacpp.Server(params)

    def answer(self, question: str, tokens: int) -> int:
        count = []
        request = {
            "messages": [{"role": "system", "content": self.system}, {"role": "user", "content": question}],
            "max_tokens": tokens,
            "temperature": 0.0,
            "top_p": 0.9,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        self.server.handle_chat_completions(request, lambda chunk: count.append(chunk.get("usage")))
        return next(usage["completion_tokens"] for usage in reversed(count) if usage)

    system = ""


class Ours:
    def __init__(self, studio: Studio, model: str):
        self.studio, self.model = studio, model

    def answer(self, question: str, tokens: int) -> int:
        sampling = Sampling(max_tokens=tokens, temperature=0.0)
        return self.studio.chat((Message("user", question),), model=self.model, sampling=sampling).completion_tokens


def rates(speaker, tokens: int) -> tuple[float, float]:
    """Tokens per second of one answer, and of four at once, prompt and all."""
    speaker.answer(QUESTIONS[0], 8)
    started = time.perf_counter()
    alone = speaker.answer(QUESTIONS[0], tokens) / (time.perf_counter() - started)
    started = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(lambda question: speaker.answer(question, tokens), QUESTIONS))
    return alone, total / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="qwen2.5-0.5b")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=96)
    args = parser.parse_args()
    settings = Settings.from_env(profile="embedded")
    studio = Studio(settings)
    spec = studio.kit.spec("chat", args.model)
    path = str(studio.store.fetch(spec) / "model.gguf")
    question = (Message("user", QUESTIONS[0]),)
    Raw.system = studio.chat(question, model=args.model, sampling=Sampling(max_tokens=1)).prompt[0].text
    figures: dict[str, list[tuple[float, float]]] = {"ours": [], "raw": []}
    for _ in range(args.rounds):
        figures["ours"].append(rates(Ours(studio, args.model), args.tokens))
        studio.store.evict(args.model)
        raw = Raw(path, settings.threads)
        figures["raw"].append(rates(raw, args.tokens))
        del raw
    for index, what in enumerate(("one chat", "four at once")):
        ours, raw = (statistics.median(pair[index] for pair in figures[who]) for who in ("ours", "raw"))
        pairs = zip(figures["ours"], figures["raw"], strict=True)
        ratio = statistics.median(mine[index] / other[index] for mine, other in pairs)
        print(f"{what:13} ours {ours:6.1f} tokens/s, raw {raw:6.1f}, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
