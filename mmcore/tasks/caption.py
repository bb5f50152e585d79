"""Caption a clip: what is heard, then what is seen, on one time axis."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import describe
from ..media import clip
from ..types import Caption, ModelSpec, Progress, Refusal, Segment, Stage
from . import describing, hearing, scenes
from .kit import Kit

STAGE_TASKS = {"sounds": "sounds", "listen": "speech", "look": "image-classes", "read": "reading"}
STAGES = (*STAGE_TASKS, "describe")  # the summary comes last
KINDS = ("scene", "sound", "speech")  # order of segments that start together


@dataclass
class _Draft:
    """The caption so far."""

    duration_s: float
    models: dict[str, str]  # stage -> name of its model
    heard: hearing.Heard | None = None
    seen: scenes.Seen | None = None
    started: float = field(default_factory=time.perf_counter)

    def caption(self, done: bool = False) -> Caption:
        """A frozen picture of it. Segments are in order of their start, inside the clip."""
        stages, segments = self._stages(), self._segments()
        heard = self.heard or hearing.Heard(0.0)
        return Caption(
            language=heard.language if heard.speech else None,
            duration_s=self._duration_s(),
            segments=segments,
            summary="",
            models=tuple(stage.model for stage in stages if stage.refusal is None or _tells(stage.model, segments)),
            seconds=time.perf_counter() - self.started,
            done=done,
            heard_s=min(heard.heard_s, self._duration_s()),
            language_probability=heard.language_probability if heard.speech else 0.0,
            stages=stages,
            flags=("not_described",) if self._refusal() else (),
        )

    def _duration_s(self) -> float:
        return max(self.duration_s, self.heard.duration_s if self.heard else 0.0)

    def _refusal(self) -> Refusal | None:
        return self.seen.refusal if self.seen else None

    def _stages(self) -> tuple[Stage, ...]:
        found = {**(self.heard.seconds if self.heard else {}), **(self.seen.seconds if self.seen else {})}
        if self._refusal():
            found.setdefault("describe", 0.0)  # it may have failed before it began
        refusals = {"describe": self._refusal()}
        done = [stage for stage in STAGES if stage in found]
        return tuple(Stage(stage, found[stage], self.models[stage], refusals.get(stage)) for stage in done)

    def _segments(self) -> tuple[Segment, ...]:
        duration_s = self._duration_s()
        found = [*self.heard.sounds, *self.heard.speech] if self.heard else []
        found += self.seen.segments() if self.seen else ()
        inside = [s if s.end_s <= duration_s else replace(s, end_s=duration_s) for s in found if s.start_s < duration_s]
        return tuple(sorted(inside, key=lambda s: (s.start_s, KINDS.index(s.kind))))


def _tells(model: str, segments: Iterable[Segment]) -> bool:
    return any(segment.told_by == model for segment in segments)


def stream(
    kit: Kit,
    path: str | Path,
    *,
    model: str | None,
    precision: str = "",
    language: str | None,
    translate: bool,
    words: str,
    describer: str = "",
) -> Iterator[Progress | Caption]:
    """A clip over time; see ``Studio.stream_caption``.

    Each spoken line is yielded as soon as it is heard, then the scenes of a video, then the summary.
    """
    path, speech = Path(path), kit.spec("speech", model)
    teller = describing.chosen(kit, describer, words)
    yield Progress("decode", subject=path.name)
    info = clip.probe(path, kit.settings.limits)
    draft = _Draft(info.duration_s, _model_names(kit, speech, teller))
    if info.has_sound:
        with closing(hearing.stream(kit, path, info.duration_s, speech, language, translate, precision)) as found:
            for step in found:
                draft.heard = step if isinstance(step, hearing.Heard) else draft.heard
                yield step if isinstance(step, Progress) else draft.caption()
    if info.has_pictures:
        with closing(_see(kit, path, info.duration_s, words, teller, bool(describer))) as found:
            for step in found:
                draft.seen = step if isinstance(step, scenes.Seen) else draft.seen
                yield step if isinstance(step, Progress) else draft.caption()
    yield (yield from _summed_up(kit, draft.caption(done=True), words, teller))


def _see(
    kit: Kit, path: Path, duration_s: float, words: str, teller: ModelSpec | None, asked_for: bool
) -> Generator[Progress | scenes.Seen, None, None]:
    """The scenes as classes and text read, then in the words of a model that sees."""
    seen = yield from scenes.stream(kit, path, duration_s, words)
    if teller:
        yield from describing.stream(kit, teller, seen, asked_for=asked_for)


def _summed_up(kit: Kit, caption: Caption, words: str, teller: ModelSpec | None) -> Generator[Progress, None, Caption]:
    """With its summary: by the model that described the scenes, else put together from what was found."""
    if teller and _tells(teller.name, caption.segments):
        text, stage = yield from describing.summary(kit, teller, caption, words)
        seconds = caption.seconds + stage.seconds
        caption = replace(caption, summary=text, stages=(*caption.stages, stage), seconds=seconds)
    return replace(caption, summary=caption.summary or describe.clip_summary(caption, words))


def _model_names(kit: Kit, speech: ModelSpec, teller: ModelSpec | None) -> dict[str, str]:
    """The model that each stage uses."""
    usual = {stage: kit.spec(task).name for stage, task in STAGE_TASKS.items() if task != "speech"}
    return usual | {"listen": speech.name} | ({"describe": teller.name} if teller else {})
