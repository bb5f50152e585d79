"""The MCP server that Gradio makes of the API, mended: files come as they were given, answers go as JSON."""

from __future__ import annotations

import json

from gradio.mcp import GradioMCPServer


def mend() -> None:
    """Gradio itself would fetch links and keep a copy of base64 data for good, and not take a list of files at all;
    ``uploads.received`` judges them instead. Its answers are Python's notation, which few clients read."""
    GradioMCPServer.convert_strings_to_filedata = lambda server, given, positions: given
    GradioMCPServer.postprocess_output_data = _as_json


def _as_json(server: GradioMCPServer, outputs: list, root_url: str) -> list:
    return [server.types.TextContent(type="text", text=json.dumps(output, ensure_ascii=False)) for output in outputs]
