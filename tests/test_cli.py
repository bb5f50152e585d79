"""The command line as a person types it: what it prints, where, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmcore import __main__ as command_line
from mmcore import catalog
from mmcore.tasks import trials

ROOT = Path(__file__).parent.parent


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run a command on the fake profile; (exit status, standard output, standard error)."""
    monkeypatch.setenv("MM_PROFILE", "fake")
    monkeypatch.setenv("MM_CACHE_DIR", str(tmp_path / "cache"))

    def run(*argv: object):
        status = command_line.main([str(word) for word in argv])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photo.png"
    Image.new("RGB", (80, 60), (200, 40, 30)).save(path)
    return path


@pytest.fixture
def tone(tmp_path) -> Path:
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((np.sin(np.arange(64_000) / 8) * 9000).astype("<i2").tobytes())
    return path


def test_models_lists_rows_as_a_table_and_as_json(run):
    status, out, _ = run("models")
    assert status == 0 and "fake-chat" in out
    rows = json.loads(run("models", "--json")[1])
    assert {"name", "task", "licence", "download_bytes", "memory_bytes", "can", "cannot"} <= rows[0].keys()


def test_classify_json_has_the_documented_fields_best_label_first(run, photo):
    status, out, _err = run("classify", photo, photo, "--labels", "red thing, blue thing，绿色", "--json")
    results = json.loads(out)
    assert status == 0 and len(results) == 2
    assert results[0]["file"] == str(photo)
    assert {"file", "labels", "model", "seconds"} <= results[0].keys()
    probabilities = [label["probability"] for label in results[0]["labels"]]
    assert probabilities == sorted(probabilities, reverse=True) and sum(probabilities) == pytest.approx(1, abs=1e-4)
    assert {label["label"] for label in results[0]["labels"]} == {"red thing", "blue thing", "绿色"}


def test_classify_prints_percentages_and_the_model(run, photo):
    _, out, _ = run("classify", photo, "--labels", "red, blue", "--top", "1")
    assert "%" in out and "fake-image-classes" in out


def test_caption_json_has_the_documented_fields(run, tone):
    status, out, _ = run("caption", tone, "--format", "json")
    record = json.loads(out)
    assert status == 0
    assert set(record) == {"language", "duration_s", "segments", "summary", "models", "seconds"}
    assert record["duration_s"] == pytest.approx(4.0, abs=0.1)
    assert set(record["segments"][0]) == {"start_s", "end_s", "kind", "text", "flags"}
    assert {segment["kind"] for segment in record["segments"]} >= {"speech"}


@pytest.mark.parametrize(("name", "start"), [("out.srt", "1\n00:00:"), ("out.vtt", "WEBVTT"), ("out.json", "{")])
def test_the_name_of_the_output_chooses_the_format(run, tone, tmp_path, name, start):
    out = tmp_path / name
    assert run("caption", tone, "-o", out)[0] == 0
    assert out.read_text("utf-8").startswith(start)


def test_chat_streams_to_standard_output(run):
    status, out, err = run("chat", "hello there", "--max-tokens", "6")
    assert status == 0 and "hello there" in out
    assert "fake-chat" in err and "fake-chat" not in out


def test_chat_json_has_the_documented_fields(run, photo):
    status, out, _ = run("chat", "what is this", "--file", photo, "--max-tokens", "5", "--json")
    record = json.loads(out)
    assert status == 0 and record["completion_tokens"] == 5
    assert set(record) == {"text", "model", "prompt_tokens", "completion_tokens", "first_token_s", "tokens_per_s"}


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("classify", "nowhere.jpg", "--labels", "a,b"), "nowhere.jpg was not found"),
        (("classify", "{photo}", "--labels", "only"), "One label alone"),
        (("classify", "{photo}", "--labels", "a,b", "--model", "gpt-9"), "There is no model named gpt-9"),
        (("caption", "{photo}.txt"), "photo.png.txt was not found"),
        (("chat", ""), "Write a question"),
        (("chat", "hi", "--temperature", "99"), "temperature must be"),
        (("pull", "gpt-9"), "There is no model named gpt-9"),
        (("caption", "{tone}", "-o", "/nowhere/at/all.srt"), "all.srt could not be written"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_failure_is_one_sentence_on_standard_error(run, photo, tone, argv, sentence):
    status, out, err = run(*[word.format(photo=photo, tone=tone) for word in argv])
    assert status == 1 and out == ""
    assert sentence in err and len(err.strip().splitlines()) == 1 and "Traceback" not in err


def test_an_unreadable_image_is_refused_by_its_name(run, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"this is not a picture")
    status, _, err = run("classify", broken, "--labels", "a,b")
    assert status == 1 and err.startswith("broken.jpg is not an image") and str(tmp_path) not in err


def test_bench_loads_tries_and_tells_what_it_took(run):
    status, out, _ = run("bench", "fake-chat", "fake-sentences")
    head, chat, sentences = out.strip().splitlines()
    assert status == 0 and head.split()[:3] == ["model", "precision", "device"]
    assert chat.startswith("fake-chat") and "tokens/s" in chat and "texts/s" in sentences


def test_bench_without_names_tries_every_model_that_is_here_and_json_has_the_documented_fields(run, monkeypatch):
    monkeypatch.setattr(trials, "WORK_S", 0.05)
    status, out, _ = run("bench", "--json")
    records = json.loads(out)
    assert status == 0 and {record["name"] for record in records} == {row.name for row in catalog.FAKE}
    keys = {"name", "device", "precision", "memory_bytes", "in_use", "load_s", "ran_out", "measured"}
    assert all(record.keys() == keys and record["measured"]["rate"] > 0 for record in records)
    assert set(records[0]["measured"]) == {"rate", "unit", "peak_bytes", "alone", "picture_s"}


def test_bench_tells_a_refusal_and_goes_on(run):
    status, out, err = run("bench", "gpt-9", "fake-chat")
    assert status == 1 and "There is no model named gpt-9" in err and "fake-chat" in out


def test_doctor_says_what_it_found(run):
    status, out, _ = run("doctor")
    assert status in (0, 1)
    assert "python" in out and "cache folder" in out and "onnxruntime" in out


def test_a_wrong_command_line_shows_its_usage():
    result = subprocess.run([sys.executable, "-m", "mmcore", "dance"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2 and "usage:" in result.stderr and result.stdout == ""


def test_progress_is_quiet_when_standard_error_is_not_a_terminal(capsys):
    from mmcore.terminal import Bar
    from mmcore.types import Progress

    with Bar() as bar:
        bar(Progress("download", 1, 10, "B", "model"))
    assert capsys.readouterr().err == ""


def test_progress_is_drawn_on_a_terminal(monkeypatch):
    from mmcore.terminal import Bar
    from mmcore.types import Progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Bar() as bar:
        bar(Progress("download", 5e6, 1e7, "B", "Whisper"))
    assert "download Whisper" in screen.getvalue() and "50%" in screen.getvalue()


def test_a_precision_that_a_model_does_not_have_is_refused_before_it_is_fetched(run):
    status, out, err = run("chat", "hi", "--model", "qwen3-vl-2b", "--precision", "int2")
    assert status == 1 and out == ""
    assert "precision must be bf16 or" in err and "not int2" in err


def test_a_row_of_a_hub_that_does_not_answer_is_refused_in_a_sentence(run):
    status, _, err = run("pull", "smolvlm2-256m")
    assert status == 1 and "SmolVLM2 256M" in err and "HF_HUB_OFFLINE" in err
