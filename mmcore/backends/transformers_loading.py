"""A folder as the hub lays it out → a transformers model, at a plan's precision; and its memory given back.

Safetensors only, nothing fetched, no code of a repository run. What transformers would pass over in silence
(a shard cut short, weights that are not there and would be drawn at random) is refused in a sentence.

``from_pretrained`` sets torch's default type and the progress bars for the whole process, so that models are
loaded one after the other.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import CONFIG_MAPPING, AutoProcessor, BitsAndBytesConfig, PreTrainedModel, ProcessorMixin
from transformers.utils import logging as bars

from ..device import give_back_memory
from ..errors import ModelError, StudioError
from ..types import ModelSpec, Plan

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.msgpack", "*.h5")
HERE_ONLY = {"local_files_only": True, "trust_remote_code": False}
#: Layers that stay as they are when the others are quantized: what writes the answer; what ends in the joint
#: space; and what the library reads the type of the others from, or hands to a kernel that knows no 8 bits.
UNQUANTIZED = [
    "lm_head",
    "proj_out",
    "text_projection",
    "visual_projection",
    "patch_embedding",
    ".*multi_modal_projector",
    ".*vision_model.head",
]
_one_at_a_time = threading.Lock()


def working_dtype(plan: Plan) -> torch.dtype:
    """The type of what is not quantized: that of the plan, else bf16 where the device computes in it."""
    if plan.precision in DTYPES:
        return DTYPES[plan.precision]
    bf16 = plan.device != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if bf16 else torch.float16


def quantization(plan: Plan) -> BitsAndBytesConfig | None:
    """8 bits: LLM.int8 (Dettmers 2022). 4 bits: NormalFloat with quantized constants (QLoRA, Dettmers 2023)."""
    if plan.precision == "int8":
        logging.getLogger("bitsandbytes").setLevel("ERROR")  # it warns at every layer of every token
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=UNQUANTIZED)
    if plan.precision == "nf4":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=working_dtype(plan),
            llm_int8_skip_modules=UNQUANTIZED,
        )
    return None


def loading_options(spec: ModelSpec, plan: Plan) -> dict[str, object]:
    """The arguments of ``from_pretrained``. Raises ModelError when the precision is not one of ours."""
    if plan.precision not in (*DTYPES, "int8", "nf4"):
        raise ModelError("load_failed", name=spec.title, reason=f"no precision named {plan.precision}")
    options = {"dtype": working_dtype(plan), "device_map": plan.device, "use_safetensors": True, **HERE_ONLY}
    quantized = quantization(plan)
    return options if quantized is None else options | {"quantization_config": quantized}


def load(kind: type, spec: ModelSpec, folder: Path, plan: Plan) -> tuple[PreTrainedModel, ProcessorMixin]:
    """The model of ``folder`` for inference, through ``kind`` (an Auto class or a model class), and its processor.

    Raises ModelError when the weights are pickles, damaged, incomplete, of another kind of model or larger
    than the memory, or when the repository wants its own code to be run.
    """
    check_kind(kind, spec, folder)
    _check_weights(spec, folder)
    options = loading_options(spec, plan)
    with _told_in_a_sentence(spec, plan), _one_at_a_time, _without_progress_bars():
        processor = AutoProcessor.from_pretrained(folder, **HERE_ONLY)
        model, found = kind.from_pretrained(folder, output_loading_info=True, **options)
    missing = found["missing_keys"]
    if missing:
        del model
        free(plan.device)
        raise ModelError("load_failed", name=spec.title, reason=f"{len(missing)} of its tensors are missing")
    _spare_odd_shapes(model)
    return model.eval(), processor


def _spare_odd_shapes(model: torch.nn.Module) -> None:
    """Keep 4-bit layers from the packed CPU kernel where their shape is not a whole number of its blocks.

    bitsandbytes 0.50 chooses it by the processor alone and then fails on, say, the 4,304 wide layers of
    Qwen3-VL's sight.
    """
    for layer in model.modules():
        fits = getattr(layer, "support_avx512bf16_for_cpu", False)
        if fits and (layer.in_features % 64 or layer.out_features % 32):
            layer.support_avx512bf16_for_cpu = False


def free(device: str) -> None:
    """Give memory that nothing refers to back to the device and to the system."""
    give_back_memory()
    if device == "cuda" and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no room. (On the CPU and on MPS torch only says so in words.)"""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with ``count`` threads of the CPU in this thread, and as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Bars belong to the page, not to the console."""
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


# -- refusals


def model_type(spec: ModelSpec, folder: Path) -> str:
    """The kind of model that ``config.json`` names."""
    return str(_config(spec, folder).get("model_type", ""))


def _config(spec: ModelSpec, folder: Path) -> dict:
    try:
        return dict(json.loads((folder / "config.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError("damaged_file", name=spec.title, file="config.json") from error


def check_kind(kind: type, spec: ModelSpec, folder: Path) -> None:
    """Refuse, by ``config.json`` alone, a class that the library does not have, or has for another task."""
    named = model_type(spec, folder)
    if named not in CONFIG_MAPPING:
        own_code = "auto_map" in _config(spec, folder)
        raise ModelError("remote_code" if own_code else "unknown_class", name=spec.title, kind=named)
    known = getattr(kind, "_model_mapping", None)  # of an Auto class
    if known is not None and CONFIG_MAPPING[named] not in known:
        raise ModelError("other_task", name=spec.title, kind=named)


def _check_weights(spec: ModelSpec, folder: Path) -> None:
    """Refuse pickles, shards that are missing and shards that are cut short, by name."""
    shards = sorted(folder.glob("*.safetensors"))
    if not shards:
        pickled = any(next(folder.glob(pattern), None) for pattern in PICKLES)
        raise ModelError("pickle_only" if pickled else "no_such_weights", name=spec.title, kind="safetensors")
    index = folder / "model.safetensors.index.json"
    wanted = set(json.loads(index.read_text("utf-8"))["weight_map"].values()) if index.exists() else set()
    for name in sorted(wanted - {shard.name for shard in shards}):
        raise ModelError("damaged_file", name=spec.title, file=name)
    for shard in shards:
        try:
            with safe_open(shard, "pt"):
                pass
        except SafetensorError as error:
            raise ModelError("damaged_file", name=spec.title, file=shard.name) from error


@contextlib.contextmanager
def _told_in_a_sentence(spec: ModelSpec, plan: Plan) -> Iterator[None]:
    """Turn what a library raises while loading into a ModelError."""
    try:
        yield
    except StudioError:
        raise
    except Exception as error:
        code, reason = _reason(error)
    else:
        return
    free(plan.device)  # after the traceback, which held the half of a model
    raise ModelError(code, name=spec.title, reason=reason)


def _reason(error: Exception) -> tuple[str, str]:
    if is_out_of_memory(error):
        return "no_memory_to_load", ""
    if "trust_remote_code" in str(error):
        return "remote_code", type(error).__name__
    if isinstance(error, ImportError):
        return "load_failed", f"the package {error.name or 'it needs'} is not installed"
    return "load_failed", type(error).__name__
