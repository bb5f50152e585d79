"""Keeping what a person wrote apart from the tokens that steer a model.

llama.cpp reads a whole prompt, template and text together, with its control tokens: a visitor's "<|im_end|>" would
end the turn. (Its mark for a picture is drawn at random in each process, so that no text can hold it.)
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from .gguf_header import metadata

UNKNOWN, CONTROL, USER_DEFINED = 2, 3, 4  # token types of GGUF
TOKENS, TYPES, TEMPLATE = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.chat_template"
_BRACKET = re.compile(r"[<\[]")  # every control token of the models known has one
_MARKED = re.compile(r"<\|.+\|>")  # llama.cpp takes some such tokens for control tokens whatever their type


class Controls:
    """The control tokens of a model, read from its file when a text first looks as if it held one. Thread-safe."""

    def __init__(self, path: Path):
        self._path = path

    def plain(self, text: str) -> str:
        """``text`` with a space inside each control token, so that it is read letter by letter."""
        found = [re.escape(token) for token in self._tokens if token in text] if _BRACKET.search(text) else []
        return re.sub(f"(?=(?:{'|'.join(found)}))(.)", r"\1 ", text, flags=re.DOTALL) if found else text

    @cached_property
    def _tokens(self) -> tuple[str, ...]:
        """As transformers' ``sanitize_control_tokens``: control tokens, and those that the chat template writes."""
        told = metadata(self._path, TOKENS, TYPES, TEMPLATE)
        template = str(told.get(TEMPLATE, ""))
        return tuple(
            token
            for token, kind in zip(told.get(TOKENS, ()), told.get(TYPES, ()), strict=False)
            if len(token) > 1
            and (
                kind in (UNKNOWN, CONTROL)
                or _MARKED.fullmatch(token)
                or (kind == USER_DEFINED and not token.isspace() and token in template)
            )
        )
