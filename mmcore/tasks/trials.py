"""A short piece of honest work for each protocol of ``backends``: some seconds, the same on every machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..features.image import imagenet_input
from ..media import sound
from ..settings import Limits
from ..types import Delta, Medium, Message, ModelSpec, Progress, Sampling, Usage

WORK_S = 1.5  # work after the first call, which warms the model
CALL_S = 1.0  # one call is made no longer than this, where that can be chosen: a stop is heard between two
PATIENCE_S = 10.0  # for the few tokens of a first answer; a chat that needs longer is not measured
TOKENS, FEW_TOKENS, FIRST_TOKENS = 48, 8, 4  # of an answer, at most and at least; of the one that warms
PICTURES = 16  # at most in one call
PICTURE_SIDE = 448  # pixels of the picture shown to a chat model
SPEECH = Path(__file__).parents[1] / "data" / "trial_speech.ogg"
QUESTION = "Write the numbers from one to forty in words, with commas between them."
ABOUT_PICTURE = "What does the picture show?"
LABELS = ("a cat", "a dog", "a car", "a house", "a tree", "a page of text", "a face", "a plate of food")
LINES = ("Multimodal Studio", "Platform 4, every 20 minutes", "Open from nine to five", "Thank you for your visit")
SENTENCES = (
    "A cheetah rests in the dry grass.",
    "The train to the coast leaves from platform four.",
    "She plays the saxophone every evening.",
    "Fresh bread is sold at the corner.",
    "A red bus waits at the traffic lights.",
    "Nobody has seen the keys since Tuesday.",
    "The tower was built in the last century.",
    "It rained all afternoon, then the sun came out.",
)


@dataclass(frozen=True)
class Result:
    """What a model did: ``rate`` of ``unit`` (0: nothing within the time it was given), and the seconds until its
    first word about a picture, where it sees."""

    rate: float
    unit: str
    picture_s: float = 0.0


Trial = Generator[Progress, None, Result]
Pieces = Callable[[int], Iterator[float]]  # so many in one call -> how much of the unit is done, bit by bit


def run(spec: ModelSpec, model, given) -> Trial:
    """Give ``model`` the ``material`` of its task; ``Progress`` comes between the pieces, where closing stops it."""
    yield Progress("measure", subject=spec.title)
    return (yield from _TRIALS[spec.task](spec, model, given))


def material(spec: ModelSpec):
    """What a model is given, made before its memory is watched."""
    return _MATERIAL[spec.task](spec)


# -- pictures, texts and sound: the same call, again and again


def _repeated(spec: ModelSpec, pieces: Pieces, unit: str, most: int = 1) -> Trial:
    """Call ``pieces``, with up to ``most`` at once, until there was ``WORK_S`` of work; the first call only warms."""
    done, spent_s = yield from _timed(spec, pieces(1))
    if spent_s < WORK_S:
        _, one_s = yield from _timed(spec, pieces(1))
        at_once = max(1, min(most, int(CALL_S / max(one_s, 1e-6))))
        done = spent_s = 0.0
        while spent_s < WORK_S:
            more, more_s = yield from _timed(spec, pieces(at_once))
            done, spent_s = done + more, spent_s + more_s
    return Result(done / spent_s, unit)


def _timed(spec: ModelSpec, pieces: Iterator[float]) -> Generator[Progress, None, tuple[float, float]]:
    """How much was done and the seconds it took, without those in which the caller shows the progress."""
    done = spent_s = 0.0
    with closing(pieces):
        while True:
            started = time.perf_counter()
            piece = next(pieces, None)
            spent_s += time.perf_counter() - started
            if piece is None:
                return done, spent_s
            done += piece
            yield Progress("measure", subject=spec.title)


def _classify(spec: ModelSpec, model, pixels: np.ndarray) -> Trial:
    """One picture at a time, as the studio does."""

    def pieces(_: int) -> Iterator[float]:
        yield len(model.probabilities(pixels))

    return (yield from _repeated(spec, pieces, "images/s"))


def _score(spec: ModelSpec, model, pictures: list[np.ndarray]) -> Trial:
    """Up to 16 pictures against 8 labels, which the first call embeds."""

    def pieces(count: int) -> Iterator[float]:
        yield len(model.score(pictures[:count], LABELS))

    return (yield from _repeated(spec, pieces, "images/s", len(pictures)))


def _embed(spec: ModelSpec, model, sentences: tuple[str, ...]) -> Trial:
    def pieces(count: int) -> Iterator[float]:
        yield len(model.embed(sentences[:count]))

    return (yield from _repeated(spec, pieces, "texts/s", len(sentences)))


def _read(spec: ModelSpec, model, page: np.ndarray) -> Trial:
    """A page with four lines of text."""

    def pieces(_: int) -> Iterator[float]:
        model.read(page)
        yield 1.0

    return (yield from _repeated(spec, pieces, "images/s"))


def _listen(spec: ModelSpec, model, speech: np.ndarray) -> Trial:
    """Half a minute of English, written down."""
    language = "en" if "en" in model.languages() else None

    def pieces(_: int) -> Iterator[float]:
        with closing(model.segments(speech, language=language)) as segments:
            for _ in segments:
                yield 0.0
        yield len(speech) / sound.RATE_HZ

    return (yield from _repeated(spec, pieces, "x real time"))


def _hear(spec: ModelSpec, model, speech: np.ndarray) -> Trial:
    def pieces(_: int) -> Iterator[float]:
        model.events(speech)
        yield len(speech) / sound.RATE_HZ

    return (yield from _repeated(spec, pieces, "x real time"))


# -- chat


def _talk(spec: ModelSpec, model, messages: list[Message]) -> Trial:
    """A greedy answer of up to 48 tokens, fewer where that would take longer than ``WORK_S``; then, for a model that
    sees, the beginning of one about a picture, which is what takes time and memory there."""
    question, *about_picture = messages
    started = time.monotonic()
    answer = yield from _answer(spec, model, question, FIRST_TOKENS)
    if answer and time.monotonic() - started < 2 * WORK_S:
        tokens = min(TOKENS, max(FEW_TOKENS, int(answer.tokens_per_s * WORK_S)))
        answer = (yield from _answer(spec, model, question, tokens)) or answer
    picture_s = 0.0
    for message in about_picture:
        usage = yield from _answer(spec, model, message, FIRST_TOKENS)
        picture_s = usage.first_token_s if usage else 0.0
    return Result(answer.tokens_per_s if answer else 0.0, "tokens/s", picture_s)


def _answer(spec: ModelSpec, model, message: Message, tokens: int) -> Generator[Progress, None, Usage | None]:
    """The usage of an answer; None when it takes longer than ``PATIENCE_S``."""
    limit_s = time.monotonic() + PATIENCE_S
    with closing(model.stream((message,), Sampling(max_tokens=tokens, temperature=0.0, seed=0))) as deltas:
        for delta in deltas:
            if isinstance(delta, Delta) and delta.usage:
                return delta.usage
            if time.monotonic() > limit_s:
                break
            yield Progress("measure", subject=spec.title)
    return None


_TRIALS: dict[str, Callable[..., Trial]] = {
    "image-classes": _classify,
    "image-text": _score,
    "sentences": _embed,
    "reading": _read,
    "speech": _listen,
    "sounds": _hear,
    "chat": _talk,
}


# -- what they are given


def picture(width: int, height: int) -> Image.Image:
    """Coloured shapes and four lines of text."""
    made = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(made)
    for n, colour in enumerate(("crimson", "teal", "gold", "navy")):
        left = n * width // 4
        draw.ellipse((left, height // 8, left + width // 5, height // 2), fill=colour)
    draw.rectangle((width // 16, height * 9 // 16, width * 15 // 16, height * 15 // 16), fill="white")
    font = ImageFont.load_default(height // 16)
    for n, line in enumerate(LINES):
        draw.text((width // 8, height * (19 + 3 * n) // 32), line, fill="black", font=font)
    return made


def _messages(spec: ModelSpec) -> list[Message]:
    """A question, and one about a picture for a model that sees."""
    shown = Medium("image", frames=np.asarray(picture(PICTURE_SIDE, PICTURE_SIDE))[None])
    about_picture = [Message("user", ABOUT_PICTURE, media=(shown,))]
    return [Message("user", QUESTION), *(about_picture if "image" in spec.modalities else ())]


def _pictures(_: ModelSpec) -> list[np.ndarray]:
    return [np.roll(np.asarray(picture(640, 480)), 40 * n, axis=1) for n in range(PICTURES)]


def _speech(_: ModelSpec) -> np.ndarray:
    """(S,) at 16 kHz: 27 seconds, made by a synthesiser; see ``data/README.md``."""
    return sound.samples(SPEECH, Limits())


_MATERIAL: dict[str, Callable[[ModelSpec], object]] = {
    "image-classes": lambda _: imagenet_input([picture(640, 480)]),
    "image-text": _pictures,
    "sentences": lambda _: SENTENCES,
    "reading": lambda _: np.asarray(picture(640, 480)),
    "speech": _speech,
    "sounds": _speech,
    "chat": _messages,
}
