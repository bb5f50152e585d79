"""How well the chat model answers questions about facts: 20 images and clips, 60 questions, a third in Chinese.

    python -m tests.bench.chat_facts --photos FOLDER [--model M] [--half tuned|held-out|fresh] [--seed S]

FOLDER holds the photos that ``chat_facts.json`` names; without it their questions are left out, and that is
said. The other media come with Gradio or are made here. What the model is told was tuned on the items marked
"tuned"; those marked "fresh" are 24 further questions, written when the tuning was over.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import wave
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

RULES = Path(__file__).with_name("chat_facts.json")
SILENCE_HZ = 16_000

# -- scoring

REFUSALS = re.compile(
    r"can(no|')t tell|can ?not (tell|say|determine|know|identify|be (told|determined|identified|known))|unable to"
    r"|not (measured|known|say|said|mention|provide|specif|given|possible|stated|recogni|described|identified|determin)"
    r"|unknown|no information|do(es)? not (say|specify|mention|provide|include|contain)|don't know|not sure"
    r"|doesn't (say|mention)|无法|不能|不知道|不清楚|没有(说|提|测量|提供|给出|信息|说明|相关)"
    r"|未(知|提|说|测量|提供|给出|识别|说明)|不确定",
    re.IGNORECASE,
)
NO = re.compile(
    r"\b(no|not|none|nothing|never|nobody|neither|without|isn't|doesn't|don't|aren't|wasn't|nope)\b|[没无不未否非]",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"[.!?;。！？；\n]")


def right(question: dict, answer: str) -> bool:
    """Whether ``answer`` meets the rule of its category."""
    text = answer.casefold()
    if any(_holds(text, word) for word in question.get("reject", ())):
        return False
    if question["category"] == "cannot tell":
        return bool(REFUSALS.search(answer))
    if "answer" in question:
        return bool(text.strip()) and polarity(answer) == question["answer"]
    return any(word in text for word in question["accept"])


def _holds(text: str, word: str) -> bool:
    """Whether a text holds a word: whole in Latin script."""
    return bool(re.search(rf"(?<![a-z]){re.escape(word.strip())}(?![a-z])", text))


def polarity(answer: str) -> str:
    """ "yes", "no", or "unclear" for a refusal to tell: what the first sentence says."""
    first = SENTENCE_END.split(answer.strip())[0].casefold()
    if re.match(r"(yes\b|是|有|对)", first):
        return "yes"
    if re.search(r"(cannot|can't|not) (tell|sure)|无法|不确定", first):
        return "unclear"
    return "no" if NO.search(first) else "yes"


def invents(question: dict, answer: str, prompt: str) -> bool:
    """Whether the answer affirms a thing that the model was not given: neither in the facts nor in the question,
    or a yes where there is none, or a property that was never measured."""
    if question.get("answer") == "no" and polarity(answer) == "yes":
        return True
    if question["category"] == "cannot tell" and not right(question, answer):
        return True
    return any(thing not in prompt.casefold() for thing in _affirmed(answer))


def _affirmed(answer: str) -> set[str]:
    from mmcore.lexicon import things_in

    sentences = (part for part in SENTENCE_END.split(answer) if not NO.search(part))
    return {thing.name for sentence in sentences for thing in things_in(sentence)}


# -- media


def media(item: dict, folder: Path, photos: Path | None) -> Path | None:
    """The file of an item, made in ``folder`` if it has to be; None when its photo is not there."""
    from gradio import media as gradio_media

    for key, get in (("gradio_image", "get_image"), ("gradio_audio", "get_audio"), ("gradio_video", "get_video")):
        if key in item:
            return Path(getattr(gradio_media, get)(item[key]))
    if "photo" in item:
        return photos / item["photo"] if photos else None
    made = folder / item["item"].replace(" ", "_")
    if "drawn" in item:
        return drawn(made.with_suffix(".png"), item["drawn"])
    if "silence_s" in item:
        return silence(made.with_suffix(".wav"), item["silence_s"])
    still, voice = gradio_media.get_image(item["clip_of"]), gradio_media.get_audio(item["voice"])
    return clip(made.with_suffix(".mp4"), still, voice)


def drawn(path: Path, lines: list[str]) -> Path:
    """A white sign with a line of text under the other."""
    sign = Image.new("RGB", (800, 120 + 90 * len(lines)), "white")
    for row, line in enumerate(lines):
        ImageDraw.Draw(sign).text((60, 60 + 90 * row), line, fill="black", font_size=52)
    sign.save(path)
    return path


def silence(path: Path, seconds: float) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SILENCE_HZ)
        out.writeframes(bytes(2 * int(seconds * SILENCE_HZ)))
    return path


def clip(path: Path, still: str, voice: str) -> Path:
    """A video that shows one picture while a voice speaks."""
    from mmcore.media import sound
    from mmcore.settings import Limits
    from tests.made_media import write_clip

    samples = sound.samples(voice, Limits())
    picture = np.asarray(Image.open(still).convert("RGB").resize((640, 480)))
    count = round(10 * len(samples) / sound.RATE_HZ)
    write_clip(path, [picture] * count, samples, rate=10, sound_rate=sound.RATE_HZ)
    return path


# -- the run


def answers(rules: dict, half: str | None, photos: Path | None, model: str | None, seed: int) -> Iterator[tuple]:
    """(question, half, answer, prompt) for each question whose file is there."""
    from mmcore import Message, Sampling, Settings, Studio

    studio = Studio(Settings.from_env(profile="embedded"))
    items = {item["item"]: item for item in rules["items"] if half in (None, item["half"])}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: media(item, Path(folder), photos) for name, item in items.items()}
        for question in rules["questions"]:
            if path := paths.get(question["item"]):
                message = Message("user", question["question"], (str(path),))
                reply = studio.chat([message], model=model, sampling=Sampling(seed=seed))
                yield question, items[question["item"]]["half"], reply.text, "\n".join(m.text for m in reply.prompt)
    studio.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--half", choices=("tuned", "held-out", "fresh"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rules = json.loads(RULES.read_text(encoding="utf-8"))
    scores, invented, asked = defaultdict(list), [], 0
    for question, half, answer, prompt in answers(rules, given.half, given.photos, given.model, given.seed):
        good, made_up = right(question, answer), invents(question, answer, prompt)
        for group in _groups(question, half):
            scores[group].append(good)
        invented.append(made_up)
        asked += 1
        if not good or made_up:
            print(
                f"{'wrong' if not good else 'right'}{', invented' if made_up else ''}: {question['item']} | "
                f"{question['question']} | {answer}",
                flush=True,
            )
    for group, results in sorted(scores.items()):
        print(f"{group:<24} {sum(results):>3} of {len(results):>3}  {sum(results) / len(results):.0%}")
    print(f"invented                 {sum(invented):>3} of {asked:>3}  {sum(invented) / max(1, asked):.0%}")
    if not given.photos:
        print("no --photos: the questions about photos were left out")


def _groups(question: dict, half: str) -> list[str]:
    groups = [f"half: {half}", f"kind: {question['category']}", f"language: {question['language']}"]
    return groups if half == "fresh" else [*groups, "all 60"]


if __name__ == "__main__":
    main()
