"""The page against a bare Gradio page with one textbox: time to the first HTTP 200, idle memory.

    python -m tests.bench.start_up [--rounds 5]

Each is a fresh process; the two take turns. Resident memory is read five seconds after the first answer.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
BARE = "import gradio as gr\nwith gr.Blocks() as page: gr.Textbox()\npage.launch()"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_answer(command: list[str]) -> tuple[float, float]:
    """(seconds to the first HTTP 200, MB resident when idle)."""
    port = free_port()
    env = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    started = time.perf_counter()
    page = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.02)
            if page.poll() is not None:
                raise SystemExit(f"{command} ended before it answered")
        seconds = time.perf_counter() - started
        time.sleep(5)
        return seconds, psutil.Process(page.pid).memory_info().rss / 1e6
    finally:
        page.terminate()
        page.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    commands = {"studio": [sys.executable, "app.py"], "bare": [sys.executable, "-c", BARE]}
    for command in commands.values():  # warm the disk cache
        first_answer(command)
    figures = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            figures[name].append(first_answer(command))
    for index, what in enumerate(("first HTTP 200, s", "idle memory, MB")):
        studio, bare = (statistics.median(pair[index] for pair in figures[name]) for name in ("studio", "bare"))
        print(f"{what:18} studio {studio:7.2f}, bare {bare:7.2f}, ratio {studio / bare:.2f}")


if __name__ == "__main__":
    main()
