"""The conversation as Gradio keeps it -> messages of the engine. Blocks from the page and plain strings alike."""

from __future__ import annotations

from collections.abc import Iterable

from mmcore.types import Message

REFUSAL = "refusal"


def messages(history: Iterable[dict]) -> list[Message]:
    """Every turn, without the notes that the page itself put between them (see ``is_note``)."""
    return [_message(turn) for turn in history if not is_note(turn)]


def _message(turn: dict) -> Message:
    content = turn.get("content", "")
    blocks = content if isinstance(content, (list, tuple)) else [content]
    texts = (_text(block) for block in blocks)
    files = (_file(block) for block in blocks)
    return Message(turn["role"], "\n".join(t for t in texts if t), tuple(f for f in files if f))


def _text(block) -> str:
    if isinstance(block, str):
        return block
    return block.get("text") or "" if isinstance(block, dict) else ""


def _file(block) -> str | None:
    if not isinstance(block, dict):
        return None
    file = block.get("file") if block.get("type") == "file" else block
    return file.get("path") if isinstance(file, dict) else None


def asked(text: str, files: Iterable[str]) -> dict:
    """A person's turn for the chatbot: the files, then the words."""
    return {"role": "user", "content": [*({"path": file} for file in files), *([text] if text.strip() else [])]}


def answered(text: str) -> dict:
    return {"role": "assistant", "content": text}


def noted(title: str, text: str = "", *, pending: bool = False) -> dict:
    """A note of the page under an answer: closed when it is finished, open and moving while it is not."""
    status = "pending" if pending else "done"
    return {"role": "assistant", "content": text, "metadata": {"title": title, "status": status}}


def refused(sentence: str) -> dict:
    """A refusal where the answer would be; it is no part of what the model is told later."""
    return {"role": "assistant", "content": sentence, "metadata": {"id": REFUSAL}}


def is_note(turn: dict) -> bool:
    """Whether the page itself said it: a note carries a title, a refusal its mark."""
    metadata = turn.get("metadata") or {}
    return bool(metadata.get("title")) or metadata.get("id") == REFUSAL
