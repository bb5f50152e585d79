"""mmcore results -> the HTML of the page; pure. Everything that comes from a file or a model is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape

from mmcore.types import Classification, Label, ModelSpec, Progress, Stage, Status
from mmcore.wording import class_name

from . import units
from .text import Say, described, refusal_sentence, speaker

Specs = Mapping[str, ModelSpec]  # by name and by title
Devices = Mapping[str, str]  # where each model ran, by name; "cpu" where it is not told
CPU_ONLY: Devices = {}

SHOWN_CLASSES = 3
SHOWN_TEXTS = 8


# -- states of a result: empty, working, refused


def empty(first: str, second: str) -> str:
    """One sentence on what will appear, and where to begin."""
    return f'<div class="mm-empty"><p>{escape(first)}</p><p class="mm-quiet">{escape(second)}</p></div>'


def stage(words: str) -> str:
    """A step in words, and the seconds since the first step (counted in the browser)."""
    return (
        f'<div class="mm-stage" role="status"><span class="mm-pulse" aria-hidden="true"></span>'
        f'<span>{escape(words)}</span><span class="mm-elapsed" aria-hidden="true"></span></div>'
    )


def note(words: str) -> str:
    return f'<div class="mm-note" role="status">{escape(words)}</div>' if words else ""


def note_line(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def refusal(words: str) -> str:
    """An error, where the result would be."""
    return f'<div class="mm-refusal" role="alert">{escape(words)}</div>'


def progress(step: Progress, specs: Specs, language: str) -> str:
    """Where a long step is, in words, with a bar when its length is known; a card while weights are fetched."""
    words, amounts = step_words(step, specs, language)
    card_lines = first_use_lines(step, specs, language)
    shown_card = f'<div class="mm-card">{"".join(f"<p>{escape(line)}</p>" for line in card_lines)}</div>'
    return stage(words) + _meter(step, words, amounts) + (shown_card if card_lines else "")


def step_words(step: Progress, specs: Specs, language: str) -> tuple[str, str]:
    """What is being done to what, and how much of it is done."""
    say = speaker(language)
    spec = specs.get(step.subject)
    fallback = say("this_file") if step.stage in ("decode", "look", "read", "listen") else say("the_model")
    words = say(f"stage_{step.stage}", subject=(spec.title if spec else step.subject) or fallback)
    if not step.total:
        return words, ""
    return words, say("progress_of", done=_amount(step.done, step.unit), total=_amount(step.total, step.unit))


def first_use_lines(step: Progress, specs: Specs, language: str) -> tuple[str, ...]:
    """While weights are fetched: what, how large, where they are kept and where they come from."""
    spec = specs.get(step.subject)
    if step.stage != "download" or spec is None or not spec.files:
        return ()
    say = speaker(language)
    return (
        say("first_use", title=spec.title),
        say("first_use_facts", size=units.size(spec.download_bytes)),
        say("first_use_source", source=spec.source, licence=spec.licence),
    )


def _meter(step: Progress, words: str, amounts: str) -> str:
    if not step.total:
        return ""
    share = min(1.0, step.done / step.total)
    return (
        f'<div class="mm-meter" role="progressbar" aria-label="{escape(words)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}"><span style="width:{100 * share:.1f}%"></span></div>'
        f'<p class="mm-quiet mm-amounts">{escape(amounts)}</p>'
    )


def _amount(value: float, unit: str) -> str:
    if unit == "B":
        return units.size(value)
    if unit == "s":
        return units.clock(value)
    return f"{value:.0f} {unit}".strip()


# -- classification


def classification(
    result: Classification,
    specs: Specs,
    language: str,
    *,
    top: int = 5,
    reading: bool = False,
    devices: Devices = CPU_ONLY,
) -> str:
    """The winner in a sentence, the bars, the evidence, the badge."""
    say, result = speaker(language), _worded(result, language)
    parts = (
        _winner(result, say),
        _columns(result, top, say) if result.text_labels else bars(result.labels[:top], say),
        _evidence(result, say, language, reading),
        notes(result.flags, say),
        badge([*(s.model for s in result.stages), result.model], result.seconds, specs, say, devices),
    )
    return f'<div class="mm-answer">{"".join(parts)}</div>'


def _worded(result: Classification, language: str) -> Classification:
    """With the names that ImageNet's classes have in that language; labels that somebody wrote stay."""

    def named(labels: Iterable[Label]) -> tuple[Label, ...]:
        return tuple(
            label if label.index is None else replace(label, label=class_name(label, language)) for label in labels
        )

    lists = {name: named(getattr(result, name)) for name in ("labels", "image_labels", "text_labels")}
    return replace(result, **lists)


def _winner(result: Classification, say: Say) -> str:
    best = result.labels[0]
    key = "not_sure" if "unsure" in result.flags else "most_likely"
    sentence = say(key, label=best.label, percent=units.percent(best.probability))
    reason = say("not_sure_why" if result.recognised else "not_sure_flat")
    why = f'<p class="mm-quiet">{escape(reason)}</p>' if "unsure" in result.flags else ""
    return f'<p class="mm-lead">{escape(sentence)}</p>{why}'


def bars(labels: Iterable[Label], say: Say) -> str:
    """Labels with their probabilities: text first, the bar is only its picture."""
    return f'<ul class="mm-bars">{"".join(_bar(label, say) for label in labels)}</ul>'


def _bar(label: Label, say: Say) -> str:
    value = units.percent(label.probability)
    name = say("bar_name", label=label.label, percent=value)
    return (
        f'<li title="{escape(name)}"><span class="mm-name">{escape(label.label)}</span>'
        f'<span class="mm-value">{escape(value)}</span>'
        f'<span class="mm-bar" aria-hidden="true"><i style="width:{100 * label.probability:.1f}%"></i></span></li>'
    )


def _columns(result: Classification, top: int, say: Say) -> str:
    both = say("column_both", percent=units.percent(result.text_weight))
    columns = (
        (say("column_image"), result.image_labels),
        (both, result.labels),
        (say("column_text"), result.text_labels),
    )
    cells = (f"<section><h3>{escape(name)}</h3>{bars(labels[:top], say)}</section>" for name, labels in columns)
    return f'<div class="mm-columns">{"".join(cells)}</div>'


def _evidence(result: Classification, say: Say, language: str, reading: bool) -> str:
    recognised = say("separator").join(
        f"{class_name(label, language)} {units.percent(label.probability)}"
        for label in result.recognised[:SHOWN_CLASSES]
    )
    rows = [(say("evidence_recognised"), recognised)] if recognised else []
    rows.append((say("evidence_text"), _text_read(result, say, reading)))
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f'<dl class="mm-evidence">{terms}</dl>'


def _text_read(result: Classification, say: Say, reading: bool) -> str:
    if result.text_read is None:
        return say("evidence_text_pending" if reading else "evidence_text_off")
    return " · ".join(box.text for box in result.text_read[:SHOWN_TEXTS]) or say("evidence_text_none")


def notes(flags: Iterable[str], say: Say) -> str:
    """Flags that are said as a sentence of their own."""
    said = [say(f"flag_{flag}") for flag in flags if flag in ("duplicates_removed", "imagenet_set")]
    return "".join(f'<p class="mm-quiet">{escape(words)}</p>' for words in said)


# -- badge, how it was made, strip


def badge(names: Iterable[str], taken_s: float, specs: Specs, say: Say, devices: Devices = CPU_ONLY) -> str:
    """Which models answered, at what precision, where, and how long it took."""
    unique = dict.fromkeys(name for name in names if name in specs)
    at = {name: say(f"device_{devices.get(name, 'cpu')}") for name in unique}
    mixed = len(set(at.values())) > 1
    each = (f"{specs[n].title} ({specs[n].precision}{', ' + at[n] if mixed else ''})" for n in unique)
    where = "" if mixed else f" · {next(iter(at.values()), say('device_cpu'))}"
    words = say("badge", models=" + ".join(each) + where, seconds=units.seconds(taken_s))
    return f'<p class="mm-badge">{escape(words)}</p>'


def how_made(stages: Iterable[Stage], given: Iterable[str], specs: Specs, where: str, language: str) -> str:
    """The steps with model and time, each model's card, where it ran, and what the model was given."""
    stages, say = tuple(stages), speaker(language)
    names = dict.fromkeys(s.model for s in stages if s.model in specs)
    cards = "".join(f"<li>{escape(_card_line(specs[name], language))}</li>" for name in names)
    listed = "".join(f"<li>{escape(line)}</li>" for line in given)
    given_block = f"<h4>{escape(say('made_given'))}</h4><ul>{listed}</ul>" if listed else ""
    return (
        f'<div class="mm-made">{_stage_table(stages, specs, say)}{refused(stages, language)}<ul>{cards}</ul>'
        f"<p>{escape(say('made_where'))}{say('colon')}{escape(where)}</p>{given_block}</div>"
    )


def _stage_table(stages: tuple[Stage, ...], specs: Specs, say: Say) -> str:
    if not stages:
        return ""
    head = "".join(f"<th scope='col'>{escape(say(key))}</th>" for key in ("made_step", "made_model", "made_time"))
    rows = "".join(
        f"<tr><td>{escape(stage_name(step.name, say))}</td>"
        f"<td>{escape(specs[step.model].title if step.model in specs else step.model)}</td>"
        f"<td>{units.seconds(step.seconds)}</td></tr>"
        for step in stages
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def refused(stages: Iterable[Stage], language: str) -> str:
    """Which steps a model did not do, or not to the end, and why."""
    say = speaker(language)
    told = [(stage_name(stage.name, say), stage.refusal) for stage in stages if stage.refusal]
    lines = (say("made_refused", step=step, reason=refusal_sentence(refusal, language)) for step, refusal in told)
    return "".join(f'<p class="mm-doubt">{escape(line)}</p>' for line in lines)


def stage_name(name: str, say: Say) -> str:
    """The name of a finished step; one that the page has no word for is shown as it is."""
    try:
        return say(f"step_{name}")
    except KeyError:
        return name


def _card_line(spec: ModelSpec, language: str) -> str:
    words = described(spec, "made_can", language)
    facts = {"title": spec.title, "precision": spec.precision, "licence": spec.licence}
    return speaker(language)("made_precision", words=words, **facts)


def strip(status: Status, language: str) -> str:
    """Profile and why, models in memory, free memory, privacy."""
    say = speaker(language)
    held = units.size(sum(model.memory_bytes for model in status.loaded))
    count = len(status.loaded)
    keys = {0: "strip_no_models", 1: "strip_one_model"}
    parts = (
        say("strip_profile", profile=say(f"profile_{status.profile}"), why=say(status.why)),
        say(keys.get(count, "strip_models"), count=count, size=held),
        say("strip_free", size=units.size(status.free_bytes)),
        say("strip_privacy"),
    )
    titles = say("separator").join(f"{m.name} {units.size(m.memory_bytes)}" for m in status.loaded)
    spans = "".join(f"<span>{escape(part)}</span>" for part in parts)
    return f'<div class="mm-strip" title="{escape(titles)}">{spans}</div>'
