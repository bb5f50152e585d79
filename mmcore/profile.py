"""Which rows the studio uses, and why.

Looking for a GPU and asking the hub take seconds, so the choice is made at the first use, not at start-up,
and it is told with its reason. A hub that stops answering makes the studio fall back, again with the reason.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from .device import Hardware
from .errors import ModelError
from .types import Progress, Reachability, Report

EMBEDDED, HUB, FAKE = "embedded", "hub", "fake"
#: Profile -> the rows it uses, its own first.
ROWS = {EMBEDDED: (EMBEDDED,), HUB: (HUB, EMBEDDED), FAKE: (FAKE,)}
#: Refusals that mean the hub cannot be had, whatever the model.
HUB_IS_AWAY = ("hub_unreachable", "hub_offline", "hub_busy")


#: Every reason that a choice can have; a front end says each in its languages.
REASONS = (
    "asked_embedded",
    "asked_fake",
    "not_settled",
    "no_gpu",
    "hub_answers",
    "hub_unreachable",
    "hub_offline",
    "hub_away_but_kept",
    "hub_went_away",
)


@dataclass(frozen=True)
class Choice:
    """A profile and the code of its reason; ``kept_only`` leaves out what would have to be downloaded."""

    name: str
    why: str
    kept_only: bool = False


class Profile:
    """The choice, made once by the first who asks. Thread-safe."""

    def __init__(
        self,
        wish: str,
        hardware: Hardware,
        *,
        look: Callable[[Hardware], Hardware] = Hardware.with_accelerator,
        has_gpu: Callable[[], bool],
        ask_hub: Callable[[], Reachability],
        has_kept: Callable[[], bool] = lambda: False,
    ):
        self.hardware = hardware
        self._wish, self._look, self._has_gpu = wish, look, has_gpu
        self._ask_hub, self._has_kept = ask_hub, has_kept
        self._lock = threading.Lock()
        self.is_settled = wish in (EMBEDDED, FAKE)
        self.choice = Choice(wish, f"asked_{wish}") if self.is_settled else Choice(EMBEDDED, "not_settled")

    @property
    def name(self) -> str:
        """The profile in force: "embedded", "hub" or "fake"."""
        return self.choice.name

    def settle(self, report: Report) -> None:
        """Find out what can be used, once; at most a few seconds, the hub's answer among them."""
        with self._lock:
            if not self.is_settled:
                report(Progress("wait"))
                self.choice = self._choose()
                self.is_settled = True

    def fall_back(self, refusal: ModelError) -> bool:
        """Use the embedded rows from now on when ``refusal`` means that the hub is away; whether to try again with
        them. All who waited for one download are refused together: each of them falls back."""
        if refusal.code not in HUB_IS_AWAY:
            return False
        if self.name == HUB:
            self.choice = Choice(EMBEDDED, "hub_went_away")
        return self.choice.why == "hub_went_away"

    def _choose(self) -> Choice:
        """On "cpu" the hub's models run without a GPU; "auto" and "gpu" use them only with one."""
        if self._wish != "cpu":
            if not self._has_gpu():
                return Choice(EMBEDDED, "no_gpu")
            self.hardware = self._look(self.hardware)
            if self.hardware.accelerator is None:
                return Choice(EMBEDDED, "no_gpu")
        answer = self._ask_hub()
        if answer.ok:
            return Choice(HUB, "hub_answers")
        return Choice(HUB, "hub_away_but_kept", kept_only=True) if self._has_kept() else Choice(EMBEDDED, answer.why)
