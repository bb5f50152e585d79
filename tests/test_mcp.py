"""The MCP tools as a client of the ``mcp`` package uses them. Skipped where that package is not installed."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import httpx
import pytest
from PIL import Image

from demo import layout
from mmcore import Settings, Studio

pytest.importorskip("mcp")
TOOLS = {"classify", "caption", "chat", "models", "load", "bench", "unload"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The page with its tools on a free port; (address, folder of uploads)."""
    folder = tmp_path_factory.mktemp("mcp")
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
    studio = Studio(Settings(profile="fake", cache_dir=folder / "cache"))
    blocks = layout.build(studio)
    _, address, _ = layout.launch(blocks, max_file_bytes=10**6, mcp=True, prevent_thread_lock=True, quiet=True)
    yield address, folder / "uploads"
    blocks.close()
    studio.close()
    patch.undo()


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 48), (200, 40, 30)).save(path)
    return path


def in_session(address: str, work):
    """``await work(session)`` of a client over streamable HTTP."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def run():
        transport = streamablehttp_client(f"{address}gradio_api/mcp/")
        async with transport as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await work(session)

    return asyncio.run(run())


def call(server, tool: str, progress=None, **arguments):
    """(the answer, or the sentence of the refusal, whether it was refused)."""
    result = in_session(server[0], lambda session: session.call_tool(tool, arguments, progress_callback=progress))
    text = result.content[0].text
    return (text if result.isError else json.loads(text)), result.isError


def test_the_tools_are_listed_with_what_they_take(server):
    tools = in_session(server[0], lambda session: session.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS and all(tool.description for tool in tools)
    classify = next(tool for tool in tools if tool.name == "classify")
    assert "base64" in classify.inputSchema["properties"]["image"]["description"]


def test_a_chat_answers_once_with_the_whole(server):
    answer, _ = call(server, "chat", message="hello", max_tokens=30)
    assert answer["done"] and answer["completion_tokens"] == 30 and len(answer["text"].split()) == 30


def test_a_client_that_asks_for_progress_gets_it_and_the_same_answer(server):
    seen = []

    async def progress(done, total, message):
        seen.append(message)

    answer, _ = call(server, "chat", progress, message="hello", max_tokens=40)
    assert answer["done"] and len(answer["text"].split()) == 40 and "Processing" in seen


def test_a_picture_comes_as_base64_data_and_is_deleted_with_the_uploads(server, picture):
    data = f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
    answer, _ = call(server, "classify", image=data, labels="red thing, blue thing")
    assert answer["done"] and {row["label"] for row in answer["labels"]} == {"red thing", "blue thing"}
    answer, _ = call(server, "chat", message="What is it?", files=[data], max_tokens=200)
    assert "file.png" in answer["text"]


def test_a_picture_comes_at_the_address_of_its_upload(server, picture):
    """What ``gradio upload-mcp`` gives a client."""
    with picture.open("rb") as file:
        path = httpx.post(f"{server[0]}gradio_api/upload", files={"files": file}, timeout=30).json()[0]
    answer, _ = call(server, "classify", image=f"{server[0]}gradio_api/file={path}", labels="a, b")
    assert answer["file"] == "red.png"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "https://example.com/cat.png", "http://127.0.0.1/gradio_api/file=/etc/passwd"]
)
def test_a_path_or_a_link_is_refused_in_a_sentence_that_says_what_is_read(server, name):
    for tool, arguments in (("classify", {"image": name}), ("chat", {"message": "What?", "files": [name]})):
        said, is_refused = call(server, tool, **arguments)
        assert is_refused and "was not uploaded. Only uploaded files and base64 data are read" in said


def test_models_are_listed_loaded_and_freed(server):
    assert {row["name"] for row in call(server, "models")[0]} >= {"fake-chat", "fake-speech"}
    assert call(server, "load", name="fake-chat")[0]["name"] == "fake-chat"
    assert call(server, "unload", name="fake-chat")[0] == {"unloaded": 1}
