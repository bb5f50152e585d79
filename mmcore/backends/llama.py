"""Chat on llama.cpp through ``xllamacpp``: GGUF on the CPU, several conversations batched together.

A model sees and hears when its folder has the file of its encoders, ``mmproj``.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError, ModelError, StudioError
from ..types import Delta, Message, ModelSpec, Plan, Progress, Sampling, Usage
from .llama_content import Senses, Speaker
from .llama_controls import Controls
from .llama_runtime import start
from .smaller import smaller

#: What the runtime says when conversations that fit one by one do not fit together, when a picture does not fit,
#: and when its encoders cannot take one.
SHARED_CONTEXT_FULL = "Context size has been exceeded."
NO_ROOM_FOR_MEDIUM = "failed to process mtmd chunk"
NOT_READABLE = ("Failed to load image or audio file", "Failed to tokenize prompt")
TOO_LARGE = ("context_full", "out_of_memory")
GATHER_S = 0.1  # between two wake-ups of the reader
TICK_S = 0.3  # how often an answer that has not begun shows its progress, and looks whether it is still wanted
STOP_S = 1.0  # how long a stop waits for the runtime, which cannot leave off within a picture
_END = object()


def open(spec: ModelSpec, folder: Path, plan: Plan) -> LlamaChat:
    """Load the GGUF file of ``folder``, the first of its parts, and its encoders. Raises ModelError without one."""
    language, encoders = _files(spec, folder)
    return LlamaChat(spec, language, encoders, plan)


def _files(spec: ModelSpec, folder: Path) -> tuple[Path, Path | None]:
    named = [folder / file.name for file in spec.files] or sorted(folder.glob("*.gguf"))
    encoders = [path for path in named if "mmproj" in path.name.lower()]
    language = [path for path in named if path not in encoders]
    if not language:
        raise ModelError("load_failed", name=spec.title, reason="it has no GGUF file")
    return language[0], next(iter(encoders), None)


class LlamaChat:
    """A ``ChatModel``. Thread-safe: the runtime queues and batches."""

    def __init__(self, spec: ModelSpec, language: Path, encoders: Path | None, plan: Plan):
        senses = Senses.of(encoders)
        self._title = spec.title
        self._speaker = Speaker(spec.title, senses, Controls(language).plain)
        self._threads: set[threading.Thread] = set()
        self._server = start(spec, language, encoders, senses.sight, plan)

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta | Progress]:
        """The answer, piece by piece; ``Progress("think")`` counts the prompt's tokens before it.

        What is too large is made smaller and tried once more, and the usage says so. Raises InputError when it does
        not fit even so or the model has no sense for it, ModelError when the runtime fails. Closing the iterator
        stops the runtime at its next token, its next batch of the prompt, or after the picture at hand.
        """
        try:
            yield from self._answer(messages, sampling)
        except StudioError as refusal:
            has_media = any(message.media for message in messages)
            less = smaller(messages) if has_media and refusal.code in TOO_LARGE else None
            if less is None:
                raise
            yield Progress("shrink", subject=self._title)
            yield from self._answer(less, sampling, ("smaller_input",))

    def running(self) -> int:
        """How many answers the runtime is writing now."""
        metrics = self._server.handle_metrics()
        return int(re.search(r"^llamacpp:requests_processing (\d+)", metrics, re.MULTILINE)[1])

    def close(self) -> None:
        """Free the memory, once the runtime has left off what was stopped."""
        for thread in tuple(self._threads):
            thread.join()
        self._server = None  # its destructor ends the threads and frees the weights

    # -- the reader's side

    def _answer(
        self, messages: Sequence[Message], sampling: Sampling, flags: tuple[str, ...] = ()
    ) -> Iterator[Delta | Progress]:
        chunks: queue.SimpleQueue = queue.SimpleQueue()
        stop = threading.Event()
        started = time.perf_counter()
        request = self._speaker.request(messages, sampling)
        thread = threading.Thread(target=self._run, args=(request, chunks, stop), name="llama-stream", daemon=True)
        self._threads.add(thread)
        thread.start()
        try:
            kinds = [medium.kind for message in messages for medium in message.media]
            yield from self._deltas(chunks, started, flags, kinds[-1] if kinds else "image")
        finally:
            stop.set()
            thread.join(STOP_S)

    def _deltas(
        self, chunks: queue.SimpleQueue, started: float, flags: tuple[str, ...], kind: str
    ) -> Iterator[Delta | Progress]:
        """Until the first word the latest progress again and again, so that a stop is heard."""
        latest, first_token_s = Progress("wait", subject=self._title), 0.0
        while True:
            try:
                gathered = chunks.get(timeout=None if first_token_s else TICK_S)
            except queue.Empty:
                yield latest
                continue
            if gathered is _END:
                return
            for chunk in gathered:
                if "error" in chunk:
                    raise self._refusal(chunk["error"], kind)
                if read := chunk.get("prompt_progress"):
                    latest = Progress("think", read["processed"], read["total"], "tokens", self._title)
                    yield latest
                for text in _texts(chunk):
                    first_token_s = first_token_s or time.perf_counter() - started
                    yield Delta(text)
                if chunk.get("usage"):
                    yield Delta("", _usage(chunk, first_token_s, flags))

    def _refusal(self, error: dict, kind: str) -> StudioError:
        """``kind`` is that of the medium that it was last given."""
        message = error.get("message", "")
        if error.get("type") == "exceed_context_size_error":
            tokens, limit = error["n_prompt_tokens"], error["n_ctx"]
            return InputError("context_full", model=self._title, tokens=tokens, limit=limit)
        if message == SHARED_CONTEXT_FULL or (message == NO_ROOM_FOR_MEDIUM and self.running()):
            return ModelError("model_busy", name=self._title)
        if message == NO_ROOM_FOR_MEDIUM:
            return ModelError("out_of_memory", name=self._title)
        if message in NOT_READABLE:
            return InputError("not_taken", model=self._title, kind=kind)
        return ModelError("model_failed", name=self._title)

    # -- the runtime's side

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
            self._threads.discard(threading.current_thread())


def _texts(chunk: dict) -> Iterator[str]:
    return (text for choice in chunk["choices"] if (text := choice["delta"].get("content")))


def _usage(chunk: dict, first_token_s: float, flags: tuple[str, ...]) -> Usage:
    usage, timings = chunk["usage"], chunk.get("timings", {})
    rate = timings.get("predicted_per_second") or 0.0
    return Usage(usage["prompt_tokens"], usage["completion_tokens"], first_token_s, rate, flags)
