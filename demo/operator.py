"""Who may add, load and unload models: whoever runs the page, unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import gradio as gr
from gradio.utils import get_space

from mmcore import Studio
from mmcore.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")  # a proxy in front: others may reach the page


def check(studio: Studio, blocks: gr.Blocks | None, headers: Mapping[str, str]) -> None:
    """Raises InputError for a visitor who may not, and on ZeroGPU, where what is loaded later would not stay.
    ``headers`` are the request's."""
    if studio.settings.zero_gpu:
        raise InputError("loaded_at_start")
    given = studio.settings.operator
    if not (given if given is not None else _is_private(blocks, headers)):
        raise InputError("operator_only")


def _is_private(blocks: gr.Blocks | None, headers: Mapping[str, str]) -> bool:
    """Whether the page is bound to this machine alone, and not shared through a tunnel, a proxy or a Space."""
    bound = getattr(blocks, "server_name", None) in LOOPBACK and not blocks.share
    return bound and not get_space() and not any(name in headers for name in FORWARDED)
