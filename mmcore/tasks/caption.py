"""Caption a clip: what is heard, then what is seen, on one time axis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import describe
from ..media import clip
from ..types import Caption, ModelSpec, Progress, Segment, Stage
from . import hearing, scenes
from .kit import Kit

STAGE_TASKS = {"sounds": "sounds", "listen": "speech", "look": "image-classes", "read": "reading"}
KINDS = ("scene", "sound", "speech")  # order of segments that start together


@dataclass
class _Draft:
    """The caption so far."""

    duration_s: float
    models: dict[str, str]  # task -> name of its model
    heard: hearing.Heard | None = None
    seen: scenes.Seen | None = None
    started: float = field(default_factory=time.perf_counter)

    def caption(self, done: bool = False) -> Caption:
        """A frozen picture of it. Segments are in order of their start, inside the clip."""
        seconds = self._seconds()
        heard = self.heard or hearing.Heard(0.0)
        return Caption(
            language=heard.language if heard.speech else None,
            duration_s=self._duration_s(),
            segments=self._segments(),
            summary="",
            models=tuple(self.models[STAGE_TASKS[stage]] for stage in seconds),
            seconds=time.perf_counter() - self.started,
            done=done,
            heard_s=min(heard.heard_s, self._duration_s()),
            language_probability=heard.language_probability if heard.speech else 0.0,
            stages=tuple(Stage(s, seconds[s], self.models[STAGE_TASKS[s]]) for s in seconds),
        )

    def _duration_s(self) -> float:
        return max(self.duration_s, self.heard.duration_s if self.heard else 0.0)

    def _seconds(self) -> dict[str, float]:
        found = {**(self.heard.seconds if self.heard else {}), **(self.seen.seconds if self.seen else {})}
        return {stage: found[stage] for stage in STAGE_TASKS if stage in found}

    def _segments(self) -> tuple[Segment, ...]:
        duration_s = self._duration_s()
        found = [*self.heard.sounds, *self.heard.speech] if self.heard else []
        found += self.seen.segments() if self.seen else ()
        inside = [s if s.end_s <= duration_s else replace(s, end_s=duration_s) for s in found if s.start_s < duration_s]
        return tuple(sorted(inside, key=lambda s: (s.start_s, KINDS.index(s.kind))))


def stream(
    kit: Kit,
    path: str | Path,
    *,
    model: str | None,
    precision: str = "",
    language: str | None,
    translate: bool,
    words: str,
) -> Iterator[Progress | Caption]:
    """A clip over time; see ``Studio.stream_caption``.

    Each spoken line is yielded as soon as it is heard, then the scenes of a video, then the summary.
    """
    path, speech = Path(path), kit.spec("speech", model)
    yield Progress("decode", subject=path.name)
    info = clip.probe(path, kit.settings.limits)
    draft = _Draft(info.duration_s, _model_names(kit, speech))
    if info.has_sound:
        with closing(hearing.stream(kit, path, info.duration_s, speech, language, translate, precision)) as found:
            for step in found:
                draft.heard = step if isinstance(step, hearing.Heard) else draft.heard
                yield step if isinstance(step, Progress) else draft.caption()
    if info.has_pictures:
        with closing(scenes.stream(kit, path, info.duration_s, words)) as found:
            for step in found:
                draft.seen = step if isinstance(step, scenes.Seen) else draft.seen
                yield step if isinstance(step, Progress) else draft.caption()
    caption = draft.caption(done=True)
    yield replace(caption, summary=describe.clip_summary(caption, words))


def _model_names(kit: Kit, speech: ModelSpec) -> dict[str, str]:
    """The model that each stage uses."""
    names = {task: kit.spec(task).name for task in STAGE_TASKS.values() if task != "speech"}
    return {**names, "speech": speech.name}
