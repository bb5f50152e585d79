"""Files over plain HTTP, several at once, each going on where it was.

huggingface_hub (2.4) begins a file anew in every process and keeps nothing of one that was cut, so the bytes are
brought here, through its session and its addresses. Its other way (Xet) cannot go on either, and not every mirror
has it. What is written is on disk at once: a part that exists is the beginning of its file, and goes on with a Range
request. Nothing is written after the transfer was left, though a thread may still wait for the server.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .client import POLL_S, headers, library

PARALLEL = 4  # files at once
RETRIES = 4  # in a row without a byte
PAUSE_S = 1.0  # before the first retry; doubled for each that follows
_LATER = (408, 416, 425, 429, 500, 502, 503, 504)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Piece:
    """A file to bring: its address, its size, and the part that it grows in."""

    address: str
    size_bytes: int
    part: Path


def size_of(path: Path) -> int:
    """In bytes; 0 when it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class _Left(Exception):
    """The transfer was left."""


class _Other(Exception):
    """What comes has not the size of the file that was listed. What is there of it will not pass for the file."""


class Transfer:
    """``run`` brings all pieces or raises what stopped it; parts stay for the next run."""

    def __init__(self, pieces: Sequence[Piece]):
        self._pieces, self._waiting = pieces, deque(pieces)
        self._over, self._gate = threading.Event(), threading.Lock()
        self._failure: BaseException | None = None

    def run(self, watch: Callable[[int], None]) -> None:
        """``watch`` is called some times a second with the bytes that are here; what it raises ends the transfer.

        Raises what huggingface_hub and httpx2 raise, and OSError when the disk cannot be written.
        """
        threads = [threading.Thread(target=self._work, daemon=True) for _ in self._pieces[:PARALLEL]]
        try:
            for thread in threads:
                thread.start()
            while not self._over.is_set() and (alive := [thread for thread in threads if thread.is_alive()]):
                watch(self._here())
                alive[0].join(POLL_S)
        finally:
            with self._gate:
                self._over.set()
        if self._failure:
            raise self._failure
        watch(self._here())

    def _here(self) -> int:
        return sum(min(piece.size_bytes, size_of(piece.part)) for piece in self._pieces)

    def _work(self) -> None:
        try:
            while True:
                self._bring(self._waiting.popleft())
        except (IndexError, _Left):
            return
        except BaseException as error:
            self._failure = self._failure or error
            self._over.set()

    def _bring(self, piece: Piece) -> None:
        """Go on until the part is as large as its file; the first byte that is new renews the patience."""
        tries, most = 0, size_of(piece.part)
        while size_of(piece.part) < piece.size_bytes or not piece.part.exists():
            try:
                self._stream(piece)
            except _Other:
                return
            except _passing() as error:
                tries = tries + 1 if size_of(piece.part) <= most else 1
                most = max(most, size_of(piece.part))
                if tries > RETRIES or not _is_passing(error):
                    raise
                _log.info("download interrupted (%s), going on", type(error).__name__)
                if self._over.wait(_pause_s(error, tries)):
                    raise _Left from None

    def _stream(self, piece: Piece) -> None:
        """Append what the server gives of the rest of the file."""
        offset, hub = size_of(piece.part), library()
        ranged = {"Range": f"bytes={offset}-"} if offset else {}
        limit_s = hub.constants.HF_HUB_DOWNLOAD_TIMEOUT
        with hub.get_session().stream("GET", piece.address, headers=headers() | ranged, timeout=limit_s) as response:
            goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
            if response.status_code == 416 or (response.status_code == 206 and not goes_on):
                self._drop(piece.part)
            hub.utils.hf_raise_for_status(response)
            with self._opened(piece.part, keep=goes_on) as part:
                if _told_bytes(response.headers) not in (None, piece.size_bytes):
                    raise _Other
                for chunk in response.iter_bytes():
                    self._write(part, chunk, piece.size_bytes)
        if size_of(piece.part) < piece.size_bytes:
            raise _ended_early()

    # -- nothing of this after the transfer was left

    @contextmanager
    def _opened(self, part: Path, keep: bool) -> Iterator[BinaryIO]:
        with self._gate:
            self._check()
            target = part.open("ab" if keep else "wb", buffering=0)
        with target:
            yield target

    def _write(self, part: BinaryIO, chunk: bytes, limit_bytes: int) -> None:
        if part.tell() + len(chunk) > limit_bytes:
            raise _Other
        with self._gate:
            self._check()
            while chunk:  # a disk about to be full takes less than all, then refuses
                chunk = chunk[part.write(chunk) :]

    def _drop(self, part: Path) -> None:
        with self._gate:
            self._check()
            part.unlink(missing_ok=True)

    def _check(self) -> None:
        if self._over.is_set():
            raise _Left


def _passing() -> tuple[type[Exception], ...]:
    import httpx2

    return (httpx2.HTTPError, RuntimeError)  # the latter: another thread closed the library's session


def _is_passing(error: Exception) -> bool:
    """Whether it may be better in a moment."""
    response = getattr(error, "response", None)
    return response is None or response.status_code in _LATER


def _ended_early() -> Exception:
    import httpx2

    return httpx2.RemoteProtocolError("the answer ended early")


def _told_bytes(told) -> int | None:
    """The size of the whole file by an answer's headers; None when they do not say, or count packed bytes."""
    if told.get("Content-Encoding", "identity") != "identity":
        return None
    size = told.get("Content-Range", "").rpartition("/")[2] or told.get("Content-Length", "")
    return int(size) if size.isdigit() else None


def _pause_s(error: Exception, tries: int) -> float:
    """As long as the server asks, within reason; else longer each time."""
    asked = getattr(getattr(error, "response", None), "headers", {}).get("Retry-After", "")
    return min(30.0, float(asked) if asked.isdigit() else PAUSE_S * 2 ** (tries - 1))
