"""Example inputs: files that come with Gradio (Apache-2.0), and what each one shows."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path

from gradio.media import get_audio, get_image, get_video
from PIL import Image, ImageOps

THUMBNAIL = 80  # pixels, twice what is shown, for fine screens
ICONS = {  # drawn here: a note for sound, a frame for video, a bubble for words
    "sound": '<path d="M9 18V5l10-2v13"/><circle cx="6" cy="18" r="3"/><circle cx="16" cy="16" r="3"/>',
    "video": '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="M10 9l5 3-5 3z"/>',
    "words": '<path d="M4 5h16v11H9l-5 4z"/>',
}
KINDS = {".jpg": "picture", ".png": "picture", ".mp3": "sound", ".wav": "sound", ".mp4": "video"}


@dataclass(frozen=True)
class Example:
    """``title``, ``labels`` and ``text`` are keys of the page's text."""

    file: str
    title: str
    labels: str = ""
    text: str = ""


def images() -> tuple[Example, ...]:
    return (
        Example(get_image("cheetah.jpg"), "example_cheetah", "example_cheetah_labels"),
        Example(get_image("bus.png"), "example_bus", "example_bus_labels", "example_bus_text"),
        Example(get_image("tower.jpg"), "example_tower", "example_tower_labels"),
        Example(get_image("lion.jpg"), "example_lion"),
    )


def clips() -> tuple[Example, ...]:
    return (
        Example(get_audio("cate_blanch.mp3"), "example_speech"),
        Example(get_video("world.mp4"), "example_video"),
        Example(get_audio("sax.wav"), "example_sax"),
    )


def questions() -> tuple[Example, ...]:
    return (
        Example(get_image("cheetah.jpg"), "chat_example_animal"),
        Example(get_image("bus.png"), "chat_example_dog"),
        Example(get_audio("cate_blanch.mp3"), "chat_example_said"),
        Example("", "chat_example_hello"),
    )


def face(example: Example, title: str) -> str:
    """An example as it is shown: a small picture or a sign of its kind, and its title."""
    return f'<span class="mm-example">{_sign(example.file)}<span>{escape(title)}</span></span>'


@cache
def _sign(file: str) -> str:
    kind = KINDS[Path(file).suffix] if file else "words"
    if kind == "picture":
        return f'<img alt="" src="data:image/jpeg;base64,{b64encode(_thumbnail(file)).decode()}">'
    style = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round"'
    return f'<svg viewBox="0 0 24 24" aria-hidden="true" {style}>{ICONS[kind]}</svg>'


def _thumbnail(file: str) -> bytes:
    """The central square of a picture as a small JPEG."""
    with Image.open(file) as picture:
        picture.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
        square = ImageOps.fit(picture.convert("RGB"), (THUMBNAIL, THUMBNAIL))
    buffer = BytesIO()
    square.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
