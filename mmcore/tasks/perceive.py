"""What is in a file: an image's classes and text, a clip's caption. Kept, so that later turns do not look again."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

from .. import imagenet
from ..features.image import imagenet_input
from ..media import clip
from ..media import image as pictures
from ..media.digest import digest
from ..types import Caption, Perception, Progress
from . import caption
from .describing import CLASSIFIER
from .kit import Kit
from .labels import Kept
from .reading import read
from .steps import background, loaded

LOOK_SIDE = 1024  # pixels; the classifier sees the central square
KEPT = 20  # classes of an image: enough for their kinds to add up
REMEMBERED = 64  # perceptions of a studio


_memories: WeakKeyDictionary = WeakKeyDictionary()  # by store: what is perceived goes when the studio goes
_memories_lock = threading.Lock()


def _memory(kit: Kit) -> Kept:
    with _memories_lock:
        return _memories.setdefault(kit.store, Kept(REMEMBERED))


def perceive(kit: Kit, path: str | Path, words: str) -> Generator[Progress, None, Perception]:
    """``found = yield from perceive(kit, path, words)``: what is in a file, in structure rather than in words.

    ``words`` is the language of a clip's summary the first time; ``describe.facts`` says the same in any
    language. Raises InputError and ModelError.
    """
    path = Path(path)
    yield Progress("decode", subject=path.name)
    memory, key = _memory(kit), digest(path, kit.settings.limits)
    found = memory.get(key)
    if found is None:
        started = time.perf_counter()
        kind = clip.kind(path, kit.settings.limits)
        found = yield from _image(kit, path) if kind == "image" else _clip(kit, path, kind, words)
        found = replace(found, seconds=time.perf_counter() - started)
        memory.put(key, found)
    return replace(found, file=path.name)


def _image(kit: Kit, path: Path) -> Generator[Progress, None, Perception]:
    """Classify it, then read it: one model at a time."""
    classifier, reader = kit.spec("image-classes"), kit.spec("reading")
    yield from loaded(kit.store, classifier)
    yield Progress("look", subject=path.name)
    picture = pictures.load(path, kit.settings.limits, LOOK_SIDE)
    with kit.store.use(classifier) as model:
        probabilities = model.probabilities(imagenet_input([picture]))[0]  # (1000,)
    text = yield from background(lambda report: read(kit, path, report))
    recognised, names = imagenet.likeliest(probabilities, KEPT), (classifier.name, reader.name)
    return Perception(path.name, "image", recognised=recognised, text_read=text, models=names)


def _clip(kit: Kit, path: Path, kind: str, words: str) -> Generator[Progress, None, Perception]:
    """Its caption; the partial ones are not passed on. Facts are of recognised things, so that no model describes."""
    found = None
    options = {"language": None, "translate": False, "words": words, "describer": CLASSIFIER}
    stream = caption.stream(kit, path, model=None, **options)
    try:
        for step in stream:
            if isinstance(step, Caption):
                found = step
            else:
                yield step
    finally:
        stream.close()
    return Perception(path.name, kind, caption=found, models=found.models)
