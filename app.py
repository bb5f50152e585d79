"""The studio's page: flags -> Settings -> Studio -> page -> server.

python app.py [--host 0.0.0.0] [--port 7860] [--profile embedded]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: nothing is reported anywhere

from demo import layout, spaces, uploads
from mmcore import Settings, Studio
from mmcore.settings import PROFILES, default_threads


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The flags; host and port left out follow GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""
    parser = argparse.ArgumentParser(description="Multimodal Studio: a page over models that look, listen and talk.")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--profile", choices=PROFILES, help="which models (default: auto, or MM_PROFILE)")
    return parser.parse_args(argv)


def has_mcp() -> bool:
    """Whether the API can also be offered as MCP tools; Gradio leaves them out without a word."""
    found = importlib.util.find_spec("mcp") is not None
    if not found:
        print('No MCP tools: the package mcp is not installed (pip install "gradio[mcp]").', file=sys.stderr)
    return found


def main(argv: list[str] | None = None) -> None:
    flags = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped container deletes its uploads, like Ctrl+C
    settings = Settings.from_env(profile=flags.profile)
    if not settings.chat_threads:  # a core is left for the page
        settings = Settings.from_env(profile=flags.profile, chat_threads=max(1, default_threads() - 1))
    studio = Studio(settings)
    try:
        blocks = layout.build(studio)
        spaces.preload(studio)
        try:
            layout.launch(
                blocks,
                max_file_bytes=settings.limits.file_bytes,
                mcp=has_mcp(),
                server_name=flags.host,
                server_port=flags.port,
            )
        finally:
            uploads.delete_all(blocks)
    finally:
        studio.close()


if __name__ == "__main__":
    main()
