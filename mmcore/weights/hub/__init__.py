"""A model hub as a source of weights: a snapshot of the files that a row wants, or single files of other rows.

Safetensors and GGUF only, each file checked against the checksum that the hub lists (a row's own checksum where it
has one). The revision is resolved once to a commit, all files come from that commit, and the stamp, written last,
keeps it: with the stamp there, the hub is not asked again, and what has to be repaired comes from that commit too,
wherever the branch is by then. Files on the way stay in the staging folder, named by their checksum, so that the
next try goes on with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import WeightsError
from ...types import HubEntry, HubSource, ModelSpec, Progress, Report, WeightFile
from .. import parts, stamp
from .client import answers, failures, forget, library, refusal
from .delivery import Delivery, total_bytes
from .facts import approve, check_config, describe
from .listing import SAFE, Listing, check_name, look_up, select, source_of, typed, with_checksum
from .transfer import size_of

__all__ = [
    "ORIGIN",
    "answers",
    "approve",
    "commit",
    "describe",
    "fetch",
    "fetch_files",
    "forget",
    "is_ready",
    "missing_bytes",
    "typed",
]

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


def fetch(
    spec: ModelSpec,
    folder: Path,
    staging: Path,
    report: Report,
    look: Callable[[Path], None] = lambda _: None,
    made: Path | None = None,
) -> None:
    """Make the snapshot of ``spec.hub`` in ``folder`` complete and stamp it. The caller holds the model's lock.

    ``look`` sees the folder when all but the weights is there, and may refuse it: then nothing of it stays. ``made``
    is the folder of what was converted from an earlier snapshot. Raises InputError for a name that is none, and
    WeightsError. ``report`` may raise to stop.
    """
    source, stamped = spec.hub, stamp.read(folder)

    def watch() -> None:
        report(Progress("download", 0, spec.hub_bytes or None, "B", spec.title))

    found = _listed(spec, stamp.read(made or folder).get(ORIGIN, []), watch)
    chosen = [with_checksum(found, entry, spec.title, watch) for entry in _chosen(spec, found)]
    for entry in chosen:
        check_config(entry, source.repo)
    absent = [entry for entry in chosen if not _in_place(spec, entry, folder, stamped, report)]
    delivery = Delivery(spec, folder, staging, report, total_bytes(chosen), _addresses(source.repo, found.sha))
    large = [entry for entry in absent if _is_weights(entry)]
    try:
        delivery.bring([entry for entry in absent if entry not in large], large)
        _look(look, folder, chosen)
        delivery.bring(large)
    except _gone() as error:
        raise WeightsError("revision_moved", name=source.repo) from error
    except failures() as error:
        raise refusal(error, spec.title, source.repo) from None
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

    delivery = Delivery(spec, folder, staging, report, spec.download_bytes, address)
    repos = ", ".join(dict.fromkeys(source.repo for source in sources.values()))
    try:
        delivery.bring(entries)
    except _gone() as error:
        raise WeightsError("missing_in_source", file=", ".join(sources), name=spec.title, source=repos) from error
    except failures() as error:
        raise refusal(error, spec.title, repos) from None


def _origin(source: HubSource) -> list:
    return [source.repo, source.revision, list(source.patterns)]


def _addresses(repo: str, sha: str) -> Callable[[HubEntry], str]:
    return lambda entry: library().hf_hub_url(repo, entry.path, revision=sha)


def _listed(spec: ModelSpec, origin: list, watch: Callable[[], None]) -> Listing:
    """The repository at the commit that is here, when one is and the hub still has it; else at the row's revision."""
    source = spec.hub
    if origin[:-1] == _origin(source):
        try:
            return look_up(source.repo, origin[-1], spec.title, watch)
        except WeightsError as error:
            if error.code != "no_such_revision":
                raise
    return look_up(source.repo, source.revision, spec.title, watch)


def _chosen(spec: ModelSpec, found: Listing) -> tuple[HubEntry, ...]:
    """The files that the row wants. Raises WeightsError when there are no weights among them, or not all GGUF files."""
    patterns = spec.hub.patterns
    chosen = select(found.entries, patterns)
    gguf = [pattern for pattern in patterns if pattern.lower().endswith(".gguf")]
    missing = [pattern for pattern in gguf if not select(found.entries, [pattern])]
    if not any(map(_is_weights, chosen)):
        source_of(found, "gguf" if len(gguf) == len(patterns) else "safetensors")  # says so when it has none
        missing = patterns
    if missing:
        raise WeightsError("missing_in_source", file=", ".join(missing), name=spec.title, source=spec.hub.repo)
    return chosen


def _is_weights(entry: HubEntry) -> bool:
    return entry.path.lower().endswith(SAFE)


def _look(look: Callable[[Path], None], folder: Path, chosen: Sequence[HubEntry]) -> None:
    try:
        look(folder)
    except Exception:
        _drop([entry.path for entry in chosen if not _is_weights(entry)], folder)
        raise


def _gone() -> tuple[type[Exception], ...]:
    """What the hub says when a file, or the commit it is of, is not there."""
    errors = library().errors
    return (errors.RemoteEntryNotFoundError, errors.RevisionNotFoundError)


def _drop(names, folder: Path) -> None:
    """Delete what an earlier revision left."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _in_place(spec: ModelSpec, entry: HubEntry, folder: Path, stamped: dict[str, list], report: Report) -> bool:
    """Whether the file is there and right, by the stamp or by its checksum."""
    path = folder / entry.path
    now = stamp.entry(path, entry.oid)
    right = now == stamped.get(entry.path)
    return bool(now) and (right or parts.is_right(path, entry.size_bytes, entry.oid, spec, report))
