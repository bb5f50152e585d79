"""The environment and flags, read once into a frozen value."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from .errors import InputError

PROFILES = ("auto", "embedded", "cpu", "gpu", "fake")
GIB = 2**30


@dataclass(frozen=True)
class Limits:
    """What is refused before it is decoded."""

    file_bytes: int = 500 * 10**6
    pixels: int = 50 * 10**6
    clip_s: float = 2 * 3600.0
    labels: int = 1000
    label_chars: int = 200
    text_chars: int = 20_000
    files_per_message: int = 8


def default_cache_dir() -> Path:
    """The user's cache folder of this platform, plus our name."""
    from platformdirs import user_cache_path

    return user_cache_path("multimodal-studio")


def default_threads() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """How the studio runs. ``budget_bytes`` None means "from what is free when it starts"."""

    profile: str = "auto"
    cache_dir: Path = field(default_factory=default_cache_dir)
    models_file: Path | None = None
    threads: int = field(default_factory=default_threads)
    chat_threads: int = 0  # 0: as ``threads``; fewer when a page is served from the same cores
    chat_slots: int = 4  # visitors answered at once
    budget_bytes: int | None = None
    operator: bool | None = None  # may visitors add, load and unload; None: only where no one else can reach the page
    zero_gpu: bool = False  # a Space whose GPU is there only while a handler runs
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self):
        if self.profile not in PROFILES:
            raise InputError("bad_option", option="MM_PROFILE", allowed=" or ".join(PROFILES), value=self.profile)

    @classmethod
    def from_env(cls, env=os.environ, **overrides) -> Settings:
        """Settings from ``MM_*`` variables; keyword arguments that are not None win."""
        given = {
            "profile": env.get("MM_PROFILE"),
            "cache_dir": Path(env["MM_CACHE_DIR"]).expanduser() if env.get("MM_CACHE_DIR") else None,
            "models_file": Path(env.get("MM_MODELS_FILE") or "models.toml"),
            "threads": _number(env, "MM_THREADS", int),
            "chat_threads": _number(env, "MM_CHAT_THREADS", int),
            "chat_slots": _number(env, "MM_CHAT_SLOTS", int),
            "budget_bytes": _number(env, "MM_BUDGET_GIB", lambda text: int(float(text) * GIB)),
            "operator": _switch(env, "MM_OPERATOR"),
            "zero_gpu": _switch(env, "SPACES_ZERO_GPU"),
        }
        given.update({name: value for name, value in overrides.items() if value is not None})
        return cls(**{name: value for name, value in given.items() if value is not None})


def _switch(env, name) -> bool | None:
    """Whether ``env[name]`` says yes, or None when it is not set."""
    text = env.get(name, "").strip().lower()
    if not text:
        return None
    if text not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise InputError("bad_option", option=name, allowed="1 or 0", value=text)
    return text in ("1", "true", "yes", "on")


def _number(env, name, read):
    """``read(env[name])`` as a positive number, or None when it is not set."""
    text = env.get(name)
    if not text:
        return None
    try:
        value = read(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise InputError("bad_option", option=name, allowed="a positive number", value=text)
    return value
