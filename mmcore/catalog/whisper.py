"""Whisper of the hub, from its safetensors, on CTranslate2: converted once on this machine, then any precision.

Like the other rows of a hub these were not run with their real weights. Memory is measured on random weights of the
same sizes: the most that loading, or a window of 30 s with five beams, held at once on the CPU; at fp16 it is near
what faster-whisper's README tells of a GPU.
"""

from __future__ import annotations

from ..types import HubSource, ModelSpec, Precision

BESIDES = 150 * 10**6  # bytes that every size takes
BYTES_PER_PARAMETER = {"fp16": 3.0, "int8": 2.2, "fp32": 8.0}  # weights, working space, and what loading takes
DEVICES = ("cuda", "cpu")  # that CTranslate2 computes on


def precisions(parameters: float) -> tuple[Precision, ...]:
    """What a Whisper takes, best first: on a GPU fp16, on a CPU int8; fp32 is slower and no better."""
    return tuple(Precision(name, int(parameters * each) + BESIDES) for name, each in BYTES_PER_PARAMETER.items())


def running(parameters: float) -> dict[str, object]:
    """How a Whisper of that many parameters runs: the fields of its row."""
    rungs = precisions(parameters)
    return {
        "backend": "faster_whisper",
        "convert": "whisper_ctranslate2",
        "precisions": rungs,
        "memory_bytes": rungs[0].memory_bytes,
        "precision": rungs[0].name,
        "devices": DEVICES,
    }


def _row(name: str, repo: str, parameters: float, *, file_bytes_each: float = 4.0, **fields) -> ModelSpec:
    """A row; ``parameters`` as the card counts them, ``file_bytes_each`` what one takes in its files."""
    fields = {"licence": "Apache-2.0", "languages": ("99 languages",)} | running(parameters) | fields
    return ModelSpec(
        name=name,
        task="speech",
        source=f"hub repository {repo}",
        hub=HubSource(repo),
        hub_bytes=int(parameters * file_bytes_each),
        profile="hub",
        tried=False,
        **fields,
    )


WHISPER = (
    _row(
        "whisper-large-v3-turbo",
        "openai/whisper-large-v3-turbo",
        809e6,
        file_bytes_each=2.0,
        title="Whisper large v3 turbo",
        licence="MIT",
        can="writes down speech nearly as well as the largest Whisper, much faster",
        cannot="translates poorly: it was not trained to",
        heavy=True,
    ),
    _row(
        "whisper-small",
        "openai/whisper-small",
        244e6,
        title="Whisper small",
        can="better than base in languages other than English; quick enough on a CPU",
        cannot="songs, overlapping voices",
    ),
    _row(
        "whisper-base-hub",
        "openai/whisper-base",
        74e6,
        title="Whisper base (hub)",
        can="the smallest useful Whisper",
        cannot="is weak on noise and accents",
    ),
    _row(
        "whisper-medium",
        "openai/whisper-medium",
        769e6,
        title="Whisper medium",
        can="writes down and translates many languages better than small",
        cannot="slower than large v3 turbo, and rarely better at writing down",
        heavy=True,
    ),
    _row(
        "whisper-large-v3",
        "openai/whisper-large-v3",
        1.55e9,
        file_bytes_each=2.0,
        title="Whisper large v3",
        can="the best Whisper: many languages, noise, accents; translates into English",
        cannot="the slowest; songs, overlapping voices",
        heavy=True,
    ),
)
