"""Only uploaded files are read: never a path or a link that a caller names."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
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


def leave_as_is(component: gr.components.Component) -> None:
    """Give handlers the path that was uploaded: opening, converting and judging files is the engine's work."""
    component.preprocess = _path


def _path(payload) -> str | None:
    file = payload[0] if isinstance(payload, ListFiles) else payload
    return file.path if file else None


def leave_files_as_is(box: gr.MultimodalTextbox) -> None:
    """The same for a message: its words and the paths of its files."""
    box.preprocess = lambda message: {"text": message.text, "files": [file.path for file in message.files]}


def refuse_links(component: gr.blocks.Block) -> None:
    """Gradio fetches a link that a hand-made request names as a file; this page does not."""
    keep = component.async_move_resource_to_block_cache

    async def only_files(path):
        if path is not None and "://" in str(path):
            raise gr.Error("Only uploaded files are read, never a link.", print_exception=False)
        return await keep(path)

    component.async_move_resource_to_block_cache = only_files


def refuse_components(chatbot: gr.Chatbot) -> None:
    """Gradio builds any component that a hand-made history names, with arguments of its choice; this page has none."""
    keep = chatbot._preprocess_content

    def only_text_and_files(content):
        if getattr(content, "type", None) == "component":
            raise gr.Error("A message holds text and files only.", print_exception=False)
        return keep(content)

    chatbot._preprocess_content = only_text_and_files


def guard(component: gr.blocks.Block) -> None:
    """All of the above, for one component of the page."""
    refuse_links(component)
    if isinstance(component, (gr.Image, gr.File, gr.Audio, gr.Video)):
        leave_as_is(component)
    elif isinstance(component, gr.MultimodalTextbox):
        leave_files_as_is(component)
    elif isinstance(component, gr.Chatbot):
        refuse_components(component)
