"""Running a row's converter, in a process of its own: its runtimes never load here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..errors import WeightsError
from ..types import ModelSpec, Progress, Report
from . import parts, stamp
from .wheels import POLL_S


def convert(spec: ModelSpec, source: Path, folder: Path, staging: Path, report: Report) -> dict[str, str]:
    """What the row's converter makes of ``source``, put into ``folder``: the files' names with their mark.

    Nothing is there before all of it is. Raises WeightsError "convert_failed"; what ``report`` raises ends it.
    """
    made = staging / "converted"
    try:
        _run(spec, source, made, staging, report)
        origin, paths = stamp.conversion(spec), list(made.iterdir())
        marks = {path.name: f"{origin} {parts.checksum([path], spec, report)}" for path in paths}
        for path in paths:
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return marks


def _run(spec: ModelSpec, source: Path, target: Path, staging: Path, report: Report) -> None:
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    arguments = [spec.convert, str(source.resolve()), str(target.resolve())]
    with tempfile.TemporaryFile(dir=staging) as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "mmcore.backends.convert", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=os.environ | {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"},
        )
        _await(process, spec, report)
        if process.returncode:
            said.seek(0)
            reason = said.read().decode("utf-8", "replace").strip().splitlines()[-1:] or ["it was ended from outside"]
            raise WeightsError("convert_failed", name=spec.title, reason=reason[0])


def _await(process: subprocess.Popen, spec: ModelSpec, report: Report) -> None:
    """Report until the process ends; end it when ``report`` raises."""
    started = time.monotonic()
    try:
        while process.poll() is None:
            report(Progress("convert", time.monotonic() - started, None, "s", spec.title))
            time.sleep(POLL_S)
    finally:
        process.kill()
        process.wait()
