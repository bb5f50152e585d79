"""Chat on llama.cpp through ``xllamacpp``: GGUF on the CPU, several conversations batched together.

The runtime is llama.cpp's own server inside this process. It also opens a port on loopback, which we do
not use and lock with a random key. Requests are JSON as in the OpenAI API; see llama.cpp's
``tools/server/README.md``.
"""

from __future__ import annotations

import itertools
import queue
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError, ModelError
from ..types import Delta, Message, ModelSpec, Plan, Progress, Sampling, Usage

BATCH_TOKENS = 128  # of a prompt at a time: how soon a stop is heard while the prompt is read
DEFAULT_CONTEXT = 8192  # tokens, shared by the conversations at hand
#: What the runtime says when conversations that fit one by one do not fit together.
SHARED_CONTEXT_FULL = "Context size has been exceeded."
GATHER_S = 0.1  # between two wake-ups of the reader
_END = object()


def open(spec: ModelSpec, folder: Path, plan: Plan) -> LlamaChat:
    """Load the GGUF file of ``folder``, the first of its parts. Raises ModelError when there is none."""
    return LlamaChat(spec, str(_gguf(spec, folder)), plan)


def _gguf(spec: ModelSpec, folder: Path) -> Path:
    if spec.files:
        return folder / spec.files[0].name
    language = sorted(path for path in folder.glob("*.gguf") if "mmproj" not in path.name.lower())
    if not language:
        raise ModelError("load_failed", name=spec.title, reason="it has no GGUF file")
    return language[0]


class LlamaChat:
    """A ``ChatModel``. Thread-safe: the runtime queues and batches."""

    def __init__(self, spec: ModelSpec, path: str, plan: Plan):
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = path
        params.n_ctx = int(spec.options.get("context", DEFAULT_CONTEXT))
        params.n_parallel, params.kv_unified = plan.slots, True
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = plan.threads
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_gpu_layers = 0
        params.cache_ram_mib = 0  # prefixes stay in their slots; no copies beside them
        params.warmup, params.ui, params.verbosity = False, False, 0
        params.endpoint_metrics = True  # for ``running``
        params.api_keys = [secrets.token_urlsafe()]
        self._title = spec.title
        self._server = xllamacpp.Server(params)

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta | Progress]:
        """The answer, piece by piece; ``Progress("think")`` counts the prompt's tokens before it.

        Raises InputError when the prompt is longer than the context. Closing the iterator stops the
        runtime at its next token, or its next ``BATCH_TOKENS`` of the prompt.
        """
        chunks: queue.SimpleQueue = queue.SimpleQueue()
        stop = threading.Event()
        request = _request(messages, sampling)
        thread = threading.Thread(target=self._run, args=(request, chunks, stop), name="llama-stream", daemon=True)
        started = time.perf_counter()
        thread.start()
        try:
            yield from self._deltas(itertools.chain.from_iterable(iter(chunks.get, _END)), started)
        finally:
            stop.set()
            thread.join()

    def running(self) -> int:
        """How many answers the runtime is writing now."""
        metrics = self._server.handle_metrics()
        return int(re.search(r"^llamacpp:requests_processing (\d+)", metrics, re.MULTILINE)[1])

    def _run(self, request: dict, chunks: queue.SimpleQueue, stop: threading.Event) -> None:
        """Put what the runtime writes into ``chunks``, gathered: waking the reader takes a core from it each time."""
        gathered, put_at = [], 0.0

        def receive(chunk: dict) -> bool:
            nonlocal gathered, put_at
            gathered.append(chunk)
            if time.perf_counter() - put_at > GATHER_S:
                chunks.put(gathered)
                gathered, put_at = [], time.perf_counter()
            return stop.is_set()

        try:
            self._server.handle_chat_completions(request, receive)
        except Exception as error:
            gathered.append({"error": {"message": type(error).__name__}})
        finally:
            chunks.put(gathered)
            chunks.put(_END)

    def _deltas(self, chunks: Iterator[dict], started: float) -> Iterator[Delta | Progress]:
        first_token_s = 0.0
        for chunk in chunks:
            if "error" in chunk:
                raise self._refusal(chunk["error"])
            read = chunk.get("prompt_progress")
            if read:
                yield Progress("think", read["processed"], read["total"], "tokens", self._title)
            for choice in chunk["choices"]:
                if text := choice["delta"].get("content"):
                    first_token_s = first_token_s or time.perf_counter() - started
                    yield Delta(text)
            if chunk.get("usage"):
                yield Delta("", _usage(chunk, first_token_s))

    def _refusal(self, error: dict) -> Exception:
        if error.get("type") == "exceed_context_size_error":
            tokens, limit = error["n_prompt_tokens"], error["n_ctx"]
            return InputError("context_full", model=self._title, tokens=tokens, limit=limit)
        if error.get("message") == SHARED_CONTEXT_FULL:
            return ModelError("model_busy", name=self._title)
        return ModelError("model_failed", name=self._title)

    def close(self) -> None:
        self._server = None  # its destructor ends the threads and frees the weights


def _request(messages: Sequence[Message], sampling: Sampling) -> dict:
    request = {
        "messages": [{"role": message.role, "content": message.text} for message in messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    return request if sampling.seed is None else request | {"seed": sampling.seed}


def _usage(chunk: dict, first_token_s: float) -> Usage:
    usage, timings = chunk["usage"], chunk.get("timings", {})
    rate = timings.get("predicted_per_second") or 0.0
    return Usage(usage["prompt_tokens"], usage["completion_tokens"], first_token_s, rate)
