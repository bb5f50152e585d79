"""Only uploaded files are read: never a path or a link that a caller names. They are deleted when the page ends."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import secrets
from pathlib import Path
from urllib.parse import unquote

import gradio as gr
from gradio.blocks import Block
from gradio.data_classes import ListFiles
from gradio.route_utils import delete_files_created_by_app
from gradio.utils import get_upload_folder

from mmcore.errors import InputError

SERVED = "/gradio_api/file="  # comes before its path in the address of an uploaded file
SHOWN_CHARS = 80  # of a name in a refusal


def uploaded(file: dict | str | None) -> str:
    """The path of a file sent through Gradio's upload route, named by its path or by the address that it is served at,
    which nobody asks for: the path in it must be in the folder of uploads too. Raises InputError for anything else."""
    path = file.get("path") if isinstance(file, dict) else file
    if not path:
        raise InputError("no_file")
    path = unquote(path.split(SERVED, 1)[1]) if SERVED in path else path
    folder = Path(get_upload_folder()).resolve()
    if "://" in path or not Path(path).resolve().is_relative_to(folder):
        raise InputError("not_uploaded", name=Path(path).name[-SHOWN_CHARS:])
    return path


def received(file: dict | str | None, blocks: gr.Blocks, limit_bytes: int) -> str:
    """The path of a file that came in a call: uploaded before, or inside it as a base64 ``data:`` address, which is
    written into the folder of uploads and deleted with them. Raises InputError."""
    given = file.get("path") if isinstance(file, dict) else file
    if not (given or "").startswith("data:"):
        return uploaded(file)
    head, _, body = given.partition(",")
    name = f"file{mimetypes.guess_extension(head[5:].split(';')[0]) or ''}"
    if len(body) * 3 // 4 > limit_bytes:
        raise InputError("file_too_large", name=name, size_mb=len(body) * 0.75e-6, limit_mb=limit_bytes / 1e6)
    try:
        content = base64.b64decode(body)
    except binascii.Error:
        raise InputError("broken_media", name=name) from None
    path = Path(get_upload_folder()) / secrets.token_hex(16) / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    blocks.upload_file_set.add(str(path))
    return str(path)


def delete_all(blocks: gr.Blocks) -> None:
    """Delete what was uploaded and made. Gradio does so too as its server ends, but not while a page is open."""
    delete_files_created_by_app(blocks, None)


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
