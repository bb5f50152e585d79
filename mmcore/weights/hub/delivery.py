"""Files of a hub on their way into a folder: room for them, the transfer, the checksum, the place."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import WeightsError
from ...types import HubEntry, ModelSpec, Progress, Report
from .. import parts
from ..wheels import no_disk
from .transfer import Piece, Transfer, size_of


def total_bytes(entries: Sequence[HubEntry]) -> int:
    return sum(entry.size_bytes for entry in entries)


@dataclass(frozen=True)
class Delivery:
    """Files on their way into a row's folder; ``total`` counts the bytes of those in place too."""

    spec: ModelSpec
    folder: Path
    staging: Path
    report: Report
    total: int
    address: Callable[[HubEntry], str]

    def bring(self, entries: Sequence[HubEntry], later: Sequence[HubEntry] = ()) -> None:
        """Put ``entries`` into the folder, verified, ``later`` being still to come.

        Raises WeightsError, and what ``Transfer.run`` raises; what came of a file is kept for the next try.
        """
        pieces = [Piece(self.address(e), e.size_bytes, parts.resumable(e.path, e.oid, self.staging)) for e in entries]
        before = self.total - total_bytes(entries) - total_bytes(later)
        self._refuse_full_disk([*entries, *later])
        try:
            Transfer(pieces).run(lambda here: self._report(before + here))
            for entry, piece in zip(entries, pieces, strict=True):
                self._settle(entry, piece.part)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._no_disk([*entries, *later]) from error
            raise

    def _report(self, done: int) -> None:
        self.report(Progress("download", done, self.total, "B", self.spec.title))

    def _refuse_full_disk(self, entries: Sequence[HubEntry]) -> None:
        if self._missing_bytes(entries) > shutil.disk_usage(self.staging).free:
            raise self._no_disk(entries)

    def _no_disk(self, entries: Sequence[HubEntry]) -> WeightsError:
        return no_disk(self.spec.title, self._missing_bytes(entries), self.staging)

    def _missing_bytes(self, entries: Sequence[HubEntry]) -> int:
        begun = (size_of(parts.resumable(entry.path, entry.oid, self.staging)) for entry in entries)
        return sum(max(0, entry.size_bytes - here) for entry, here in zip(entries, begun, strict=True))

    def _settle(self, entry: HubEntry, part: Path) -> None:
        """Move a part that is the right file to its place, or delete it and say so."""
        if not parts.is_right(part, entry.size_bytes, entry.oid, self.spec, self.report):
            part.unlink()
            raise WeightsError("wrong_checksum", file=entry.path, name=self.spec.title)
        with part.open("rb+") as written:  # Windows syncs only what may be written
            os.fsync(written.fileno())
        target = self.folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, target)
