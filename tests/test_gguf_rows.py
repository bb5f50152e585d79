"""The GGUF rows of the catalogue: which of their repositories' files they take, and what those need."""

from __future__ import annotations

import pytest

from mmcore import catalog
from mmcore.types import HubEntry
from mmcore.weights.hub.listing import select

#: Repository -> the language model's file that is wanted, its encoders' file, and others beside them.
LISTED = {
    "Qwen/Qwen3-VL-2B-Instruct-GGUF": ("Qwen3VL-2B-Instruct-Q4_K_M.gguf", "mmproj-Qwen3VL-2B-Instruct-Q8_0.gguf"),
    "Qwen/Qwen3-VL-4B-Instruct-GGUF": ("Qwen3VL-4B-Instruct-Q4_K_M.gguf", "mmproj-Qwen3VL-4B-Instruct-Q8_0.gguf"),
    "Qwen/Qwen3-VL-8B-Instruct-GGUF": ("Qwen3VL-8B-Instruct-Q4_K_M.gguf", "mmproj-Qwen3VL-8B-Instruct-Q8_0.gguf"),
    "ggml-org/SmolVLM2-256M-Video-Instruct-GGUF": (
        "SmolVLM2-256M-Video-Instruct-Q8_0.gguf",
        "mmproj-SmolVLM2-256M-Video-Instruct-Q8_0.gguf",
    ),
    "ggml-org/SmolVLM2-500M-Video-Instruct-GGUF": (
        "SmolVLM2-500M-Video-Instruct-Q8_0.gguf",
        "mmproj-SmolVLM2-500M-Video-Instruct-Q8_0.gguf",
    ),
    "ggml-org/SmolVLM2-2.2B-Instruct-GGUF": (
        "SmolVLM2-2.2B-Instruct-Q4_K_M.gguf",
        "mmproj-SmolVLM2-2.2B-Instruct-Q8_0.gguf",
    ),
    "LiquidAI/LFM2.5-VL-1.6B-GGUF": ("LFM2.5-VL-1.6B-Q4_0.gguf", "mmproj-LFM2.5-VL-1.6b-Q8_0.gguf"),
    "openbmb/MiniCPM-V-4.6-gguf": ("MiniCPM-V-4_6-Q4_K_M.gguf", "mmproj-model-f16.gguf"),
    "ggml-org/gemma-4-E2B-it-GGUF": ("gemma-4-E2B-it-Q4_0.gguf", "mmproj-gemma-4-E2B-it-Q8_0.gguf"),
    "ggml-org/Qwen2.5-Omni-3B-GGUF": ("Qwen2.5-Omni-3B-Q4_K_M.gguf", "mmproj-Qwen2.5-Omni-3B-Q8_0.gguf"),
}
BUILDS = ("Q2_K", "Q4_0", "Q4_K_M", "Q5_K_M", "Q8_0", "bf16", "F16")


def beside(name: str) -> set[str]:
    """The names of other builds of the same file."""
    build = next(build for build in ("Q4_K_M", "Q4_0", "Q8_0", "f16") if build in name)
    return {name.replace(build, other) for other in BUILDS if other.lower() != build.lower()}


@pytest.mark.parametrize("row", catalog.GGUF, ids=lambda row: row.name)
@pytest.mark.parametrize("spelled", [str, str.lower], ids=["as it is", "in small letters"])
def test_of_all_builds_one_is_taken_with_one_encoder(row, spelled):
    language, encoders = LISTED[row.hub.repo]
    if language[0] == "M":
        spelled = str  # its first letter tells it from the encoders
    wanted = {spelled(language), spelled(encoders)}
    others = {"README.md", "config.json", "mtp-tiny-Q4_0.gguf"} | beside(language) | beside(encoders)
    entries = [HubEntry(name, 1, "0" * 64) for name in (*wanted, *map(spelled, others))]
    assert {entry.path for entry in select(entries, row.hub.patterns)} == wanted


@pytest.mark.parametrize("row", catalog.GGUF, ids=lambda row: row.name)
def test_memory_counts_both_files_the_context_and_room_to_see(row):
    assert row.memory_bytes > row.download_bytes + 600e6
    assert (row.backend, row.profile, row.tried, row.precisions) == ("llama", "hub", False, ())
    assert "image" in row.modalities and row.can and row.cannot and row.licence
