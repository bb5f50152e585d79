"""Make the tables of ``mmcore.imagenet``: each class embedded by the two sentence encoders of the catalogue.

    python -m mmcore.backends.imagenet_tables OUT

Fetches their weights if they are not there. Run it after a change to ``imagenet.tsv`` or ``kinds.tsv``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from .. import catalog, imagenet, weights
from ..device import Hardware, plan
from ..settings import Settings
from ..types import ignore
from . import open_model


def main(out: Path) -> None:
    settings = Settings.from_env()
    hardware = Hardware.here(settings)
    for name, encoding in imagenet.ENCODINGS.items():
        spec = catalog.find(name)
        folder = weights.fetch(spec, settings.cache_dir, ignore)
        encoder = open_model(spec, folder, plan(spec, hardware, settings))
        np.save(out / encoding.table, imagenet.embedded(encoder, name).astype(np.float16))
        encoder.close()
        print(out / encoding.table, file=sys.stderr)
    (out / imagenet.MADE_FROM).write_text(imagenet.fingerprint() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
