"""Classifying one image, warm: our Python API against torch eager on the same weights, doing the same work.

    python -m tests.bench.classify_speed IMAGE [--rounds 40]

Both decode the file, resize and cut it, run EfficientNet-Lite0 on the same number of threads and turn 1,000 class
probabilities into 19 labels whose embeddings are at hand. The two take turns in one process; medians are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from mmcore import Settings, Studio
from mmcore.backends.convert import PTH, _efficientnet
from mmcore.tasks.labels import label_space

from .zero_shot import EVERYDAY

LABELS = tuple(EVERYDAY.split(", "))


def eager(studio: Studio, given_class: np.ndarray):
    """A function from a path to label probabilities, as timm's documentation writes it."""
    import torch
    from PIL import Image
    from timm.data import create_transform, resolve_data_config

    torch.set_num_threads(studio.settings.threads)
    model = _efficientnet(studio.fetch("efficientnet-lite0") / PTH).eval()
    transform = create_transform(**resolve_data_config({}, model=model))
    given_class = torch.from_numpy(given_class)

    def classify(path: str) -> dict[str, float]:
        with torch.inference_mode(), Image.open(path) as image:
            probabilities = model(transform(image.convert("RGB")).unsqueeze(0)).softmax(-1)[0] @ given_class
            return dict(zip(LABELS, probabilities.tolist(), strict=True))

    return classify


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    studio = Studio(Settings.from_env(profile="embedded"))

    def ours(path: str) -> dict[str, float]:
        return {x.label: x.probability for x in studio.classify(path, LABELS, read_text=False).labels}

    ours(args.image)
    space = _returned(label_space(studio.kit, studio.kit.spec("sentences"), LABELS))
    sides = {"mmcore": ours, "torch eager": eager(studio, space.given_class)}
    _compare(sides, args.image)
    seconds = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, classify in sides.items():
            started = time.perf_counter()
            classify(args.image)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:12} {1000 * median:6.1f} ms")
    print(f"{medians['torch eager'] / medians['mmcore']:.2f} x as fast")
    studio.close()


def _returned(steps):
    """What a generator of progress returns."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def _compare(sides: dict, image: str) -> None:
    answers = [classify(image) for classify in sides.values()]
    furthest = max(abs(answers[0][label] - answers[1][label]) for label in LABELS)
    print(f"largest difference of a probability: {furthest:.3f}")


if __name__ == "__main__":
    main()
