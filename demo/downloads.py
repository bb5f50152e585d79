"""Files the page makes for the visitor, in Gradio's cache, where they are deleted with the uploads."""

from __future__ import annotations

import secrets
from pathlib import Path

from gradio.utils import get_upload_folder

from mmcore import subtitles
from mmcore.types import Caption

FORMATS = {"srt": subtitles.to_srt, "vtt": subtitles.to_vtt, "txt": subtitles.to_txt, "json": subtitles.to_json}


def write(caption: Caption, clip: str) -> list[str]:
    """The caption in every format of ``FORMATS``, named after the clip; their paths, in that order."""
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return [str(_written(folder / f"{Path(clip).stem}.{name}", to(caption))) for name, to in FORMATS.items()]


def _written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path
