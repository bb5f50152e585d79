"""A clip over time as HTML: player with captions, lanes, transcript. Pure; what was said or seen is escaped.

Anything with ``data-at`` seeks the player to that second (``SEEK``, run in the browser).
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from urllib.parse import quote

from mmcore import describe, subtitles
from mmcore.types import Caption, Segment
from mmcore.wording import language_name

from . import units, view
from .text import Say, speaker

SEEK = """element.addEventListener("click", (event) => {
  const line = event.target.closest("[data-at]"), clip = element.querySelector("video");
  if (line && clip) { clip.currentTime = Number(line.dataset.at); clip.play(); }
});"""
SILENCE = "silence"
SOUNDS = ("speech", "singing", "music", SILENCE)


def clip(path: str, caption: Caption, specs: view.Specs, language: str, devices: view.Devices = view.CPU_ONLY) -> str:
    """The whole result. Its first element stays the same while it grows, so that playing is not cut off."""
    say = speaker(language)
    parts = (
        player(path, caption, say),
        _facts(caption, say, language),
        _summary(caption, say, language),
        lanes(caption, say, language),
        scenes(caption, say, language),
        transcript(caption, say),
        _badge(caption, specs, say, devices) if caption.done else "",
    )
    return f'<div class="mm-clip">{"".join(parts)}</div>'


def _badge(caption: Caption, specs: view.Specs, say: Say, devices: view.Devices) -> str:
    return view.badge(caption.models, caption.seconds, specs, say, devices)


def player(path: str, caption: Caption | None, say: Say) -> str:
    """The uploaded file with its captions on; sound alone gets the same player, so that they show there too."""
    address = f"gradio_api/file={quote(path)}"
    shape = "" if caption is None or caption.of("scene") else " mm-sound-only"
    track = ""
    if caption and caption.of("speech"):
        vtt = b64encode(subtitles.to_vtt(caption).encode()).decode()
        track = (
            f'<track kind="captions" default src="data:text/vtt;base64,{vtt}" label="{escape(say("caption_speech"))}">'
        )
    return (
        f'<video class="mm-player{shape}" controls playsinline preload="metadata" '
        f'aria-label="{escape(say("player"))}" src="{escape(address)}">{track}</video>'
    )


def _facts(caption: Caption, say: Say, language: str) -> str:
    facts = [say("caption_length", length=units.seconds(caption.duration_s)), _language(caption, say, language)]
    if not caption.done and caption.duration_s:
        done, total = units.clock(caption.heard_s), units.clock(caption.duration_s)
        facts.append(say("caption_listening", done=done, total=total))
    return f'<p class="mm-facts">{"".join(f"<span>{escape(fact)}</span>" for fact in facts)}</p>'


def _language(caption: Caption, say: Say, language: str) -> str:
    if caption.language is None:
        return say("caption_no_language") if caption.done else ""
    name = language_name(caption.language, language)
    if not 0 < caption.language_probability < 1:
        return say("caption_language_is", language=name)
    return say("caption_language_sure", language=name, percent=units.percent(caption.language_probability))


def _summary(caption: Caption, say: Say, language: str) -> str:
    if not caption.done:
        return ""
    by_model = any(stage.name == "summarise" and not stage.refusal for stage in caption.stages)
    words = caption.summary if by_model else describe.clip_summary(caption, language)
    return f'<h3 class="mm-heading">{escape(say("caption_summary"))}</h3><p>{escape(words)}</p>'


def lanes(caption: Caption, say: Say, language: str) -> str:
    """Words, every kind of sound and scenes over one time axis; a lane with nothing in it is left out."""
    if not caption.segments or not caption.duration_s:
        return ""
    rows = "".join(
        _lane(name, kind, segments, caption.duration_s, say, language)
        for name, kind, segments in _rows(caption, say)
        if segments
    )
    axis = f'<span></span><div class="mm-axis"><span>0:00</span><span>{units.clock(caption.duration_s)}</span></div>'
    return f'<div class="mm-lanes" role="group" aria-label="{escape(say("caption_lanes"))}">{rows}{axis}</div>'


def _rows(caption: Caption, say: Say) -> list[tuple[str, str, tuple[Segment, ...]]]:
    """(name, kind, segments) per lane: sounds overlap, so each kind has its own; silence only where it is all."""
    sounds = {kind: tuple(s for s in caption.of("sound") if s.text == kind) for kind in SOUNDS}
    if any(sounds[kind] for kind in SOUNDS if kind != SILENCE):
        del sounds[SILENCE]
    return [
        (say("caption_speech"), "speech", caption.of("speech")),
        *((say(f"sound_{kind}"), "sound", segments) for kind, segments in sounds.items()),
        (say("caption_scenes"), "scene", caption.of("scene")),
    ]


def _lane(name: str, kind: str, segments: tuple[Segment, ...], duration_s: float, say: Say, language: str) -> str:
    blocks = "".join(_block(segment, duration_s, say, language) for segment in segments)
    return f'<span class="mm-quiet">{escape(name)}</span><div class="mm-lane mm-{kind}">{blocks}</div>'


def _block(segment: Segment, duration_s: float, say: Say, language: str) -> str:
    left = 100 * segment.start_s / duration_s
    width = 100 * (segment.end_s - segment.start_s) / duration_s
    words = text_of(segment, say, language)
    shade = " mm-silence" if segment.text == SILENCE else " mm-doubted" if segment.flags else ""
    span = f"{units.clock(segment.start_s)}–{units.clock(segment.end_s)}"
    return (
        f'<button type="button" class="{shade.strip()}" data-at="{segment.start_s:.2f}" '
        f'style="left:{left:.2f}%;width:{width:.2f}%" title="{escape(f"{span} {words}")}">{escape(words)}</button>'
    )


def text_of(segment: Segment, say: Say, language: str) -> str:
    """What a segment says, scenes and sounds in the language of the page."""
    if segment.kind == "sound" and segment.text in SOUNDS:
        return say(f"sound_{segment.text}")
    if segment.kind == "scene" and not segment.told_by and (segment.recognised or segment.text_read):
        return describe.scene(segment.recognised, segment.text_read, language)
    return segment.text


def scenes(caption: Caption, say: Say, language: str) -> str:
    """The scenes with their times where a model described them; why some have no description."""
    doubt = f'<p class="mm-doubt">{escape(say("caption_not_described"))}</p>' if caption.flags else ""
    doubt += view.refused((stage for stage in caption.stages if stage.name == "describe"), language)
    if not any(scene.told_by for scene in caption.of("scene")):
        return doubt
    rows = "".join(f"<li>{_row(scene, text_of(scene, say, language))}</li>" for scene in caption.of("scene"))
    return f'<h3 class="mm-heading">{escape(say("caption_scenes"))}</h3>{doubt}<ol class="mm-lines">{rows}</ol>'


def transcript(caption: Caption, say: Say) -> str:
    """The spoken lines with their times; a click seeks; doubt is said with its reason."""
    lines = caption.of("speech")
    head = f'<h3 class="mm-heading">{escape(say("caption_transcript"))}</h3>'
    if not lines:
        return f'{head}<p class="mm-quiet">{escape(say("caption_no_speech"))}</p>' if caption.done else ""
    rows = "".join(f"<li>{_line(segment, say)}</li>" for segment in lines)
    return f'{head}<p class="mm-quiet">{escape(say("caption_seek_hint"))}</p><ol class="mm-lines">{rows}</ol>'


def _line(segment: Segment, say: Say) -> str:
    doubt = f'<span class="mm-doubt">{escape(doubts(segment, say))}</span>' if segment.flags else ""
    return _row(segment, segment.text, doubt)


def _row(segment: Segment, words: str, doubt: str = "") -> str:
    """A line that seeks; ``doubt`` is HTML."""
    return (
        f'<button type="button" class="mm-seek" data-at="{segment.start_s:.2f}">'
        f"<time>{units.clock(segment.start_s)}</time><span>{escape(words)}{doubt}</span></button>"
    )


def doubts(segment: Segment, say: Say) -> str:
    """Why a segment may be wrong, in a sentence."""
    reasons = (_reason(flag, say) for flag in segment.flags)
    return say("caption_doubtful", reason=say("separator").join(dict.fromkeys(reasons)))


def _reason(flag: str, say: Say) -> str:
    try:
        return say(f"flag_{flag}")
    except KeyError:
        return flag
