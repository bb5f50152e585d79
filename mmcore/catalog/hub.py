"""Models of a hub, from a laptop to a large GPU. Each is a native class of the pinned transformers, or a GGUF.

No hub can be reached from where this project is built: these rows were **not** run with their real weights
(``tried=False``); their loading code is run on tiny random checkpoints of the same classes. Sizes are
computed from the parameter counts of the model cards, and shapes from the published configurations where known.
"""

from __future__ import annotations

from ..memory import LADDER, Shape, precisions, typical
from ..types import HubSource, ModelSpec
from .whisper import WHISPER


def _row(
    name: str, repo: str, parameters: float, *, working: Shape | float, file_bytes_each: float = 2.0, **fields
) -> ModelSpec:
    """A row; ``parameters`` as the card counts them, ``file_bytes_each`` what one takes in its files, ``working``
    as ``memory.precisions``."""
    rungs = precisions(parameters, working, fields.pop("names", LADDER))
    return ModelSpec(
        name=name,
        source=f"hub repository {repo}",
        hub=HubSource(repo),
        hub_bytes=int(parameters * file_bytes_each),
        precisions=rungs,
        memory_bytes=rungs[0].memory_bytes,
        precision=rungs[0].name,
        profile="hub",
        tried=False,
        **fields,
    )


def _scorer(name: str, repo: str, parameters: float, **fields) -> ModelSpec:
    fields = {"file_bytes_each": 4.0, "names": ("fp16", "fp32")} | fields
    return _row(name, repo, parameters, working=0.5, task="image-text", backend="transformers_scorer", **fields)


def _chat(name: str, repo: str, parameters: float, working: Shape, **fields) -> ModelSpec:
    fields = {"modalities": ("text", "image", "video")} | fields
    return _row(name, repo, parameters, working=working, task="chat", backend="transformers_chat", **fields)


def _speech(name: str, repo: str, parameters: float, **fields) -> ModelSpec:
    fields = {"names": ("bf16", "fp16", "fp32")} | fields
    return _row(name, repo, parameters, working=0.6, task="speech", backend="transformers_speech", **fields)


IMAGE_TEXT = (
    _scorer(
        "siglip2-base",
        "google/siglip2-base-patch16-224",
        375e6,
        title="SigLIP 2 base",
        licence="Apache-2.0",
        languages=("many",),
        can="compares pictures with words of many languages; sigmoid scores, so that “none of these” can be seen",
        cannot="small print, counting",
    ),
    _scorer(
        "clip-vit-b32",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",  # OpenAI's own repository holds pickle files only
        151e6,
        title="CLIP ViT-B/32 (LAION)",
        licence="MIT",
        languages=("en",),
        can="compares pictures with English words: the architecture that began it",
        cannot="English only; small print, counting",
    ),
    _scorer(
        "siglip-base-multilingual",
        "google/siglip-base-patch16-256-multilingual",
        371e6,
        title="SigLIP base, multilingual",
        licence="Apache-2.0",
        languages=("many",),
        can="compares pictures with words of some hundred languages",
        cannot="small print, counting",
    ),
    _scorer(
        "siglip2-so400m",
        "google/siglip2-so400m-patch14-384",
        1.14e9,
        title="SigLIP 2 So400m",
        licence="Apache-2.0",
        languages=("many",),
        can="the same as SigLIP 2 base, more exact",
        cannot="three times the memory",
    ),
)

CHAT = (
    _chat(
        "qwen3-vl-2b",
        "Qwen/Qwen3-VL-2B-Instruct",
        2.13e9,
        Shape(28, 8, 128, 2048, 6144, 1024, 4096),
        title="Qwen3-VL 2B",
        licence="Apache-2.0",
        languages=("en", "zh", "many"),
        can="sees pictures and video, reads text in them, English and Chinese",
        cannot="hears nothing",
    ),
    _chat(
        "smolvlm2-2.2b",
        "HuggingFaceTB/SmolVLM2-2.2B-Instruct",
        2.2e9,
        Shape(24, 32, 64, 2048, 8192, 1152, 4304, picture_patches=17 * 729, frame_patches=729),
        file_bytes_each=4.0,
        title="SmolVLM2 2.2B",
        licence="Apache-2.0",
        languages=("en",),
        can="sees pictures and video frames itself",
        cannot="hears nothing; English",
    ),
    _chat(
        "smolvlm2-500m",
        "HuggingFaceTB/SmolVLM2-500M-Video-Instruct",
        507e6,
        Shape(32, 5, 64, 960, 2560, 768, 3072, picture_patches=17 * 1024, frame_patches=1024),
        file_bytes_each=4.0,
        title="SmolVLM2 500M",
        licence="Apache-2.0",
        languages=("en",),
        can="sees pictures and video frames on a small GPU",
        cannot="hears nothing; English; short answers",
    ),
    _chat(
        "smolvlm2-256m",
        "HuggingFaceTB/SmolVLM2-256M-Video-Instruct",
        256e6,
        Shape(30, 3, 64, 576, 1536, 768, 3072, picture_patches=17 * 1024, frame_patches=1024),
        file_bytes_each=4.0,
        title="SmolVLM2 256M",
        licence="Apache-2.0",
        languages=("en",),
        can="the smallest that sees",
        cannot="often wrong on detail; English",
    ),
    _chat(
        "qwen3-vl-4b",
        "Qwen/Qwen3-VL-4B-Instruct",
        4.44e9,
        Shape(36, 8, 128, 2560, 9728, 1024, 4096),
        title="Qwen3-VL 4B",
        licence="Apache-2.0",
        languages=("en", "zh", "many"),
        can="the same as 2B, better at documents and reasoning",
        cannot="hears nothing",
    ),
    _chat(
        "qwen3-vl-8b",
        "Qwen/Qwen3-VL-8B-Instruct",
        8.77e9,
        Shape(36, 8, 128, 4096, 12288, 1152, 4304),
        title="Qwen3-VL 8B",
        licence="Apache-2.0",
        languages=("en", "zh", "many"),
        can="the same as 4B, better still",
        cannot="hears nothing; a large GPU at 16 bits",
    ),
    _chat(
        "gemma-4-e2b",
        "google/gemma-4-E2B-it",
        5.1e9,
        typical(5.1e9),
        title="Gemma 4 E2B",
        licence="Apache-2.0",
        languages=("en", "zh", "many"),
        modalities=("text", "image", "video", "audio"),
        can="sees and hears, in many languages",
        cannot="sounds longer than 30 s at once",
    ),
    _chat(
        "lfm3-vl-2b",
        "LiquidAI/LFM3-VL-2B",
        2.0e9,
        typical(2.0e9),
        title="LFM3-VL 2B",
        licence="LFM Open License",
        languages=("en", "zh", "many"),
        modalities=("text", "image"),
        can="sees pictures, quick on small machines",
        cannot="video, sound; its licence limits large companies",
    ),
    _chat(
        "minicpm-v-4.7-1b",
        "openbmb/MiniCPM-V-4.7-1B",
        1.0e9,
        typical(1.0e9),
        title="MiniCPM-V 4.7 1B",
        licence="Apache-2.0",
        languages=("en", "zh"),
        can="sees pictures and video, English and Chinese",
        cannot="hears nothing",
    ),
    _chat(
        "qwen2.5-omni-7b",
        "Qwen/Qwen2.5-Omni-7B",
        8.9e9,
        Shape(28, 4, 128, 3584, 18944, 1280, 3420),
        title="Qwen2.5-Omni 7B",
        licence="Apache-2.0",
        languages=("en", "zh", "many"),
        modalities=("text", "image", "video", "audio"),
        can="sees and hears: a video with its sound, a spoken question",
        cannot="speaks only in writing here; a large GPU at 16 bits",
    ),
)

SPEECH = (
    _speech(
        "moonshine-base",
        "UsefulSensors/moonshine-base",
        61e6,
        file_bytes_each=4.0,
        title="Moonshine base",
        licence="MIT",
        languages=("en",),
        can="writes down English very quickly",
        cannot="English only; gives no times within a piece",
    ),
    _speech(
        "qwen3-asr-1.7b",
        "Qwen/Qwen3-ASR-1.7B-hf",
        2.0e9,
        title="Qwen3-ASR 1.7B",
        licence="Apache-2.0",
        languages=("en", "zh", "many"),
        can="writes down speech and song in many languages, Chinese dialects among them",
        cannot="gives no times within a piece; does not translate",
    ),
)

HUB = IMAGE_TEXT + CHAT + WHISPER + SPEECH
