"""How much memory a model takes, before it is loaded: weights, the keys and values of its context, working space.

Counted for the largest input that the studio gives (``Workload``). The working space is what is alive at once
in one block of a transformer (Vaswani 2017, gated as in Shazeer 2020) while a prompt is read; sight comes before
language, so that the larger of the two counts. ``tests/test_memory.py`` compares it with what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from .types import Precision

GB = 10**9
LADDER = ("bf16", "fp16", "int8", "nf4")  # of precisions, best first
#: Bytes per parameter. int8 and nf4 keep embeddings and norms at 16 bits, which adds about a tenth.
BYTES_PER_PARAMETER = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "int8": 1.15, "nf4": 0.7}
HALF = 2  # bytes of a number that is computed with at 16 bits; what is quantized is computed so too
PATCH_BYTES = 16 * 16 * 3 * 2 * 10  # its pixels in two frames: as 32 bits, normalized, at 16 bits
KERNEL_BYTES = 200 * 10**6  # what libraries keep for themselves


@dataclass(frozen=True)
class Workload:
    """The largest input that memory is planned for."""

    pictures: int = 4  # of 1,024 pixels
    frames: int = 12  # of a video, 512 pixels each
    context_tokens: int = 8192  # question, media and answer together


WORKLOAD = Workload()


@dataclass(frozen=True)
class Shape:
    """The sizes of a vision-language model that decide its working memory; the defaults are those of a 2B model."""

    layers: int = 28
    kv_heads: int = 8
    head_width: int = 128
    width: int = 2048
    inner: int = 6144  # width inside a block's feed-forward part
    sight_width: int = 1024
    sight_inner: int = 4096
    picture_patches: int = 4096  # of a picture of 1,024 pixels
    frame_patches: int = 512  # of a frame; two frames share theirs

    def context_bytes(self, tokens: int) -> int:
        """Keys and values."""
        return 2 * self.layers * self.kv_heads * self.head_width * HALF * tokens

    def reading_bytes(self, tokens: int) -> int:
        """One block at work on a prompt, and the mask of who may look at whom."""
        return HALF * tokens * (4 * self.width + 4 * self.inner) + HALF * tokens**2

    def seeing_bytes(self, workload: Workload) -> int:
        """One block of sight at work on all pictures, or all frames, and their pixels."""
        patches = max(workload.pictures * self.picture_patches, workload.frames * self.frame_patches)
        return patches * (HALF * (4 * self.sight_width + 2 * self.sight_inner) + PATCH_BYTES)


def working_bytes(shape: Shape, precision: str, workload: Workload = WORKLOAD) -> int:
    """All but the weights."""
    tokens = workload.context_tokens
    unpacked = HALF * shape.width * shape.inner if precision in ("int8", "nf4") else 0  # the layer at work
    computing = max(shape.reading_bytes(tokens), shape.seeing_bytes(workload)) * (2 if precision == "fp32" else 1)
    return shape.context_bytes(tokens) + computing + unpacked + KERNEL_BYTES


def precisions(
    parameters: float, working: Shape | float, names: tuple[str, ...] = LADDER, workload: Workload = WORKLOAD
) -> tuple[Precision, ...]:
    """What a model takes at each precision; ``working`` is its shape, or the GB of its working space."""

    def besides(name: str) -> int:
        return working_bytes(working, name, workload) if isinstance(working, Shape) else int(working * GB)

    return tuple(Precision(name, int(parameters * BYTES_PER_PARAMETER[name]) + besides(name)) for name in names)


def typical(parameters: float) -> Shape:
    """The shape of a language model of that many parameters, sight included, when nothing more is known."""
    layers = 24 if parameters < 1e9 else 28 if parameters < 3e9 else 36
    width = 64 * max(1, round((parameters / layers / 13) ** 0.5 / 64))
    return Shape(layers=layers, width=width, inner=3 * width)
