"""Results as plain records for JSON: the fields of the command line, the HTTP API and the MCP tools."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import StudioError
from .types import Caption, Classification, Label, Loaded, Measured, ModelSpec, Plan, Progress, Reply, TextBox


def classification(result: Classification, file: str | None = None) -> dict:
    """``file, labels (best first), model, seconds``, then the evidence."""
    record = {
        "file": file or result.file,
        "labels": _labels(result.labels),
        "model": result.model,
        "seconds": round(result.seconds, 4),
        "recognised": _labels(result.recognised),
        "text_read": [_text(box) for box in result.text_read or ()],
        "flags": list(result.flags),
    }
    if result.text_labels:
        record |= {"image_labels": _labels(result.image_labels), "text_labels": _labels(result.text_labels)}
    return record


def caption(result: Caption) -> dict:
    """``language, duration_s, segments, summary, models, seconds``; ``flags`` where there are any."""
    record = {
        "language": result.language,
        "duration_s": round(result.duration_s, 3),
        "segments": [
            {
                "start_s": round(segment.start_s, 3),
                "end_s": round(segment.end_s, 3),
                "kind": segment.kind,
                "text": segment.text,
                "flags": list(segment.flags),
            }
            for segment in result.segments
        ],
        "summary": result.summary,
        "models": list(result.models),
        "seconds": round(result.seconds, 3),
    }
    return record | ({"flags": list(result.flags)} if result.flags else {})


def reply(result: Reply) -> dict:
    """``text, model, prompt_tokens, completion_tokens, first_token_s, tokens_per_s``; ``flags`` where there are any."""
    record = {
        "text": result.text,
        "model": result.model,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "first_token_s": round(result.first_token_s, 3),
        "tokens_per_s": round(result.tokens_per_s, 1),
    }
    return record | ({"flags": list(result.flags)} if result.flags else {})


def model(spec: ModelSpec) -> dict:
    """What the catalogue knows of a model."""
    return {
        "name": spec.name,
        "title": spec.title,
        "task": spec.task,
        "backend": spec.backend,
        "precision": spec.precision,
        "licence": spec.licence,
        "source": spec.source,
        "download_bytes": spec.download_bytes,
        "memory_bytes": spec.memory_bytes,
        "languages": list(spec.languages),
        "can": spec.can,
        "cannot": spec.cannot,
        "tried": spec.tried,
        "modalities": list(spec.modalities),
        "precisions": {rung.name: rung.memory_bytes for rung in spec.precisions},
    }


def offer(spec: ModelSpec, found: Plan | StudioError, loaded: Iterable[Loaded]) -> dict:
    """A model and how it can be had now: ``fits``, ``plan`` or ``refusal``, and what is ``loaded`` of it."""
    fits = isinstance(found, Plan)
    return model(spec) | {
        "fits": fits,
        "plan": plan(found) if fits else None,
        "refusal": None if fits else str(found),
        "loaded": [in_memory(entry) for entry in loaded if entry.name == spec.name],
    }


def plan(found: Plan) -> dict:
    """``device, precision, memory_bytes, why``, and ``ran_out``: precisions that ran out of memory here."""
    keys = ("device", "precision", "memory_bytes", "why")
    return {key: getattr(found, key) for key in keys} | {"ran_out": list(found.ran_out)}


def in_memory(entry: Loaded) -> dict:
    """``name, device, precision, memory_bytes, load_s, in_use``, ``ran_out`` (precisions), and ``measured``: null, or
    ``rate, unit, peak_bytes, alone, picture_s``, where 0 means that it is not known."""
    keys = ("name", "device", "precision", "memory_bytes", "in_use")
    return {key: getattr(entry, key) for key in keys} | {
        "load_s": round(entry.load_s, 3),
        "ran_out": list(entry.ran_out),
        "measured": _measured(entry.measured) if entry.measured else None,
    }


def _measured(found: Measured) -> dict:
    rounded = {"rate": round(found.rate, 2), "picture_s": round(found.picture_s, 3)}
    return {"unit": found.unit, "peak_bytes": found.peak_bytes, "alone": found.alone} | rounded


def step(progress: Progress) -> dict:
    """Where a long call is: ``done`` (false), ``stage, subject``, and ``progress`` from 0 to 1, null where unknown."""
    share = min(1.0, progress.done / progress.total) if progress.total else None
    return {"done": False, "stage": progress.stage, "subject": progress.subject, "progress": share}


def _labels(labels: tuple[Label, ...]) -> list[dict]:
    return [{"label": label.label, "probability": round(float(label.probability), 6)} for label in labels]


def _text(box: TextBox) -> dict:
    return {"text": box.text, "confidence": round(box.confidence, 3)}
