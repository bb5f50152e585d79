"""The hub through huggingface_hub: its session, its answers in time, its failures as refusals.

The library itself reads HF_TOKEN, HF_ENDPOINT (a mirror), HF_HUB_OFFLINE and the proxies, when it is imported.
Nothing that it or the server says is shown to a person: a refusal is one of our sentences about a repository.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from ...errors import WeightsError
from ...types import Reachability

PRODUCT, VERSION = "multimodal-studio", "1"
REQUEST_S = 10.0  # how long a connection or an answer is waited for
POLL_S = 0.1
PAUSES_S = (0.5, 2.0)  # before a question is asked again of a hub in trouble
REMEMBERED_S = 300.0  # how long it is taken for known that the hub answers
#: Refusals about a repository, whatever title its row has.
_OF_REPOSITORY = ("gated_repo", "no_such_repo", "no_such_revision", "no_access")
_BY_STATUS = {401: "no_access", 403: "no_access", 404: "no_such_repo", 429: "hub_busy"}
_log = logging.getLogger(__name__)
_asking = threading.Lock()
_known: tuple[float, Reachability] | None = None  # when it was found out, and what

Answer = TypeVar("Answer")


def library():
    """huggingface_hub, imported at first use, telling the hub nothing about this machine.

    With its telemetry it would also ask the hub for a list before each first request: seconds, when the hub is dead.
    """
    import huggingface_hub.constants
    import huggingface_hub.errors
    import huggingface_hub.utils  # the package itself knows its submodules only once they are imported

    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    return huggingface_hub


def headers() -> dict[str, str]:
    """Of every request; with the token, if there is one. Bytes are wanted as they are, so that they can be counted."""
    from huggingface_hub.utils import build_hf_headers

    library()
    return build_hf_headers(library_name=PRODUCT, library_version=VERSION) | {"Accept-Encoding": "identity"}


def failures() -> tuple[type[Exception], ...]:
    """What a hub that is away, in trouble or unwilling raises."""
    import httpx2

    return (httpx2.HTTPError, httpx2.InvalidURL, library().errors.OfflineModeIsEnabled)


def refusal(error: Exception, title: str, repo: str, revision: str = "") -> WeightsError:
    """The refusal that a failure means, about the model or its repository.

    Raise it ``from None``: what the library says quotes the server and addresses that carry signatures.
    """
    errors = library().errors
    status = getattr(getattr(error, "response", None), "status_code", 0)
    by_kind = (
        ("hub_offline", errors.OfflineModeIsEnabled),
        ("gated_repo", errors.GatedRepoError),
        ("no_such_repo", errors.RepositoryNotFoundError),
        ("no_such_revision", errors.RevisionNotFoundError),
        ("no_access", errors.DisabledRepoError),
    )
    code = next((code for code, kind in by_kind if isinstance(error, kind)), _BY_STATUS.get(status, "hub_unreachable"))
    _log.warning("the hub refused %s: %s %s", repo, type(error).__name__, status or "")
    return WeightsError(code, name=repo if code in _OF_REPOSITORY else title, revision=revision)


def asked(call: Callable[[], Answer], watch: Callable[[], None]) -> Answer:
    """``awaited``, and again after a pause while the hub says that it is in trouble."""
    for pause_s in PAUSES_S:
        try:
            return awaited(call, watch)
        except failures() as error:
            if getattr(getattr(error, "response", None), "status_code", 0) < 500:
                raise
        awaited(lambda pause_s=pause_s: time.sleep(pause_s), watch)
    return awaited(call, watch)


def awaited(call: Callable[[], Answer], watch: Callable[[], None], deadline_s: float | None = None) -> Answer:
    """What ``call`` returns or raises. It runs in a thread of its own, since looking up a name cannot be cut short.

    ``watch`` is called some times a second; what it raises, and TimeoutError after ``deadline_s``, leaves the
    thread to end by itself.
    """
    outcome: Future = Future()
    threading.Thread(target=_settle, args=(outcome, call), daemon=True).start()
    ends = time.monotonic() + (deadline_s or float("inf"))
    while not outcome.done():
        watch()
        if time.monotonic() >= ends:
            raise TimeoutError
        wait([outcome], min(POLL_S, max(0.0, ends - time.monotonic())))
    return outcome.result()


def _settle(outcome: Future, call: Callable) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:
        outcome.set_exception(error)


def answers(timeout_s: float = 3.0) -> Reachability:
    """Whether the hub answers, found out within ``timeout_s``; a yes is remembered for some minutes. Never raises."""
    global _known
    with _asking:
        if _known is None or not _known[1].ok or time.monotonic() - _known[0] > REMEMBERED_S:
            _known = (time.monotonic(), _ask(timeout_s))
        return _known[1]


def forget() -> None:
    """Let ``answers`` find out anew."""
    global _known
    _known = None


def _ask(timeout_s: float) -> Reachability:
    if library().constants.is_offline_mode():
        return Reachability(False, "hub_offline", 0.0)
    started = time.monotonic()
    try:
        ok = awaited(lambda: _is_a_hub(timeout_s), lambda: None, timeout_s)
    except (TimeoutError, *failures()) as error:
        _log.warning("the hub does not answer: %s", type(error).__name__)
        ok = False
    return Reachability(ok, "hub_answers" if ok else "hub_unreachable", time.monotonic() - started)


def _is_a_hub(timeout_s: float) -> bool:
    """A hub may refuse this question, but not fail at it, and it never answers with a page, as a hotel's network."""
    hub = library()
    response = hub.get_session().get(
        f"{hub.constants.ENDPOINT}/api/models", params={"limit": 1}, headers=headers(), timeout=timeout_s
    )
    return response.status_code < 500 and "html" not in response.headers.get("Content-Type", "")
