"""Only uploaded files are read: never a path or a link that a caller names."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.blocks import Block
from gradio.data_classes import ListFiles
from gradio.utils import get_upload_folder

from mmcore.errors import InputError


def uploaded(file: dict | str | None) -> str:
    """The path of a file sent through Gradio's upload route. Raises InputError for anything else."""
    path = file.get("path") if isinstance(file, dict) else file
    if not path:
        raise InputError("no_file")
    folder = Path(get_upload_folder()).resolve()
    if "://" in path or not Path(path).resolve().is_relative_to(folder):
        raise InputError("not_uploaded", name=Path(path).name)
    return path


def _path(_, payload) -> str | None:
    """Handlers get the path that was uploaded: opening, converting and judging files is the engine's work."""
    file = payload[0] if isinstance(payload, ListFiles) else payload
    return file.path if file else None


class Picture(gr.Image):
    is_template = True  # Gradio draws it as the component it extends
    preprocess = _path


class AnyFile(gr.File):
    is_template = True
    preprocess = _path


class Sound(gr.Audio):
    is_template = True
    preprocess = _path


class Film(gr.Video):
    is_template = True
    preprocess = _path


class MessageBox(gr.MultimodalTextbox):
    """Words and the paths of the files beside them."""

    is_template = True

    def preprocess(self, payload) -> dict:
        return {"text": payload.text, "files": [file.path for file in payload.files]} if payload else _NO_MESSAGE


class Conversation(gr.Chatbot):
    """Gradio builds any component that a hand-made history names, with arguments of its choice; this one does not."""

    is_template = True

    def _preprocess_content(self, chat_message):
        if getattr(chat_message, "type", None) == "component":
            raise gr.Error("A message holds text and files only.", print_exception=False)
        return super()._preprocess_content(chat_message)


_NO_MESSAGE = {"text": "", "files": []}


def never_fetch_links() -> None:
    """Gradio fetches a link that a hand-made request names as a file, in any component; this page does not."""
    keep = Block.async_move_resource_to_block_cache
    if getattr(keep, "only_files", False):
        return

    async def only_files(self, path):
        if path is not None and "://" in str(path):
            raise gr.Error("Only uploaded files are read, never a link.", print_exception=False)
        return await keep(self, path)

    only_files.only_files = True
    Block.async_move_resource_to_block_cache = only_files
