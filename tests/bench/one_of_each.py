"""Resident memory after one classify, one caption and one chat in one process; no torch among the modules.

python -m tests.bench.one_of_each
"""

from __future__ import annotations

import sys

import psutil
from gradio.media import get_image, get_video

from mmcore import Message, Sampling, Settings, Studio


def resident_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


def main() -> None:
    studio = Studio(Settings.from_env(profile="embedded"))
    print(f"{'start':28} {resident_mb():7.0f} MB")
    print(f"{'classify':28} ", end="", flush=True)
    studio.classify(get_image("cheetah.jpg"), ["cat", "dog", "bird"])
    print(f"{resident_mb():7.0f} MB")
    print(f"{'caption':28} ", end="", flush=True)
    studio.caption(get_video("world.mp4"))
    print(f"{resident_mb():7.0f} MB")
    print(f"{'chat':28} ", end="", flush=True)
    question = Message("user", "What animal is it?", (get_image("cheetah.jpg"),))
    studio.chat((question,), sampling=Sampling(max_tokens=32))
    print(f"{resident_mb():7.0f} MB")
    print(
        "in memory:",
        ", ".join(f"{loaded.name} {loaded.memory_bytes / 1e6:.0f} MB" for loaded in studio.status().loaded),
    )
    studio.close()
    print(f"{'after close':28} {resident_mb():7.0f} MB")
    heavy = sorted({"torch", "transformers", "timm"} & set(sys.modules))
    print("torch modules loaded:", heavy or "none")


if __name__ == "__main__":
    main()
