"""Steps of a task: how far one is, how long it took, why it was refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a long step is. ``stage`` is one of STAGES; ``total`` is None when it is not known."""

    stage: str
    done: float = 0.0
    total: float | None = None
    unit: str = ""  # "B", "s", "frames", ""
    subject: str = ""  # a model or a file name


STAGES = ("wait", "download", "verify", "convert", "load", "decode", "look", "read", "listen", "think", "shrink")
STAGES += ("measure", "describe")


#: A long step calls this now and then. It may raise ``Stopped``, which ends the step.
Report = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """The report of a caller who does not watch."""


@dataclass(frozen=True)
class Refusal:
    """Why a model did not do what another then did: the code and the values of a sentence of ``errors``."""

    code: str
    values: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Stage:
    """How long one step took, and which model did it, for "how it was made". With a ``refusal`` it did not, or not
    to the end."""

    name: str
    seconds: float
    model: str = ""
    refusal: Refusal | None = None
