"""llama.cpp's server inside this process, as we want it. It also opens a port on loopback, which we do not use and
lock with a random key.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from ..types import ModelSpec, Plan

BATCH_TOKENS = 128  # of a prompt at a time: how soon a stop is heard while the prompt is read
DEFAULT_CONTEXT = 8192  # tokens, shared by the conversations at hand
#: Projectors of sight whose pictures are read whole, each token seeing all others, and the batch that this takes.
WHOLE_PICTURES, WHOLE_TOKENS = ("gemma3", "gemma4v", "gemma4uv", "deepseek4v"), 512
#: Tokens of a picture at most, for projectors that would spend a minute of a CPU on one. SmolVLM's cuts it into tiles:
#: 600 tokens keep the shape of most pictures at some six tiles.
PICTURE_TOKENS = {"idefics3": 600} | dict.fromkeys(
    ("qwen2vl_merger", "qwen2.5vl_merger", "qwen2.5o", "qwen3vl_merger"), 512
)
#: Where the conversations that wait are put by a model that sees: no picture is read into room that they hold.
ASIDE_MIB = 256


def start(spec: ModelSpec, language: Path, encoders: Path | None, sight: str, plan: Plan):
    """An ``xllamacpp.Server`` with the model loaded. Raises RuntimeError when it cannot be."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(language)
    params.n_ctx = int(spec.options.get("context", DEFAULT_CONTEXT))
    params.n_parallel, params.kv_unified = plan.slots, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = plan.threads
    params.n_batch = params.n_ubatch = WHOLE_TOKENS if sight in WHOLE_PICTURES else BATCH_TOKENS
    params.n_gpu_layers = 0
    params.cache_ram_mib = ASIDE_MIB if encoders else 0  # else prefixes stay in their slots; no copies beside them
    params.enable_reasoning = 0  # thoughts are not shown, and a short answer would be nothing else
    params.warmup, params.ui, params.verbosity = False, False, 0
    params.endpoint_metrics = True  # for ``running``
    params.api_keys = [secrets.token_urlsafe()]
    if encoders:
        params.mmproj.path, params.mmproj_use_gpu = str(encoders), False
        params.mtmd_batch_max_tokens = 1  # one picture after the other, so that a stop is heard between two
        params.image_max_tokens = int(spec.options.get("picture_tokens", PICTURE_TOKENS.get(sight, -1)))
    server = xllamacpp.Server(params)
    server.handle_metrics()  # answered once its loop runs; a server that is let go before that waits for ever
    return server
