"""The files of a conversation for a model that takes them itself, decoded."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from ..media import clip, sound, video
from ..media import image as pictures
from ..types import Medium, Message, ModelSpec, Progress, Report
from .kit import Kit
from .steps import background

SIDE = 1024  # pixels of a picture
FRAME_SIDE = 512  # pixels of a frame
FRAMES = 12
CPU_FRAME_SIDE, CPU_FRAMES = 384, 8  # for a GGUF, which runs on the CPU: a frame takes seconds there
EVERY_S = 1.0
SOUND_S = 30.0  # what models with ears were trained on


def attached(kit: Kit, spec: ModelSpec, messages: Sequence[Message]) -> Generator[Progress, None, dict[str, Medium]]:
    """The files that ``spec`` takes whole, decoded, by path. A video's sound goes with it when the model hears;
    else the video is left to be perceived, when it has sound. Raises InputError."""
    if set(spec.modalities) == {"text"}:
        return {}
    given: dict[str, Medium] = {}
    for path in dict.fromkeys(path for message in messages for path in message.files):
        yield Progress("decode", subject=Path(path).name)
        medium = yield from background(lambda report, path=path: _decoded(kit, spec, Path(path), report))
        if medium is not None:
            given[path] = medium
    return given


def _decoded(kit: Kit, spec: ModelSpec, path: Path, report: Report) -> Medium | None:
    limits = kit.settings.limits
    kind = clip.kind(path, limits)
    if kind == "image":
        return _picture(path, limits) if "image" in spec.modalities else None
    info = clip.probe(path, limits)
    hears = "audio" in spec.modalities and info.duration_s <= SOUND_S
    if kind not in spec.modalities or (info.has_sound and not hears):
        return None
    samples = sound.samples(path, limits, SOUND_S) if info.has_sound else None
    if kind == "audio":
        return Medium("audio", samples=samples, rate_hz=sound.RATE_HZ)
    side, count = (CPU_FRAME_SIDE, CPU_FRAMES) if spec.backend == "llama" else (FRAME_SIDE, FRAMES)
    return _video(path, video.sample_times(info.duration_s, count, EVERY_S), side, samples, limits, report)


def _picture(path: Path, limits) -> Medium:
    picture = pictures.load(path, limits, SIDE)
    picture.thumbnail((SIDE, SIDE))
    return Medium("image", frames=np.asarray(picture)[None])  # (1, H, W, 3)


def _video(
    path: Path, times_s: Sequence[float], side: int, samples: np.ndarray | None, limits, report: Report
) -> Medium:
    frames = []
    for frame in video.frames(path, times_s, limits, side):
        frames.append(frame.pixels)
        report(Progress("decode", len(frames), len(times_s), "frames", path.name))
    return Medium("video", np.stack(frames), tuple(times_s), samples, sound.RATE_HZ)
