"""The one object a front end holds: what can be asked, and the state of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from . import adding, catalog, weights
from .device import Hardware, Room, default_room, has_gpu
from .errors import ModelError, RanOut
from .profile import FAKE, HUB, Profile
from .settings import Settings
from .store import Store
from .tasks import caption as _caption
from .tasks import chat as _chat
from .tasks import classify as _classify
from .tasks import describing as _describing
from .tasks import measure as _measure
from .tasks.kit import Kit
from .tasks.steps import background, last
from .types import (
    TASKS,
    Caption,
    Classification,
    HubFacts,
    Loaded,
    Message,
    ModelSpec,
    Plan,
    Progress,
    Reply,
    Report,
    Sampling,
    Status,
    ignore,
)


class Studio:
    """Classify, caption and chat, on models loaded at their first use.

    Each activity comes as ``stream_…``, a generator of ``Progress`` and growing results whose closing
    stops the work, and as the plain call that returns the final result. Nothing is loaded by creating
    a Studio. Safe to share between threads.
    """

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings.from_env()
        hardware = Hardware.here(self.settings)
        self.profile = Profile(
            self.settings.profile,
            hardware,
            has_gpu=lambda: self.settings.zero_gpu or has_gpu(),
            ask_hub=weights.hub.answers,
            has_kept=lambda: any(self.store.is_kept(row) for row in self._hub_rows()),
        )
        self.store = Store(self.settings, hardware, self._room(hardware))
        self.kit = Kit(self.settings, self.store, self.profile)

    def _hub_rows(self) -> tuple[ModelSpec, ...]:
        return tuple(row for row in catalog.rows(self.settings.models_file) if row.profile == HUB)

    def _room(self, hardware: Hardware) -> Room:
        room = default_room(hardware)
        budget_bytes = self.settings.budget_bytes
        return Room(min(room.device_bytes, budget_bytes), budget_bytes) if budget_bytes else room

    # -- activities

    def stream_classify(
        self,
        image: str | Path,
        labels: Sequence[str] = (),
        *,
        text: str = "",
        text_weight: float = 0.5,
        model: str | None = None,
        precision: str = "",
        top: int | None = None,
        read_text: bool = True,
    ) -> Iterator[Progress | Classification]:
        """What ``image`` is, among ``labels`` (none: the 1,000 ImageNet classes).

        With ``text``, the words that came with the image are weighed in by ``text_weight`` (0: picture
        alone, 1: text alone). ``top`` keeps the best few. ``read_text`` also reads text in the image; the
        first Classification then comes before it is read. Raises InputError and ModelError.
        """
        options = {"text": text, "text_weight": text_weight, "top": top, "read_text": read_text}
        return self._answered(_classify.stream, image, labels, model=model, precision=precision, **options)

    def classify(self, image: str | Path, labels: Sequence[str] = (), **options) -> Classification:
        """The final result of ``stream_classify``."""
        return last(self.stream_classify(image, labels, **options))

    def stream_caption(
        self,
        path: str | Path,
        *,
        model: str | None = None,
        precision: str = "",
        language: str | None = None,
        translate: bool = False,
        words: str = "en",
        describer: str = "",
    ) -> Iterator[Progress | Caption]:
        """A clip over time: speech, sounds, and what is seen in each part of a video.

        ``language`` is the one spoken (None: detected); ``translate`` gives English; ``words`` ("en" or
        "zh") is the language of scenes and summary. ``describer`` is the chat model whose words scenes are in:
        one of ``describers``, "" for the first of them, "none" for the classifier alone. Raises InputError and
        ModelError.
        """
        options = {"language": language, "translate": translate, "words": words, "describer": describer}
        return self._answered(_caption.stream, path, model=model, precision=precision, **options)

    def caption(self, path: str | Path, **options) -> Caption:
        """The final result of ``stream_caption``."""
        return last(self.stream_caption(path, **options))

    def describers(self, words: str = "en") -> tuple[ModelSpec, ...]:
        """The chat models that can describe scenes, the one that automatic takes first; none where none sees."""
        return _describing.describers(self.kit, words)

    def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        precision: str = "",
        sampling: Sampling | None = None,
        system: str = "",
    ) -> Iterator[Progress | Reply]:
        """The answer to the last message, growing. Files of any turn are perceived once and kept.

        ``system`` adds instructions of the person's own. Raises InputError and ModelError.
        """
        options = {"sampling": sampling or Sampling(), "system": system}
        return self._answered(_chat.stream, messages, model=model, precision=precision, **options)

    def chat(self, messages: Sequence[Message] | str, **options) -> Reply:
        """The final result of ``stream_chat``; a plain string is one question."""
        if isinstance(messages, str):
            messages = (Message("user", messages),)
        return last(self.stream_chat(messages, **options))

    def _answered(self, task: Callable[..., Iterator], *given, model: str | None, **options) -> Iterator:
        """Run a task in the profile that can be had. When the hub goes away under a model that was not asked for
        by name, the profile falls back, with its reason, and the task starts again; so it does at a coarser
        precision when a model ran out of memory before anything was answered."""
        yield from self._settled()
        while True:
            is_answered = False
            try:
                with closing(task(self.kit, *given, model=model, **options)) as stream:
                    for step in stream:
                        is_answered = is_answered or not isinstance(step, Progress)
                        yield step
                return
            except RanOut as refusal:
                if is_answered:
                    raise
                yield Progress("shrink", subject=refusal.values["name"])
            except ModelError as refusal:
                if model or not self.profile.fall_back(refusal):
                    raise
                yield from task(self.kit, *given, model=None, **options | {"precision": ""})
                return

    def _settled(self) -> Iterator[Progress]:
        """Settle the profile at the first use; what is found about a GPU becomes the store's."""
        if not self.profile.is_settled:
            yield from background(self.profile.settle)
        hardware = self.profile.hardware  # by whoever comes next, where the one who looked has stopped
        if hardware.accelerator and not self.store.hardware.accelerator:
            self.store.room, self.store.hardware = self._room(hardware), hardware

    # -- state

    def models(self) -> tuple[ModelSpec, ...]:
        """The rows that the profile in force can use, by task; those of the profile itself first."""
        return tuple(row for task in TASKS for row in self.kit.choices(task))

    def choices(self, task: str) -> tuple[ModelSpec, ...]:
        """The rows to choose from for ``task``: the profile's, the default first, then others whose files are here."""
        usual = self.kit.choices(task)
        first = [self.kit.spec(task)] if usual else []
        others = [row for row in self.catalogue() if row.task == task and self.store.is_kept(row)]
        return tuple(dict.fromkeys([*first, *usual, *others]))

    def catalogue(self) -> tuple[ModelSpec, ...]:
        """Every row, by task, the user's own among them; the fakes only in their profile, where they are alone."""
        rows = catalog.rows(self.settings.models_file)
        fakes = self.profile.name == FAKE
        built_in = {row.name for row in (*catalog.EMBEDDED, *catalog.HUB)} if fakes else ()
        shown = [row for row in rows if row.profile == FAKE or row.name not in built_in] if fakes else rows
        return tuple(row for task in TASKS for row in shown if row.task == task and (fakes or row.profile != FAKE))

    # -- models by hand

    def plan(self, name: str, precision: str = "") -> Plan:
        """Where a model would run, at which precision, and why. Raises ModelError with the sizes when nowhere."""
        return self.store.plan(self._row(name), precision)

    def is_kept(self, name: str) -> bool:
        """Whether a model's files are on this machine."""
        return self.store.is_kept(self._row(name))

    def commit(self, name: str) -> str:
        """The commit of the hub that a model's files are of; "" when they are not on this machine, or of no hub."""
        return self.store.commit(self._row(name))

    def fetch(self, name: str, report: Report = ignore) -> Path | None:
        """Bring the files of a model to this machine without loading it; the folder they are in."""
        return self.store.fetch(self._row(name), report)

    def settle(self) -> Iterator[Progress]:
        """Find out, once, whether there is a GPU and a hub; a few seconds at most. See ``Profile``."""
        return self._settled()

    def stream_load(self, name: str, precision: str = "") -> Iterator[Progress | Loaded]:
        """Fetch a model and bring it into memory; last comes what it takes there. Raises InputError, ModelError."""
        row = self._row(name)
        yield from self._settled()
        yield from background(lambda report: self.store.load(row, report, precision))
        yield from [entry for entry in self.store.loaded() if entry.name == name][-1:]

    def load(self, name: str, report: Report = ignore, precision: str = "") -> Loaded | None:
        """``stream_load`` whose progress goes to ``report``; None when it was freed again at once for another."""
        return _reported(self.stream_load(name, precision), report)

    def stream_measure(self, name: str, precision: str = "") -> Iterator[Progress | Loaded]:
        """Load a model if need be and try it for some seconds: a ``Loaded`` when it is in memory, and last one that
        is ``measured``. Closing leaves it loaded. See ``tasks.measure``. Raises InputError and ModelError."""
        row = self._row(name)
        yield from self._settled()
        yield from _measure.stream(self.kit, row, precision)

    def measure(self, name: str, report: Report = ignore, precision: str = "") -> Loaded:
        """``stream_measure`` whose progress goes to ``report``."""
        return _reported(self.stream_measure(name, precision), report)

    def unload(self, name: str) -> bool:
        """Free a model's memory, unless it is in use; whether any was freed."""
        return self.store.evict(name)

    def unload_all(self) -> int:
        """Free every model that is not in use; how many were."""
        return sum(self.store.evict(name) for name in {entry.name for entry in self.store.loaded()})

    def describe(self, repo: str, task: str, watch: Callable[[], None] = lambda: None) -> HubFacts:
        """What a hub says of a repository that could be added for ``task``. Raises InputError and WeightsError."""
        return adding.look_up(self.settings, repo, task, watch)[0]

    def add(self, repo: str, task: str, watch: Callable[[], None] = lambda: None) -> ModelSpec:
        """Write a repository into the user's models file; its row. Raises InputError and ModelError."""
        return adding.add(self.settings, repo, task, watch)

    def _row(self, name: str) -> ModelSpec:
        return self.kit.row(name)

    def status(self) -> Status:
        choice, room, gpu = self.profile.choice, self.store.room, self.store.hardware.accelerator
        return Status(
            profile=choice.name,
            why=choice.why,
            loaded=self.store.loaded(),
            budget_bytes=room.ram_bytes,
            free_bytes=Hardware.here(self.settings).free_bytes,
            device_budget_bytes=room.device_bytes,
            device_name=gpu.name if gpu else "",
        )

    def close(self) -> None:
        """Give all memory back."""
        self.store.close()


def _reported(stream: Iterator[Progress | Loaded], report: Report) -> Loaded | None:
    """The last result of ``stream``, whose progress goes to ``report``."""
    found = None
    with closing(stream):
        for step in stream:
            if isinstance(step, Progress):
                report(step)
            else:
                found = step
    return found
