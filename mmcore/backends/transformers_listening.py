"""Hearing through transformers: windows, their order, the lock, the stop, and what makes a line doubtful.

Sound is heard in windows of at most 30 s, one at a time, whoever asks; the lock is never held between two
windows, so that a reader who pauses, or closes, holds up nobody. Closing the model ends a window at its next
token.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSpeechSeq2Seq, StoppingCriteria

from ..errors import InputError, ModelError, Stopped
from ..features.text import is_repetitive
from ..types import ModelSpec, Plan, Segment
from .transformers_loading import free, is_out_of_memory, load, threads, working_dtype

RATE_HZ = 16_000
WINDOW_S = 30
WINDOW = WINDOW_S * RATE_HZ  # samples
CUT_FROM = 20 * RATE_HZ  # a stretch without times is cut where it is quietest after this
QUIET_FRAME = RATE_HZ // 50  # samples, 20 ms
SILENCE = 1e-4  # full scale is 1
BEAMS = 5  # at most
PROMPT_CHARS = 160
TOKENS_PER_S = 8  # more than anybody speaks; an invented loop ends there
LOW_LOGPROB = -1.0  # mean over the tokens; Whisper's own limits (Radford 2022, 4.5)
NO_SPEECH = 0.6


@dataclass(frozen=True)
class Heard:
    """What one window holds: lines as (start_s, end_s, text), and how sure the model is of them."""

    lines: tuple[tuple[float, float, str], ...]
    samples: int  # how much of the window they cover; the next one begins there
    logprob: float = 0.0  # mean of the tokens
    no_speech: float = 0.0  # probability


class Listener(StoppingCriteria):
    """A ``Transcriber`` of any speech model that writes text for sound: here Moonshine, English."""

    kind: type = AutoModelForSpeechSeq2Seq

    def __init__(self, spec: ModelSpec, folder: Path, plan: Plan):
        self._spec, self._plan = spec, plan
        self._model, self._processor = load(self.kind, spec, folder, plan)
        self._beams = min(BEAMS, max(1, int(spec.options.get("beams", 1))))
        self._lock, self._closing = threading.Lock(), threading.Event()

    def close(self) -> None:
        """End the window that is being heard at its next token, and free the weights."""
        self._closing.set()
        with self._lock:
            self._model = self._processor = None
        free(self._plan.device)

    def languages(self) -> tuple[str, ...]:
        """ISO codes."""
        return self._spec.languages or ("en",)

    def language(self, sound: np.ndarray) -> tuple[str, float]:
        """(S,) at 16 kHz -> the language of its first 30 seconds, and its probability."""
        return self.languages()[0], 1.0

    def segments(
        self, sound: np.ndarray, *, language: str | None = None, translate: bool = False, prompt: str = ""
    ) -> Iterator[Segment]:
        """(S,) at 16 kHz -> its "speech" segments in order, as each window is heard.

        Flags: "low_confidence", "no_speech_likely", "repetition". Raises InputError for a language that the
        model does not know, or a translation that it cannot make.
        """
        self._check(language, translate)
        texts: list[str] = []
        start = 0
        while start < len(sound):
            heard = self._window(sound[start : start + WINDOW], language, translate, prompt[-PROMPT_CHARS:])
            for segment in _segments(heard, start / RATE_HZ, len(sound) / RATE_HZ, texts):
                texts.append(segment.text)
                yield segment
            start += heard.samples

    def _check(self, language: str | None, translate: bool) -> None:
        if translate:
            raise InputError("cannot_translate", model=self._spec.title)
        if language is not None and language not in self.languages():
            raise InputError("not_transcribed_language", language=language, model=self._spec.title)

    def _window(self, window: np.ndarray, language: str | None, translate: bool, prompt: str) -> Heard:
        """One window under the lock. Raises ModelError when the memory does not suffice for it."""
        if np.abs(window).max() < SILENCE:
            return Heard((), len(window))
        with self._lock, threads(self._plan.threads), torch.inference_mode():
            try:
                return self._hear(window, language, translate, prompt)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
        free(self._plan.device)
        raise ModelError("out_of_memory", name=self._spec.title)

    def _hear(self, window: np.ndarray, language: str | None, translate: bool, prompt: str) -> Heard:
        stretch = window[: quiet_cut(window)]
        inputs = self._processor(stretch, sampling_rate=RATE_HZ, return_tensors="pt")
        output = self._generate(self._ready(inputs), max_new_tokens=most_tokens(stretch))
        return self._one_line(stretch, self._processor.decode(output.sequences[0], skip_special_tokens=True), output)

    def _one_line(self, stretch: np.ndarray, text: str, output) -> Heard:
        return Heard(((0.0, len(stretch) / RATE_HZ, text),), len(stretch), mean_logprob(self._model, output))

    def _ready(self, inputs):
        return inputs.to(self._model.device, working_dtype(self._plan))

    def _generate(self, inputs: dict, **options: object):
        """The library's generation with our beams and stop. Raises Stopped when the model was closed."""
        output = self._model.generate(
            **inputs,
            num_beams=self._beams,
            do_sample=False,
            output_scores=True,
            return_dict_in_generate=True,
            stopping_criteria=[self],
            **options,
        )
        if self._closing.is_set():
            raise Stopped
        return output

    def __call__(self, input_ids: torch.Tensor, scores: object, **_: object) -> torch.Tensor:
        """The stopping criterion of ``generate``."""
        return torch.full((len(input_ids),), self._closing.is_set(), device=input_ids.device)


def most_tokens(stretch: np.ndarray) -> int:
    return 16 + TOKENS_PER_S * len(stretch) // RATE_HZ


def quiet_cut(window: np.ndarray) -> int:
    """Where a full window is to be cut, in samples: the quietest 20 ms of its last third."""
    if len(window) < WINDOW:
        return len(window)
    frames = window[CUT_FROM:].reshape(-1, QUIET_FRAME)
    return CUT_FROM + int((frames**2).mean(axis=1).argmin()) * QUIET_FRAME + QUIET_FRAME // 2


def mean_logprob(model, output) -> float:
    """Mean log probability of the tokens of the first answer."""
    if getattr(output, "sequences_scores", None) is not None:
        return float(output.sequences_scores[0])  # of a beam: its sum over its length
    steps = len(output.scores)
    tokens = output.sequences[:1, -steps:]
    scores = torch.stack([step[0].float().log_softmax(-1) for step in output.scores])  # (steps, V)
    return float(scores.gather(1, tokens.T).mean()) if steps else 0.0


def _segments(heard: Heard, offset_s: float, duration_s: float, before: list[str]) -> Iterator[Segment]:
    said = list(before[-2:])
    for start_s, end_s, text in heard.lines:
        if not text.strip():
            continue
        flags = _flags(heard, text.strip(), said[-2:])
        said.append(text.strip())
        end = min(offset_s + end_s, duration_s)
        yield Segment(offset_s + start_s, end, "speech", text.strip(), flags, float(np.exp(heard.logprob)))


def _flags(heard: Heard, text: str, previous: list[str]) -> tuple[str, ...]:
    looped = len(previous) == 2 and all(text == other for other in previous)
    doubts = {
        "low_confidence": heard.logprob < LOW_LOGPROB,
        "no_speech_likely": heard.no_speech > NO_SPEECH,
        "repetition": looped or is_repetitive(text),
    }
    return tuple(flag for flag, doubtful in doubts.items() if doubtful)
