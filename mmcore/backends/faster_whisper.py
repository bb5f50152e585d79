"""Speech to text with faster-whisper: Whisper in CTranslate2, on CUDA or the CPU.

One window is decoded at a time, whoever asks, so that two visitors share the cores in turns; the lock is
never held between two segments, so that a reader who pauses, or closes, holds up nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.transcribe import restore_speech_timestamps
from faster_whisper.vad import VadOptions, collect_chunks, get_speech_timestamps

from ..errors import ModelError
from ..features.text import is_repetitive
from ..types import ModelSpec, Plan, Segment, Word
from .ctranslate_devices import has_cuda

T = TypeVar("T")
RATE_HZ = 16_000
WINDOW = 30 * RATE_HZ  # samples, what Whisper hears at once
PROMPT_CHARS = 160
#: Device and precision -> what CTranslate2 computes in; the weights are brought to it as they are loaded.
COMPUTE = {
    ("cuda", "fp16"): "float16",
    ("cuda", "int8"): "int8_float16",
    ("cuda", "fp32"): "float32",
    ("cpu", "int8"): "int8",
    ("cpu", "fp32"): "float32",
}
NO_MEMORY = ("out of memory", "alloc_failed", "failed to allocate")
#: Also given to the bare library when it is compared with this backend.
SETTINGS = {
    "beam_size": 5,
    "word_timestamps": True,
    "condition_on_previous_text": False,  # a mistake is not carried into the next window
    "temperature": (0.0, 0.4),  # a second try where the first looped; the paper's six cost time and invent
    "best_of": 1,
    "max_new_tokens": 216,  # with the longest prompt this fills the model's 448
}
LOW_LOGPROB = -1.0  # mean log probability of a window's tokens; Whisper's own limit (Radford 2022, 4.5)
LOW_WORDS = 0.45  # mean probability of the words
NO_SPEECH = 0.6  # Whisper's own limit; clear speech passes it too, so that it counts only with words below
DOUBTED_WORDS = 0.8


def open(spec: ModelSpec, folder: Path, plan: Plan) -> Whisper:
    """Load the CTranslate2 model of ``folder``. Raises ModelError."""
    return Whisper(spec, folder, plan)


class Whisper:
    """The ``Transcriber`` of a Whisper checkpoint."""

    def __init__(self, spec: ModelSpec, folder: Path, plan: Plan):
        self._title, self._lock = spec.title, threading.Lock()
        kind = _compute_type(spec, plan)
        self._model = self._with_memory(
            "no_memory_to_load",
            lambda: WhisperModel(
                str(folder), device=plan.device, compute_type=kind, cpu_threads=plan.threads, local_files_only=True
            ),
        )

    def close(self) -> None:
        """Free the weights (dropping the object alone waits for its last reader)."""
        with self._lock:
            self._model.model.unload_model()
            self._model = None

    def languages(self) -> tuple[str, ...]:
        """ISO codes."""
        return tuple(self._model.supported_languages)

    def language(self, sound: np.ndarray) -> tuple[str, float]:
        """(S,) at 16 kHz -> the language of its first 30 seconds, and its probability."""
        if not self._model.model.is_multilingual:
            return "en", 1.0
        code, probability, _ = self._step(lambda: self._model.detect_language(sound[:WINDOW]))
        return code, float(probability)

    def segments(
        self, sound: np.ndarray, *, language: str | None = None, translate: bool = False, prompt: str = ""
    ) -> Iterator[Segment]:
        """(S,) at 16 kHz -> its "speech" segments in order, as each window of 30 s is decoded.

        Only what the Silero detector takes for speech is heard. Flags: "low_confidence",
        "no_speech_likely", "repetition". Raises ModelError, "out_of_memory" when a window does not fit.
        """
        chunks = get_speech_timestamps(sound, VadOptions())
        if not chunks:
            return
        speech = np.concatenate(collect_chunks(sound, chunks)[0])
        task = "translate" if translate else "transcribe"
        told = {"language": language, "task": task, "initial_prompt": prompt[-PROMPT_CHARS:] or None}
        found, _ = self._step(lambda: self._model.transcribe(speech, **told, **SETTINGS))
        texts: list[str] = []
        end_s = 0.0
        for raw in restore_speech_timestamps(self._stepped(found), chunks, RATE_HZ):
            if not any(character.isalnum() for character in raw.text):
                continue
            segment = _segment(raw, end_s, len(sound) / RATE_HZ, texts[-2:])
            texts.append(segment.text)
            end_s = segment.end_s
            yield segment

    def _stepped(self, found):
        """The raw segments, each fetched under the lock."""
        while (raw := self._step(lambda: next(found, None))) is not None:
            yield raw

    def _step(self, work: Callable[[], T]) -> T:
        try:
            with self._lock:
                return self._with_memory("out_of_memory", work)
        except RuntimeError as error:
            raise ModelError("model_failed", name=self._title) from error

    def _with_memory(self, code: str, work: Callable[[], T]) -> T:
        """What ``work`` returns, or ModelError ``code``, which holds nothing of what had been computed."""
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        raise ModelError(code, name=self._title)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no room: CTranslate2 says so in the words of CUDA, cuBLAS or MKL."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(said in words for said in NO_MEMORY)


def _compute_type(spec: ModelSpec, plan: Plan) -> str:
    """A row of one precision is computed at int8, on the CPU, whatever it calls that."""
    kind = COMPUTE.get((plan.device, plan.precision if spec.precisions else "int8"))
    if kind is None or (plan.device == "cuda" and not has_cuda()):
        reason = f"CTranslate2 does not compute at {plan.precision} on {plan.device} here"
        raise ModelError("load_failed", name=spec.title, reason=reason)
    return kind


def _segment(raw, after_s: float, duration_s: float, previous: list[str]) -> Segment:
    """A segment of the library as ours, not before ``after_s`` nor past ``duration_s``."""

    def inside(time_s: float) -> float:
        return min(max(float(time_s), after_s), duration_s)

    words = tuple(Word(inside(w.start), inside(w.end), w.word, float(w.probability)) for w in raw.words or ())
    confidence = float(np.mean([word.probability for word in words])) if words else float(np.exp(raw.avg_logprob))
    flags = _flags(raw, confidence, previous)
    return Segment(inside(raw.start), inside(raw.end), "speech", raw.text.strip(), flags, confidence, words)


def _flags(raw, confidence: float, previous: list[str]) -> tuple[str, ...]:
    text = raw.text.strip()
    looped = len(previous) == 2 and all(text == other for other in previous)
    doubts = {
        "low_confidence": raw.avg_logprob < LOW_LOGPROB or confidence < LOW_WORDS,
        "no_speech_likely": raw.no_speech_prob > NO_SPEECH and confidence < DOUBTED_WORDS,
        "repetition": looped or is_repetitive(text),
    }
    return tuple(flag for flag, doubtful in doubts.items() if doubtful)
