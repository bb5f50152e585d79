"""Results as plain records for JSON: the fields of the command line, the HTTP API and the MCP tools."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import StudioError
from .types import Caption, Classification, Label, Loaded, ModelSpec, Plan, Reply, TextBox


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
    """``language, duration_s, segments, summary, models, seconds``."""
    return {
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


def reply(result: Reply) -> dict:
    """``text, model, prompt_tokens, completion_tokens, first_token_s, tokens_per_s``."""
    return {
        "text": result.text,
        "model": result.model,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "first_token_s": round(result.first_token_s, 3),
        "tokens_per_s": round(result.tokens_per_s, 1),
    }


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
    """``device, precision, memory_bytes, why``."""
    return {key: getattr(found, key) for key in ("device", "precision", "memory_bytes", "why")}


def in_memory(entry: Loaded) -> dict:
    """``name, device, precision, memory_bytes, load_s, in_use``."""
    keys = ("name", "device", "precision", "memory_bytes", "in_use")
    return {key: getattr(entry, key) for key in keys} | {"load_s": round(entry.load_s, 3)}


def _labels(labels: tuple[Label, ...]) -> list[dict]:
    return [{"label": label.label, "probability": round(float(label.probability), 6)} for label in labels]


def _text(box: TextBox) -> dict:
    return {"text": box.text, "confidence": round(box.confidence, 3)}
