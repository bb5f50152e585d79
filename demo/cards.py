"""Models as cards, and the memory that holds them, as HTML; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape

from mmcore.errors import ModelError
from mmcore.memory import WORKLOAD
from mmcore.types import HubFacts, Loaded, Measured, ModelSpec, Plan, Status
from mmcore.wording import LANGUAGES, language_name

from . import units
from .text import Say, card, error_sentence, speaker

#: What a model of each task takes; a chat model says it itself.
TAKES = {
    "image-classes": ("image",),
    "image-text": ("image", "text"),
    "sentences": ("text",),
    "reading": ("image",),
    "speech": ("audio",),
    "sounds": ("audio",),
}
#: A click on a card's button tells which model it is, and goes on to the button that loads it.
CHOOSE = """element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-model]");
  if (!button) return;
  trigger("click", {model: button.dataset.model});
  const load = document.querySelector("#models-run");
  if (load) load.focus();
});"""


@dataclass(frozen=True)
class Offer:
    """A model as it can be had now: where it would run, or why it cannot; and how it runs where it is loaded."""

    spec: ModelSpec
    plan: Plan | ModelError
    is_kept: bool
    loaded: tuple[Loaded, ...] = ()
    tokens_per_s: float = 0.0  # of its last answer
    commit: str = ""  # of the hub, that its files are of


def catalogue(offers: Iterable[Offer], status: Status, language: str) -> str:
    """A card for each."""
    cards = "".join(_card(offer, status, language) for offer in offers)
    return f'<div class="mm-models">{cards}</div>'


def _card(offer: Offer, status: Status, language: str) -> str:
    spec, say = offer.spec, speaker(language)
    words = card(spec, language)
    can = words["can"][:1].upper() + words["can"][1:]
    can = say("model_can", can=can) if can else say("model_not_described")
    cannot = say("model_cannot", cannot=words["cannot"]) if words["cannot"] else ""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(offer, status, language)
    )
    name = escape(say("model_choose_this", title=spec.title))
    return (
        f'<article class="mm-model"><h3>{escape(spec.title)}{_tags(offer, say)}</h3><p>{escape(can)} '
        f'<span class="mm-quiet">{escape(cannot)}</span></p><dl class="mm-evidence">{rows}</dl>'
        f'<button type="button" data-model="{escape(spec.name)}" aria-label="{name}">'
        f"{escape(say('model_choose'))}</button></article>"
    )


def _tags(offer: Offer, say: Say) -> str:
    keys = ["model_in_memory"] if offer.loaded else ["model_here"] if _is_download_done(offer) else []
    keys += ["model_does_not_fit"] if isinstance(offer.plan, ModelError) else []
    return "".join(f' <span class="mm-tag mm-tag-{key[6:]}">{escape(say(key))}</span>' for key in keys)


def _is_download_done(offer: Offer) -> bool:
    return offer.is_kept and offer.spec.download_bytes > 0


def _facts(offer: Offer, status: Status, language: str) -> list[tuple[str, str]]:
    """Names and values of what is known of it, before it is loaded and after."""
    spec, say = offer.spec, speaker(language)
    rows = [
        (say("model_download"), _download(offer, say)),
        (say("model_memory"), memory(spec)),
        (say("model_fits"), fits(offer, status, language)),
        (say("hub_commit"), offer.commit[:12]),
        (say("model_licence"), spec.licence),
        (
            say("model_takes"),
            say("separator").join(say(f"takes_{kind}") for kind in TAKES.get(spec.task, spec.modalities)),
        ),
        (say("model_languages"), say("separator").join(_language(code, language) for code in spec.languages)),
        (say("model_tried"), say("model_tried_yes" if spec.tried else "model_tried_no")),
        *((say("model_loaded"), _loaded(entry, offer.tokens_per_s, say)) for entry in offer.loaded),
    ]
    return [(name, value) for name, value in rows if value]


def _download(offer: Offer, say: Say) -> str:
    if not offer.spec.download_bytes:
        return say("model_in_folder" if any(file.folder for file in offer.spec.files) else "model_no_download")
    key = "model_download_done" if offer.is_kept else "model_download_size"
    return say(key, size=units.size(offer.spec.download_bytes))


def memory(spec: ModelSpec) -> str:
    """What it takes at each precision."""
    rungs = [(rung.name, rung.memory_bytes) for rung in spec.precisions] or [(spec.precision, spec.memory_bytes)]
    return " · ".join(f"{name} {units.size(size_bytes)}" for name, size_bytes in rungs)


def fits(offer: Offer, status: Status, language: str) -> str:
    """Where it would run now and why so, or the refusal."""
    say, found = speaker(language), offer.plan
    if isinstance(found, ModelError):
        return error_sentence(found, language)
    room_bytes = status.device_budget_bytes if found.device == "cuda" else status.budget_bytes
    sizes = {"memory": units.size(found.memory_bytes), "room": units.size(room_bytes)}
    said = [say("model_fits_value", precision=found.precision, device=device(found.device, status, say), **sizes)]
    larger = [rung for rung in offer.spec.precisions if rung.memory_bytes > room_bytes]
    if larger:
        said.append(say("model_fits_but", precision=larger[-1].name, memory=units.size(larger[-1].memory_bytes)))
    said += _ran_out(found.ran_out, say)
    return say("semicolon").join([*said, *([say("model_gpu_unused")] if found.is_gpu_unused else [])])


def _ran_out(precisions: Sequence[str], say: Say) -> list[str]:
    return [say("model_ran_out", precisions=say("separator").join(precisions))] if precisions else []


def device(name: str, status: Status, say: Say) -> str:
    """ "CPU", or the name of the GPU."""
    return say("device_cpu") if name == "cpu" else status.device_name or name.upper()


def _loaded(entry: Loaded, tokens_per_s: float, say: Say) -> str:
    """How it runs, and what it was found to cost and give."""
    last_answer = [say("model_speed", speed=_number(tokens_per_s))] if tokens_per_s else []
    return " · ".join([how(entry, say), *last_answer])


def how(entry: Loaded, say: Say) -> str:
    """How a model was loaded and how it did, as "nf4 on CUDA, 9.0 GB reserved · loaded in 1.2 s · 49 tokens/s"."""
    where = {"precision": entry.precision, "device": entry.device.upper(), "memory": units.size(entry.memory_bytes)}
    loaded = [say("model_loaded_value", **where), say("model_loaded_in", seconds=units.seconds(entry.load_s))]
    return " · ".join([*loaded, *_measured(entry.measured, say), *_ran_out(entry.ran_out, say)])


def _measured(found: Measured | None, say: Say) -> list[str]:
    if found is None:
        return []
    peak = [say("model_peak", size=units.size(found.peak_bytes))] if found.peak_bytes else []
    rate = say(f"rate_{found.unit}", rate=_number(found.rate)) if found.rate else say("rate_none")
    picture = [say("model_picture_first", seconds=units.seconds(found.picture_s))] if found.picture_s else []
    return [*peak, rate, *picture, *([] if found.alone else [say("model_not_alone")])]


def _number(rate: float) -> str:
    """0.63 -> "0.63", 5.87 -> "5.9", 49.4 -> "49"."""
    return f"{rate:.2g}" if rate < 1 else f"{rate:.1f}" if rate < 10 else f"{rate:,.0f}"


def _language(code: str, language: str) -> str:
    say = speaker(language)
    if code == "many":
        return say("languages_many")
    if code.endswith(" languages"):
        return say("languages_count", count=code.split()[0])
    return language_name(code, language) if code in LANGUAGES else code


# -- memory


def gauges(status: Status, titles: dict[str, str], language: str) -> str:
    """A meter for main memory, and one for the GPU where there is one, each with what holds it."""
    say = speaker(language)
    pools = {
        False: [e for e in status.loaded if e.device != "cuda"],
        True: [e for e in status.loaded if e.device == "cuda"],
    }
    shown = [(say("gauge_ram"), pools[False], status.budget_bytes)]
    if status.device_budget_bytes:
        shown.append((say("gauge_gpu", name=status.device_name), pools[True], status.device_budget_bytes))
    free = say("gauge_free", size=units.size(status.free_bytes))
    counted = say("gauge_counted", **{name: f"{count:,}" for name, count in asdict(WORKLOAD).items()})
    meters = "".join(_gauge(name, held, room_bytes, titles, say) for name, held, room_bytes in shown)
    return f'<div class="mm-gauges">{meters}<p class="mm-quiet">{escape(free)} {escape(counted)}</p></div>'


def _gauge(name: str, held: Sequence[Loaded], room_bytes: int, titles: dict[str, str], say: Say) -> str:
    held_bytes = sum(entry.memory_bytes for entry in held)
    words = say("gauge_value", held=units.size(held_bytes), room=units.size(room_bytes))
    values = f'aria-valuemin="0" aria-valuemax="{room_bytes}" aria-valuenow="{held_bytes}"'
    bars = "".join(f'<i style="width:{100 * e.memory_bytes / max(1, room_bytes):.1f}%"></i>' for e in held)
    lines = "".join(f"<li>{escape(_holder(entry, titles, say))}</li>" for entry in held)
    return (
        f'<section><p class="mm-gauge-name"><b>{escape(name)}</b> <span>{escape(words)}</span></p>'
        f'<div class="mm-gauge" role="meter" aria-label="{escape(name)}" {values} aria-valuetext="{escape(words)}">'
        f"{bars}</div>"
        f"<ul>{lines or '<li>' + escape(say('gauge_empty')) + '</li>'}</ul></section>"
    )


def _holder(entry: Loaded, titles: dict[str, str], say: Say) -> str:
    values = {"title": titles.get(entry.name, entry.name), "precision": entry.precision}
    said = say("gauge_holder", **values, memory=units.size(entry.memory_bytes))
    return said + (say("gauge_in_use") if entry.in_use else "")


# -- a repository of a hub


def repository(facts: HubFacts, language: str) -> str:
    """What the hub says of it, before anything of it is fetched."""
    say = speaker(language)
    rows = (
        (say("model_download"), units.size(facts.download_bytes)),
        (say("model_licence"), facts.licence or say("hub_licence_none")),
        (say("hub_gated"), say("hub_gated_yes" if facts.gated else "hub_gated_no")),
        (say("hub_kind"), facts.pipeline_tag or say("hub_kind_none")),
        (say("hub_files"), "GGUF" if not facts.has_safetensors else "safetensors"),
        (say("hub_commit"), facts.sha[:12]),
    )
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f'<div class="mm-card"><h3>{escape(facts.repo)}</h3><dl class="mm-evidence">{terms}</dl></div>'
