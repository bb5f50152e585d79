"""Models without weights, for tests."""

from __future__ import annotations

from ..types import TASKS, ModelSpec


def _fake(task: str, **more) -> ModelSpec:
    return ModelSpec(
        name=f"fake-{task}",
        title=f"Fake {task}",
        task=task,
        backend="fake",
        licence="Apache-2.0",
        source="no weights: answers computed from the input by simple rules, for tests",
        memory_bytes=10**6,
        profile="fake",
        precision="none",
        can="shows the page at work without a model",
        cannot="understands nothing",
        **more,
    )


FAKE = tuple(_fake(task) for task in TASKS if task != "image-text")
