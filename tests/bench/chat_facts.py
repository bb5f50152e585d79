"""How well the chat model answers questions about facts: 20 images and clips, 60 questions, a third in Chinese.

    python tests/bench/chat_facts.py --photos FOLDER [--model M] [--half tuned|held-out] [--seed S]

FOLDER holds the photos that ``chat_facts.json`` names; without it their questions are left out and said to
be. The other media come with Gradio or are drawn here. Prompts were tuned on the items marked "tuned" only.
"""

from __future__ import annotations

import re

# -- scoring

REFUSALS = re.compile(
    r"can(no|')t tell|can ?not (tell|say|determine|know|identify|be (told|determined|identified|known))"
    r"|unable to|not (measured|known|say|said|mention|provide|specif|given|possible|stated|recogni|described|identified|determin)"
    r"|unknown|no information|do(es)? not (say|specify|mention|provide|include|contain)|don't know|not sure|doesn't (say|mention)"
    r"|无法|不能|不知道|不清楚|没有(说|提|测量|提供|给出|信息|说明|相关)|未(知|提|说|测量|提供|给出|识别|说明)|不确定",
    re.IGNORECASE,
)
NO = re.compile(
    r"\b(no|not|none|nothing|never|nobody|neither|without|isn't|doesn't|don't|aren't|wasn't|nope)\b|没|无|不|未|否|非",
    re.IGNORECASE,
)


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
    """"yes" or "no": what the first sentence says; a refusal to tell is neither."""
    first = re.split(r"[.!?;。！？；\n]", answer.strip())[0]
    if re.match(r"(yes\b|是|有|对)", first.casefold()):
        return "yes"
    if re.search(r"cannot tell|can't tell|无法", first.casefold()):
        return "unclear"
    return "no" if NO.search(first) else "yes"
