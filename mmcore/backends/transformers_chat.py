"""Chat that sees and hears, through transformers: pictures, sampled frames and sound go into the model itself.

One answer is written at a time per model, by a thread of its own that holds the lock; a reader who pauses
holds up nobody, and closing the iterator stops the thread before its next layer and waits for it. Sampling
draws from a generator of its own, so that a seed holds whatever else the process computes. When memory runs
out before the first word, what was given is made smaller and tried once more, and the answer says so.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import transformers
from tokenizers.decoders import DecodeStream
from transformers import AutoModelForMultimodalLM, StoppingCriteria
from transformers.generation.logits_process import LogitsProcessor, TemperatureLogitsWarper, TopPLogitsWarper
from transformers.generation.streamers import BaseStreamer

from ..errors import InputError, ModelError, Stopped, StudioError
from ..memory import WORKLOAD
from ..types import Delta, Message, ModelSpec, Plan, Progress, Sampling, Usage
from .smaller import smaller
from .transformers_content import Conversation
from .transformers_loading import check_kind, free, is_out_of_memory, load, model_type, threads, working_dtype

#: Families whose checkpoint also holds a voice: only the part that answers in text is loaded.
TEXT_PART = {"qwen2_5_omni": "Qwen2_5OmniThinkerForConditionalGeneration"}
TICK_S = 0.3  # how often an answer that has not begun shows its progress, and looks whether it is still wanted
GATHER_S = 0.1  # between two wake-ups of the reader
_END = object()


def open(spec: ModelSpec, folder: Path, plan: Plan) -> Chat:
    """Load the checkpoint of ``folder``. Raises ModelError."""
    return Chat(spec, folder, plan)


def check(spec: ModelSpec, folder: Path) -> None:
    """Refuse a checkpoint of which only the small files are there. Raises ModelError."""
    check_kind(_class_of(spec, folder), spec, folder)


class Chat:
    """A ``ChatModel`` of any vision-language or omni checkpoint that transformers knows."""

    def __init__(self, spec: ModelSpec, folder: Path, plan: Plan):
        self._spec, self._plan = spec, plan
        self._model, self._processor = load(_class_of(spec, folder), spec, folder, plan)
        self._model.generation_config.update(do_sample=False, temperature=None, top_p=None, top_k=None)
        self._lock = threading.Lock()
        self._stop = threading.Event()  # of the answer that is being written
        for layer in _layers(self._model):
            layer.register_forward_pre_hook(self._leave_when_stopped)

    def close(self) -> None:
        """Free the weights."""
        with self._lock:
            self._model = self._processor = None
        free(self._plan.device)

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta | Progress]:
        """The answer, piece by piece, after ``Progress``; the last ``Delta`` carries the usage.

        Raises InputError when the prompt is longer than the context or holds what the model does not take,
        ModelError when the runtime fails. Closing the iterator stops the runtime before its next layer.
        """
        answer = _Answer(messages, sampling)
        writer = threading.Thread(target=self._write, args=(answer,), name="transformers-stream", daemon=True)
        waits = self._lock.locked()
        writer.start()
        try:
            if waits:
                yield self._waiting()
            yield from self._deltas(answer)
        finally:
            answer.stop.set()
            writer.join()

    # -- the reader's side

    def _deltas(self, answer: _Answer) -> Iterator[Delta | Progress]:
        text = DecodeStream(skip_special_tokens=True)
        tokenizer = self._processor.tokenizer.backend_tokenizer
        for piece in self._pieces(answer):
            if isinstance(piece, Progress):
                yield piece
            elif found := "".join(filter(None, (text.step(tokenizer, token) for token in piece))):
                yield Delta(found)
        yield Delta("", answer.usage())

    def _pieces(self, answer: _Answer) -> Iterator[list[int] | Progress]:
        """What the writer made; until the first word its progress again and again, so that a stop is heard."""
        latest = self._waiting()
        while True:
            try:
                piece = answer.pieces.get(timeout=None if answer.stamps else TICK_S)
            except queue.Empty:
                piece = latest
            if piece is _END:
                return
            if isinstance(piece, BaseException):
                raise piece
            latest = piece if isinstance(piece, Progress) else latest
            yield piece

    def _waiting(self) -> Progress:
        return Progress("wait", subject=self._spec.title)

    # -- the writer's side

    def _write(self, answer: _Answer) -> None:
        try:
            if self._turn(answer.stop):
                try:
                    self._write_now(answer)
                finally:
                    self._lock.release()
        except Stopped:
            pass
        except StudioError as error:
            answer.pieces.put(error)
        except Exception as error:
            failure = ModelError("model_failed", name=self._spec.title)
            failure.__cause__ = error  # for the log
            answer.pieces.put(failure)
        finally:
            answer.pieces.put(_END)

    def _turn(self, stop: threading.Event) -> bool:
        """Take the lock; False when the answer is no longer wanted."""
        while not self._lock.acquire(timeout=TICK_S):
            if stop.is_set():
                return False
        return True

    def _write_now(self, answer: _Answer) -> None:
        self._stop = answer.stop
        with threads(self._plan.threads), torch.inference_mode():
            if self._fits(answer):
                return
            answer.messages = self._smaller(answer)
            answer.flags = ("smaller_input",)
            answer.pieces.put(Progress("shrink", subject=self._spec.title))
            if not self._fits(answer):
                raise ModelError("out_of_memory", name=self._spec.title)

    def _fits(self, answer: _Answer) -> bool:
        """Write the answer; False, with the memory given back, when there was too little of it."""
        try:
            self._generate(answer)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return True
        free(self._plan.device)  # after the traceback, which held what was computed
        return False

    def _smaller(self, answer: _Answer) -> tuple[Message, ...]:
        less = None if answer.stamps else smaller(answer.messages)  # no second beginning after the first word
        if less is None:
            raise ModelError("out_of_memory", name=self._spec.title)
        return less

    def _generate(self, answer: _Answer) -> None:
        inputs = Conversation(answer.messages).inputs(self._processor, self._spec.title)
        answer.prompt_tokens = inputs["input_ids"].shape[1]
        answer.pieces.put(Progress("think", 0, answer.prompt_tokens, "tokens", self._spec.title))
        room = self._context() - answer.prompt_tokens
        if room <= 0:
            raise InputError("context_full", model=self._spec.title, tokens=answer.prompt_tokens, limit=self._context())
        try:
            self._model.generate(
                **inputs.to(self._model.device, working_dtype(self._plan)),
                max_new_tokens=min(answer.sampling.max_tokens, room),
                logits_processor=warpers(answer.sampling, self._model.device),
                stopping_criteria=[answer],
                streamer=answer,
            )
        finally:
            answer.flush()

    def _context(self) -> int:
        """Tokens that prompt and answer may have together: what memory was planned for, unless the row says more."""
        own = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        chosen = self._spec.options.get("context", WORKLOAD.context_tokens)
        return min(int(limit) for limit in (own, chosen) if limit)

    def _leave_when_stopped(self, *_: object) -> None:
        if self._stop.is_set():
            raise Stopped


class _Answer(BaseStreamer, StoppingCriteria):
    """An answer being written: what it is to, what came so far, and whether it is still wanted.

    It is the streamer and the stopping criterion of ``generate`` at once.
    """

    def __init__(self, messages: Sequence[Message], sampling: Sampling):
        self.messages, self.sampling = tuple(messages), sampling
        self.pieces: queue.SimpleQueue = queue.SimpleQueue()  # lists of tokens, Progress, an exception, _END
        self._gathered: list[int] = []
        self._put_at = 0.0
        self.stop = threading.Event()
        self.started = time.perf_counter()
        self.stamps: list[float] = []  # when each token came
        self.prompt_tokens = 0
        self.flags: tuple[str, ...] = ()

    def put(self, value: torch.Tensor) -> None:
        """The prompt first, (1, tokens), then one token at a time, (1,)."""
        if value.ndim > 1:
            return
        now = time.perf_counter()
        self.stamps.append(now)
        self._gathered.append(int(value))
        if now - self._put_at > GATHER_S:
            self.flush()

    def flush(self) -> None:
        """Hand over the tokens gathered: waking the reader at each takes time from the writer."""
        if self._gathered:
            self.pieces.put(self._gathered)
            self._gathered, self._put_at = [], time.perf_counter()

    def end(self) -> None:
        """The writer ends the pieces itself, whether ``generate`` came to its end or not."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor | None, **_: object) -> torch.Tensor:
        return torch.full((len(input_ids),), self.stop.is_set(), device=input_ids.device)

    def usage(self) -> Usage:
        first_s = self.stamps[0] - self.started if self.stamps else 0.0
        elapsed_s = self.stamps[-1] - self.stamps[0] if self.stamps else 0.0
        rate = (len(self.stamps) - 1) / elapsed_s if elapsed_s else 0.0
        return Usage(self.prompt_tokens, len(self.stamps), first_s, rate, self.flags)


class Gumbel(LogitsProcessor):
    """Noise that makes the largest logit a draw from their softmax (Gumbel 1954; Maddison 2014).

    Sampling so needs no global random state: two models that answer at once do not change each other's draws.
    """

    def __init__(self, seed: int | None, device: torch.device):
        self._generator = torch.Generator(device)
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        waits = torch.empty_like(scores, dtype=torch.float32).exponential_(generator=self._generator)
        return scores.float() - waits.clamp_min_(1e-20).log_()


def warpers(sampling: Sampling, device: torch.device) -> list[LogitsProcessor]:
    """What makes the likeliest token a sampled one; nothing at temperature 0."""
    if sampling.temperature <= 0:
        return []
    heat = [] if sampling.temperature == 1 else [TemperatureLogitsWarper(float(sampling.temperature))]
    nucleus = [TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []
    return [*heat, *nucleus, Gumbel(sampling.seed, device)]


def _class_of(spec: ModelSpec, folder: Path) -> type:
    named = TEXT_PART.get(model_type(spec, folder))
    return getattr(transformers, named) if named else AutoModelForMultimodalLM


def _layers(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The repeated blocks of sight, hearing and language."""
    lists = (module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    return [layer for layers in lists if len(layers) for layer in layers if any(True for _ in layer.parameters())]
