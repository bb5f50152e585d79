"""The one object a front end holds: what can be asked, and the state of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from . import catalog
from .device import Hardware, default_budget
from .settings import Settings
from .store import Store
from .tasks import caption as _caption
from .tasks import chat as _chat
from .tasks import classify as _classify
from .tasks.kit import Kit
from .tasks.steps import last
from .types import Caption, Classification, Message, ModelSpec, Progress, Reply, Report, Sampling, Status, ignore


class Studio:
    """Classify, caption and chat, on models loaded at their first use.

    Each activity comes as ``stream_…``, a generator of ``Progress`` and growing results whose closing
    stops the work, and as the plain call that returns the final result. Nothing is loaded by creating
    a Studio. Safe to share between threads.
    """

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings.from_env()
        hardware = Hardware.here(self.settings)
        self.profile, self.why = resolve_profile(self.settings.profile)
        self.store = Store(self.settings, hardware, self.settings.budget_bytes or default_budget(hardware))
        self.kit = Kit(self.settings, self.store, self.profile)

    # -- activities

    def stream_classify(
        self,
        image: str | Path,
        labels: Sequence[str] = (),
        *,
        text: str = "",
        text_weight: float = 0.5,
        model: str | None = None,
        top: int | None = None,
        read_text: bool = True,
    ) -> Iterator[Progress | Classification]:
        """What ``image`` is, among ``labels`` (none: the 1,000 ImageNet classes).

        With ``text``, the words that came with the image are weighed in by ``text_weight`` (0: picture
        alone, 1: text alone). ``top`` keeps the best few. ``read_text`` also reads text in the image; the
        first Classification then comes before it is read. Raises InputError and ModelError.
        """
        return _classify.stream(
            self.kit,
            image,
            labels,
            text=text,
            text_weight=text_weight,
            model=model,
            top=top,
            read_text=read_text,
        )

    def classify(self, image: str | Path, labels: Sequence[str] = (), **options) -> Classification:
        """The final result of ``stream_classify``."""
        return last(self.stream_classify(image, labels, **options))

    def stream_caption(
        self,
        path: str | Path,
        *,
        model: str | None = None,
        language: str | None = None,
        translate: bool = False,
        words: str = "en",
    ) -> Iterator[Progress | Caption]:
        """A clip over time: speech, sounds, and what is seen in each part of a video.

        ``language`` is the one spoken (None: detected); ``translate`` gives English; ``words`` ("en" or
        "zh") is the language of scenes and summary. Raises InputError and ModelError.
        """
        return _caption.stream(self.kit, path, model=model, language=language, translate=translate, words=words)

    def caption(self, path: str | Path, **options) -> Caption:
        """The final result of ``stream_caption``."""
        return last(self.stream_caption(path, **options))

    def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        sampling: Sampling | None = None,
        system: str = "",
    ) -> Iterator[Progress | Reply]:
        """The answer to the last message, growing. Files of any turn are perceived once and kept.

        ``system`` adds instructions of the person's own. Raises InputError and ModelError.
        """
        return _chat.stream(self.kit, messages, model=model, sampling=sampling or Sampling(), system=system)

    def chat(self, messages: Sequence[Message] | str, **options) -> Reply:
        """The final result of ``stream_chat``; a plain string is one question."""
        if isinstance(messages, str):
            messages = (Message("user", messages),)
        return last(self.stream_chat(messages, **options))

    # -- state

    def models(self) -> tuple[ModelSpec, ...]:
        """The rows that this profile can use."""
        return tuple(row for row in catalog.rows(self.settings.models_file) if row.profile == self.profile)

    def fetch(self, name: str, report: Report = ignore) -> Path | None:
        """Bring the files of a model to this machine without loading it; the folder they are in."""
        return self.store.fetch(catalog.find(name, self.settings.models_file), report)

    def status(self) -> Status:
        free_bytes = Hardware.here(self.settings).free_bytes
        return Status(self.profile, self.why, self.store.loaded(), self.store.budget_bytes, free_bytes)

    def close(self) -> None:
        """Give all memory back."""
        self.store.close()


def resolve_profile(wish: str) -> tuple[str, str]:
    """The profile that runs, and the code of the reason."""
    if wish == "auto":
        return "embedded", "auto_embedded"
    return wish, f"asked_{wish}"
