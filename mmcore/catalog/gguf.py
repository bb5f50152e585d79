"""Models of a hub that see on a CPU: GGUF builds for llama.cpp, each with its encoders (``mmproj``).

The repositories are those that llama.cpp's ``docs/multimodal.md`` names, and the makers' own; sizes are those of
their files. Like the other rows of a hub these were not run with their real weights. The first is the default.
"""

from __future__ import annotations

from ..memory import Shape
from ..types import HubSource, ModelSpec

MB = 10**6
CONTEXT = 8192  # tokens, as the backend holds them
SEEING_BYTES = 600 * MB  # buffers, a picture being encoded, and the conversations put aside meanwhile
#: Builds as the ends of file names, whatever their letter case.
ENDS = {
    "q4_k_m": "[qQ]4_[kK]_[mM].gguf",
    "q4_0": "[qQ]4_0.gguf",
    "q8_0": "[qQ]8_0.gguf",
    "f16": "[-_.][fF]16.gguf",
}


def _row(
    name: str,
    repo: str,
    build: str,
    encoders: str = "q8_0",
    *,
    files_mb: tuple[int, int],
    keys: tuple[int, int, int],
    **fields,
) -> ModelSpec:
    """A row: the ``build`` of its language model and that of its ``encoders``; ``files_mb`` are their sizes, ``keys``
    the layers, heads and width of a head whose keys and values are kept."""
    size_bytes = sum(files_mb) * MB
    fields = {"licence": "Apache-2.0", "modalities": ("text", "image", "video")} | fields
    return ModelSpec(
        name=name,
        task="chat",
        backend="llama",
        source=f"hub repository {repo}",
        hub=HubSource(repo, patterns=(f"[!m]*{ENDS[build]}", f"mmproj*{ENDS[encoders]}")),
        hub_bytes=size_bytes,
        memory_bytes=size_bytes + Shape(*keys).context_bytes(CONTEXT) + SEEING_BYTES,
        precision=build,
        profile="hub",
        tried=False,
        **fields,
    )


GGUF = (
    _row(
        "qwen3-vl-2b-gguf",
        "Qwen/Qwen3-VL-2B-Instruct-GGUF",
        "q4_k_m",
        files_mb=(1107, 445),
        keys=(28, 8, 128),
        title="Qwen3-VL 2B (GGUF)",
        languages=("en", "zh", "many"),
        can="sees pictures and video on a CPU, reads text in them, English and Chinese",
        cannot="hears nothing; a picture takes many seconds on few cores",
    ),
    _row(
        "smolvlm2-500m-gguf",
        "ggml-org/SmolVLM2-500M-Video-Instruct-GGUF",
        "q8_0",
        files_mb=(437, 109),
        keys=(32, 5, 64),
        title="SmolVLM2 500M (GGUF)",
        languages=("en",),
        can="sees pictures and video frames on a small CPU",
        cannot="hears nothing; English; short answers",
    ),
    _row(
        "smolvlm2-256m-gguf",
        "ggml-org/SmolVLM2-256M-Video-Instruct-GGUF",
        "q8_0",
        files_mb=(175, 104),
        keys=(30, 3, 64),
        title="SmolVLM2 256M (GGUF)",
        languages=("en",),
        can="the smallest that sees on a CPU",
        cannot="often wrong on detail; English",
    ),
    _row(
        "smolvlm2-2.2b-gguf",
        "ggml-org/SmolVLM2-2.2B-Instruct-GGUF",
        "q4_k_m",
        files_mb=(1113, 593),
        keys=(24, 32, 64),
        title="SmolVLM2 2.2B (GGUF)",
        languages=("en",),
        can="the same as SmolVLM2 500M, better",
        cannot="hears nothing; English; a picture takes a minute on few cores",
    ),
    _row(
        "lfm2.5-vl-1.6b-gguf",
        "LiquidAI/LFM2.5-VL-1.6B-GGUF",
        "q4_0",
        files_mb=(696, 583),
        keys=(6, 8, 64),
        title="LFM2.5-VL 1.6B (GGUF)",
        licence="LFM Open License",
        languages=("en", "zh", "many"),
        can="sees pictures, quick on a CPU, and needs little memory for a long conversation",
        cannot="hears nothing; its licence limits large companies",
    ),
    _row(
        "minicpm-v-4.6-gguf",
        "openbmb/MiniCPM-V-4.6-gguf",
        "q4_k_m",
        "f16",
        files_mb=(529, 1110),
        keys=(6, 2, 256),
        title="MiniCPM-V 4.6 1.3B (GGUF)",
        languages=("en", "zh"),
        can="sees pictures and video, reads small print, English and Chinese",
        cannot="hears nothing; its encoder is larger than its language model",
    ),
    _row(
        "qwen3-vl-4b-gguf",
        "Qwen/Qwen3-VL-4B-Instruct-GGUF",
        "q4_k_m",
        files_mb=(2497, 454),
        keys=(36, 8, 128),
        title="Qwen3-VL 4B (GGUF)",
        languages=("en", "zh", "many"),
        can="the same as 2B, better at documents and reasoning",
        cannot="hears nothing; half as fast as 2B",
    ),
    _row(
        "qwen3-vl-8b-gguf",
        "Qwen/Qwen3-VL-8B-Instruct-GGUF",
        "q4_k_m",
        files_mb=(5028, 752),
        keys=(36, 8, 128),
        title="Qwen3-VL 8B (GGUF)",
        languages=("en", "zh", "many"),
        can="the same as 4B, better still",
        cannot="hears nothing; slow without many cores",
    ),
    _row(
        "gemma-4-e2b-gguf",
        "ggml-org/gemma-4-E2B-it-GGUF",
        "q4_0",
        files_mb=(2841, 557),
        keys=(30, 1, 512),
        title="Gemma 4 E2B (GGUF)",
        languages=("en", "zh", "many"),
        modalities=("text", "image", "video", "audio"),
        can="sees and hears on a CPU, in many languages",
        cannot="sounds longer than 30 s at once",
    ),
    _row(
        "qwen2.5-omni-3b-gguf",
        "ggml-org/Qwen2.5-Omni-3B-GGUF",
        "q4_k_m",
        files_mb=(2105, 1538),
        keys=(36, 2, 128),
        title="Qwen2.5-Omni 3B (GGUF)",
        languages=("en", "zh", "many"),
        modalities=("text", "image", "video", "audio"),
        licence="Qwen Research",
        can="sees and hears on a CPU: a video with its sound, a spoken question",
        cannot="speaks only in writing here; its licence is for research",
    ),
)
