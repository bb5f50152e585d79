"""A model hub as a source of weights: a snapshot of the files that a row wants, or single files of other rows.

Safetensors and GGUF only, each file checked against the checksum that the hub lists (a row's own checksum where it
has one). The revision is resolved once to a commit, all files come from that commit, and the stamp, written last,
keeps it: with the stamp there, the hub is not asked again. Files on the way stay in the staging folder, named by
their checksum, so that the next try goes on with them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import WeightsError
from ...types import HubEntry, HubSource, ModelSpec, Progress, Report, WeightFile
from .. import parts, stamp
from ..wheels import no_disk
from .client import answers, failures, forget, library, refusal
from .facts import approve, describe
from .listing import SAFE, check_name, look_up, select, source_of, with_checksum
from .transfer import Piece, Transfer, size_of

__all__ = ["answers", "approve", "commit", "describe", "fetch", "fetch_files", "forget", "is_ready", "missing_bytes"]

ORIGIN = "hub"  # the stamp's entry of where the snapshot is from; no file has this name, since all have a suffix


def is_ready(source: HubSource, folder: Path) -> bool:
    """Whether the snapshot is there as the stamp says. Asks no one."""
    stamped = stamp.read(folder)
    origin = stamped.pop(ORIGIN, [])
    return origin[:-1] == _origin(source) and all(
        entry == stamp.entry(folder / name, entry[0]) for name, entry in stamped.items()
    )


def commit(folder: Path) -> str:
    """The commit that the snapshot in ``folder`` is of; "" when there is none."""
    return (stamp.read(folder).get(ORIGIN) or [""])[-1]


def missing_bytes(spec: ModelSpec, folder: Path) -> int:
    """How much of the snapshot is not here, going by the size that the row tells."""
    if is_ready(spec.hub, folder):
        return 0
    here = (path for path in folder.rglob("*") if path.is_file())
    return max(0, spec.hub_bytes - sum(map(size_of, here)))


def fetch(spec: ModelSpec, folder: Path, staging: Path, report: Report) -> None:
    """Make the snapshot of ``spec.hub`` in ``folder`` complete and stamp it. The caller holds the model's lock.

    Raises InputError for a name that is none, and WeightsError. ``report`` may raise to stop.
    """
    source, stamped = spec.hub, stamp.read(folder)

    def watch() -> None:
        report(Progress("download", 0, spec.hub_bytes or None, "B", spec.title))

    found = look_up(source.repo, source.revision, spec.title, watch)
    chosen = _chosen(spec, found)
    chosen = [with_checksum(found, entry, spec.title, watch) for entry in chosen]
    absent = [entry for entry in chosen if not _in_place(spec, entry, folder, stamped, report)]
    address = _addresses(source.repo, found.sha)
    try:
        _bring(spec, absent, _total(chosen), address, folder, staging, report)
    except _gone() as error:
        raise WeightsError("revision_moved", name=spec.title) from error
    _drop(stamped.keys() - {entry.path for entry in chosen}, folder)
    entries = {entry.path: stamp.entry(folder / entry.path, entry.oid) for entry in chosen}
    stamp.save(entries | {ORIGIN: [*_origin(source), found.sha]}, folder)


def fetch_files(spec: ModelSpec, files: Sequence[WeightFile], folder: Path, staging: Path, report: Report) -> None:
    """Bring single files of a row from their repositories; the row's checksum decides. Raises WeightsError."""
    sources = {file.name: file.hub for file in files}
    for source in sources.values():
        check_name(source.repo, source.revision)
    entries = [HubEntry(file.name, file.size_bytes, file.sha256) for file in files]

    def address(entry: HubEntry) -> str:
        source = sources[entry.path]
        return library().hf_hub_url(source.repo, source.path, revision=source.revision)

    try:
        _bring(spec, entries, spec.download_bytes, address, folder, staging, report)
    except _gone() as error:
        names, repos = (", ".join(dict.fromkeys(v)) for v in (sources, (s.repo for s in sources.values())))
        raise WeightsError("missing_in_source", file=names, name=spec.title, source=repos) from error


def _origin(source: HubSource) -> list:
    return [source.repo, source.revision, list(source.patterns)]


def _addresses(repo: str, sha: str) -> Callable[[HubEntry], str]:
    return lambda entry: library().hf_hub_url(repo, entry.path, revision=sha)


def _chosen(spec: ModelSpec, found) -> tuple[HubEntry, ...]:
    """The files that the row wants. Raises WeightsError when there are no weights among them."""
    chosen = select(found.entries, spec.hub.patterns)
    if not any(entry.path.lower().endswith(SAFE) for entry in chosen):
        source_of(found)  # says so when the repository has nothing but pickles
        raise WeightsError(
            "missing_in_source", file=", ".join(spec.hub.patterns), name=spec.title, source=spec.hub.repo
        )
    return chosen


def _total(entries: Sequence[HubEntry]) -> int:
    return sum(entry.size_bytes for entry in entries)


def _gone() -> tuple[type[Exception], ...]:
    """What the hub says when a file, or the commit it is of, is not there."""
    errors = library().errors
    return (errors.RemoteEntryNotFoundError, errors.RevisionNotFoundError)


def _drop(names, folder: Path) -> None:
    """Delete what an earlier revision left."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


# -- bringing and checking


def _bring(
    spec: ModelSpec,
    entries: Sequence[HubEntry],
    total: int,
    address: Callable[[HubEntry], str],
    folder: Path,
    staging: Path,
    report: Report,
) -> None:
    """Put ``entries``, of ``total`` bytes with those in place, into ``folder``, verified.

    A full disk is given back what was on the way.
    """
    pieces = [Piece(address(e), e.size_bytes, parts.resumable(e.path, e.oid, staging)) for e in entries]
    _refuse_full_disk(spec, pieces, staging)
    before = total - _total(entries)
    try:
        Transfer(pieces).run(lambda here: report(Progress("download", before + here, total, "B", spec.title)))
    except _gone():
        raise
    except failures() as error:
        raise refusal(error, spec.title) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            for piece in pieces:
                piece.part.unlink(missing_ok=True)
        raise
    for entry, piece in zip(entries, pieces, strict=True):
        _settle(spec, entry, piece.part, folder / entry.path, report)


def _refuse_full_disk(spec: ModelSpec, pieces: Sequence[Piece], staging: Path) -> None:
    need_bytes = sum(max(0, piece.size_bytes - size_of(piece.part)) for piece in pieces)
    if need_bytes > shutil.disk_usage(staging).free:
        raise no_disk(spec.title, need_bytes, staging)


def _settle(spec: ModelSpec, entry: HubEntry, part: Path, target: Path, report: Report) -> None:
    """Move a part that is the right file to its place, or delete it and say so."""
    if not _is_right(part, entry, spec, report):
        part.unlink()
        raise WeightsError("wrong_checksum", file=entry.path, name=spec.title)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, target)


def _in_place(spec: ModelSpec, entry: HubEntry, folder: Path, stamped: dict[str, list], report: Report) -> bool:
    """Whether the file is there and right, by the stamp or by its checksum."""
    path = folder / entry.path
    now = stamp.entry(path, entry.oid)
    return bool(now) and (now == stamped.get(entry.path) or _is_right(path, entry, spec, report))


def _is_right(path: Path, entry: HubEntry, spec: ModelSpec, report: Report) -> bool:
    """By its SHA-256, or by its git blob id: the hub lists that one for files kept in git, which are small."""
    if size_of(path) != entry.size_bytes:
        return False
    if len(entry.oid) == 64:
        return parts.checksum([path], spec, report) == entry.oid
    start = f"blob {entry.size_bytes}\0".encode()
    with path.open("rb") as blob:
        digest = hashlib.file_digest(blob, lambda: hashlib.sha1(start, usedforsecurity=False))
    return digest.hexdigest() == entry.oid
