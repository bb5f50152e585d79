"""Speech to text through transformers: Whisper with times, Moonshine and Qwen3-ASR with a line per stretch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForMultimodalLM

from ..types import ModelSpec, Plan
from .transformers_listening import RATE_HZ, WINDOW, Heard, Listener, mean_logprob, most_tokens, quiet_cut
from .transformers_loading import check_kind, model_type, threads


def open(spec: ModelSpec, folder: Path, plan: Plan) -> Listener:
    """Load the checkpoint of ``folder``. Raises ModelError."""
    return LISTENERS.get(model_type(spec, folder), Listener)(spec, folder, plan)


def check(spec: ModelSpec, folder: Path) -> None:
    """Refuse a checkpoint of which only the small files are there. Raises ModelError."""
    check_kind(LISTENERS.get(model_type(spec, folder), Listener).kind, spec, folder)


class Whisper(Listener):
    """Any Whisper: times, language, translation into English (Radford 2022)."""

    def __init__(self, spec: ModelSpec, folder: Path, plan: Plan):
        super().__init__(spec, folder, plan)
        self._model.generation_config.max_length = self._model.config.max_target_positions

    def languages(self) -> tuple[str, ...]:
        known = getattr(self._model.generation_config, "lang_to_id", None)
        return tuple(token.strip("<|>") for token in known) if known else ("en",)

    def language(self, sound: np.ndarray) -> tuple[str, float]:
        with self._lock, threads(self._plan.threads), torch.inference_mode():
            code, probability, _ = self._first_look(self._encoded(sound[:WINDOW]))
        return code, probability

    def _check(self, language: str | None, translate: bool) -> None:
        super()._check(language, translate and not self._multilingual())

    def _multilingual(self) -> bool:
        return bool(getattr(self._model.generation_config, "is_multilingual", False))

    def _encoded(self, window: np.ndarray) -> dict:
        """The encoder's output, once for the language and the text."""
        features = self._processor.feature_extractor(window, sampling_rate=RATE_HZ, return_tensors="pt")
        return {"encoder_outputs": self._model.get_encoder()(**self._ready(features))}

    def _first_look(self, encoded: dict) -> tuple[str, float, float]:
        """The likeliest language, its probability, and that of no speech, from one step of the decoder."""
        settings, tokenizer = self._model.generation_config, self._processor.tokenizer
        start = torch.tensor([[settings.decoder_start_token_id]], device=self._model.device)
        logits = self._model(**encoded, decoder_input_ids=start, use_cache=False).logits[0, -1].float()
        silent = tokenizer.convert_tokens_to_ids(["<|nospeech|>", "<|nocaptions|>"])
        quiet = logits.softmax(-1)[[number for number in silent if number not in (None, tokenizer.unk_token_id)]]
        if not self._multilingual():
            return "en", 1.0, float(quiet.sum())
        codes = list(settings.lang_to_id)
        shares = logits[[settings.lang_to_id[code] for code in codes]].softmax(-1)
        best = int(shares.argmax())
        return codes[best].strip("<|>"), float(shares[best]), float(quiet.sum())

    def _hear(self, window: np.ndarray, language: str | None, translate: bool, prompt: str) -> Heard:
        encoded = self._encoded(window)
        spoken, _, no_speech = self._first_look(encoded)
        task = {"language": language or spoken, "task": "translate" if translate else "transcribe"}
        output = self._generate(
            encoded,
            return_timestamps=True,
            force_unique_generate_call=True,
            **(task if self._multilingual() else {}),
            **({"prompt_ids": self._prompt(prompt)} if prompt else {}),
        )
        lines, covered_s = self._timed(output.sequences[0].tolist(), len(window) / RATE_HZ)
        samples = len(window) if len(window) < WINDOW else max(RATE_HZ, round(covered_s * RATE_HZ))
        return Heard(tuple(lines), min(samples, len(window)), mean_logprob(self._model, output), no_speech)

    def _prompt(self, prompt: str) -> torch.Tensor:
        room = self._model.config.max_target_positions // 2 - 1
        ids = self._processor.get_prompt_ids(prompt, return_tensors="pt")
        return torch.cat([ids[:1], ids[1:][-room + 1 :]]).to(self._model.device)

    def _timed(self, tokens: list[int], seconds: float) -> tuple[list[tuple[float, float, str]], float]:
        """The lines between time tokens, and where the next window is to begin (Radford 2022, 3.8)."""
        zero = self._model.generation_config.no_timestamps_token_id + 1
        start_token = self._model.generation_config.decoder_start_token_id
        tokens = tokens[len(tokens) - tokens[::-1].index(start_token) :] if start_token in tokens else tokens
        lines, words, start_s, end_s = [], [], None, 0.0
        for token in tokens:
            if token < zero:
                words.append(token)
                continue
            time_s = min((token - zero) * 0.02, seconds)
            text = self._text(words)
            if text and time_s > (start_s or 0.0):
                lines.append((start_s or 0.0, time_s, text))
                end_s = time_s
            words, start_s = [], time_s
        text = self._text(words)
        if text and lines:
            return lines, end_s  # the open line is heard again in the next window
        if text and (start_s or 0.0) < seconds:  # no time closed it: all of the window
            lines = [(start_s or 0.0, seconds, text)]
        return lines, seconds

    def _text(self, tokens: Sequence[int]) -> str:
        return self._processor.tokenizer.decode(list(tokens), skip_special_tokens=True).strip()


class Qwen3Asr(Listener):
    """Qwen3-ASR: 30 languages, a line per stretch."""

    kind = AutoModelForMultimodalLM

    def languages(self) -> tuple[str, ...]:
        from transformers.models.qwen3_asr.processing_qwen3_asr import LANGUAGE_CODE_TO_NAME

        return tuple(LANGUAGE_CODE_TO_NAME)

    def language(self, sound: np.ndarray) -> tuple[str, float]:
        """As the model writes it before the text; "" when it names none, as for silence."""
        from transformers.models.qwen3_asr.processing_qwen3_asr import LANGUAGE_CODE_TO_NAME

        stretch = sound[:WINDOW]
        with self._lock, threads(self._plan.threads), torch.inference_mode():
            output, found = self._answer(stretch, None, "", max_new_tokens=8)
            probability = float(np.exp(mean_logprob(self._model, output)))
        codes = {name: code for code, name in LANGUAGE_CODE_TO_NAME.items()}
        return codes.get(found["language"], ""), probability

    def _hear(self, window: np.ndarray, language: str | None, translate: bool, prompt: str) -> Heard:
        stretch = window[: quiet_cut(window)]
        output, found = self._answer(stretch, language, prompt)
        return self._one_line(stretch, found["transcription"], output)

    def _answer(self, stretch: np.ndarray, language: str | None, prompt: str, **options: object):
        inputs = self._processor.apply_transcription_request(stretch, language=language, prompt=prompt or None)
        output = self._generate(self._ready(inputs), **({"max_new_tokens": most_tokens(stretch)} | options))
        written = output.sequences[0, inputs["input_ids"].shape[1] :]
        return output, self._processor.decode(written, return_format="parsed")


LISTENERS: dict[str, type[Listener]] = {"whisper": Whisper, "qwen3_asr": Qwen3Asr}
