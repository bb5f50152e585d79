"""Which models are used, and why: for machines with and without a GPU, hubs that answer, are away or go away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmcore import Settings, catalog
from mmcore.device import Accelerator, Hardware, Room, plan
from mmcore.errors import InputError, ModelError, WeightsError
from mmcore.profile import REASONS, Profile
from mmcore.tasks.kit import Kit
from mmcore.types import Delta, Message, ModelSpec, Precision, Progress, Reachability, Usage, ignore

GB = 10**9
CPU_ONLY = Hardware(cores=4, total_bytes=16 * GB, free_bytes=12 * GB)
L4 = Accelerator("cuda", "L4", 24 * GB, 22 * GB, (8, 9))
T4 = Accelerator("cuda", "T4", 16 * GB, 14 * GB, (7, 5), bf16=False)
APPLE = Accelerator("mps", "Apple GPU", 16 * GB, 12 * GB)
ANSWERS, AWAY = Reachability(True, "hub_answers", 0.1), Reachability(False, "hub_unreachable", 3.0)


def settled(wish: str, gpu: Accelerator | None, hub: Reachability, kept: bool = False) -> Profile:
    def look(hardware: Hardware) -> Hardware:
        return Hardware(hardware.cores, hardware.total_bytes, hardware.free_bytes, gpu)

    profile = Profile(
        wish, CPU_ONLY, look=look, has_gpu=lambda: gpu is not None, ask_hub=lambda: hub, has_kept=lambda: kept
    )
    profile.settle(ignore)
    return profile


@pytest.mark.parametrize(
    ("wish", "gpu", "hub", "kept", "name", "why"),
    [
        ("embedded", L4, ANSWERS, False, "embedded", "asked_embedded"),
        ("fake", L4, ANSWERS, False, "fake", "asked_fake"),
        ("auto", None, ANSWERS, False, "embedded", "no_gpu"),
        ("auto", L4, ANSWERS, False, "hub", "hub_answers"),
        ("auto", L4, AWAY, False, "embedded", "hub_unreachable"),
        ("auto", L4, AWAY, True, "hub", "hub_away_but_kept"),
        ("gpu", None, ANSWERS, False, "embedded", "no_gpu"),
        ("cpu", None, ANSWERS, False, "hub", "hub_answers"),
        ("cpu", None, AWAY, False, "embedded", "hub_unreachable"),
    ],
)
def test_the_profile_is_chosen_with_its_reason(wish, gpu, hub, kept, name, why):
    profile = settled(wish, gpu, hub, kept)
    assert (profile.name, profile.choice.why) == (name, why)
    assert why in REASONS


def test_neither_gpu_nor_hub_is_asked_before_the_first_use():
    asked = []
    profile = Profile("auto", CPU_ONLY, has_gpu=lambda: asked.append("gpu"), ask_hub=lambda: asked.append("hub"))
    assert asked == [] and profile.choice.why == "not_settled" and not profile.is_settled
    profile.settle(ignore)
    assert asked == ["gpu"] and profile.is_settled


def test_a_hub_that_goes_away_makes_the_studio_fall_back_and_other_refusals_do_not():
    profile = settled("auto", L4, ANSWERS)
    assert profile.fall_back(ModelError("model_failed", name="x")) is False
    assert profile.name == "hub"
    assert profile.fall_back(WeightsError("hub_unreachable", name="x")) is True
    assert (profile.name, profile.choice.why) == ("embedded", "hub_went_away")


def test_all_who_waited_for_one_download_fall_back_when_the_hub_goes_away():
    profile = settled("auto", L4, ANSWERS)
    assert [profile.fall_back(WeightsError("hub_unreachable", name="x")) for _ in range(2)] == [True, True]
    never = settled("auto", L4, AWAY)
    assert never.fall_back(WeightsError("hub_unreachable", name="x")) is False


def test_a_gpu_is_used_even_when_the_first_visitor_stops_while_it_is_looked_for(studio):
    gpu = Hardware(4, 16 * GB, 12 * GB, L4)
    studio.profile = Profile("auto", CPU_ONLY, look=lambda hardware: gpu, has_gpu=lambda: True, ask_hub=lambda: ANSWERS)
    first = studio.settle()
    next(first)
    first.close()
    assert [*studio.settle()] == []
    assert studio.store.hardware.accelerator == L4 and studio.store.room.device_bytes > 0


def row(gigabytes: float) -> ModelSpec:
    sizes = {"bf16": 1.0, "fp16": 1.0, "int8": 0.55, "nf4": 0.35}
    rungs = tuple(Precision(name, int(gigabytes * share * GB)) for name, share in sizes.items())
    return ModelSpec("m", "M", "chat", "transformers_chat", "MIT", "hub", precisions=rungs, profile="hub")


@pytest.mark.parametrize(
    ("gpu", "gigabytes", "precision"),
    [
        (L4, 15, "bf16"),
        (L4, 30, "int8"),
        (L4, 50, "nf4"),
        (T4, 10, "fp16"),
        (T4, 20, "int8"),
        (APPLE, 6, "bf16"),
        (None, 6, "bf16"),
        (None, 12, "int8"),
    ],
)
def test_the_best_precision_that_fits_is_planned(gpu, gigabytes, precision):
    hardware = Hardware(4, 16 * GB, 12 * GB, gpu)
    chosen = plan(row(gigabytes), hardware, Settings(profile="fake"))
    assert chosen.precision == precision
    assert chosen.device == (gpu.kind if gpu else "cpu")
    assert chosen.why.startswith(precision) and "fits in" in chosen.why


def test_what_fits_at_no_precision_is_refused_with_the_sizes():
    with pytest.raises(ModelError, match=r"M needs 32\.6 GiB even at nf4; 18\.4 GiB can be had"):
        plan(row(100), Hardware(4, 16 * GB, 12 * GB, L4), Settings(profile="fake"))


def test_a_wished_precision_is_taken_or_refused_by_name():
    hardware, settings = Hardware(4, 16 * GB, 12 * GB, L4), Settings(profile="fake")
    assert plan(row(10), hardware, settings, wish="nf4").why.startswith("nf4 as asked")
    with pytest.raises(InputError, match="precision must be bf16 or fp16 or int8 or nf4, not q1"):
        plan(row(10), hardware, settings, wish="q1")


def test_a_budget_counts_instead_of_what_is_free():
    room = Room(device_bytes=4 * GB, ram_bytes=1 * GB)
    assert plan(row(10), Hardware(4, 16 * GB, 12 * GB, L4), Settings(profile="fake"), room).precision == "nf4"


def test_with_a_gpu_and_a_hub_the_best_model_that_fits_is_the_default(studio):
    kit = Kit(studio.settings, studio.store, settled("auto", L4, ANSWERS))
    studio.store.hardware = Hardware(4, 64 * GB, 60 * GB, L4)
    studio.store.room = Room(20 * GB, 40 * GB)
    best = kit.spec("chat")
    studio.store.room = Room(3 * GB, 40 * GB)
    smaller = kit.spec("chat")
    assert best.hub and smaller.hub
    assert best.hub_bytes > smaller.hub_bytes


def chat_choices(studio, gpu: Accelerator | None, room: Room) -> Kit:
    wish = "gpu" if gpu else "cpu"
    studio.store.hardware, studio.store.room = Hardware(4, 64 * GB, 60 * GB, gpu), room
    return Kit(studio.settings, studio.store, settled(wish, gpu, ANSWERS))


@pytest.mark.parametrize(
    ("gpu", "room", "backend", "name"),
    [
        (None, Room(0, 40 * GB), "llama", "qwen3-vl-2b-gguf"),
        (None, Room(0, 2 * GB), "llama", "smolvlm2-500m-gguf"),
        (None, Room(0, GB * 6 // 5), "llama", "smolvlm2-256m-gguf"),
        (L4, Room(20 * GB, 40 * GB), "transformers_chat", None),
        (L4, Room(GB // 10, 40 * GB), "llama", "qwen3-vl-2b-gguf"),
    ],
)
def test_the_default_chat_model_is_made_for_the_hardware(studio, gpu, room, backend, name):
    default = chat_choices(studio, gpu, room).spec("chat")
    assert default.backend == backend and name in (None, default.name)


def test_rows_for_other_hardware_come_last_and_the_embedded_ones_after_them(studio):
    room = Room(20 * GB, 40 * GB)
    on_gpu, on_cpu = ([row.name for row in chat_choices(studio, gpu, room).choices("chat")] for gpu in (L4, None))
    order = ["qwen3-vl-2b", "qwen3-vl-2b-gguf", "qwen2.5-0.5b"]
    assert [name for name in on_gpu if name in order] == order
    assert [name for name in on_cpu if name in order] == [order[1], order[0], order[2]]
    assert sorted(on_gpu) == sorted(on_cpu)


def test_without_a_hub_only_models_that_are_on_this_machine_are_offered(studio):
    kit = Kit(studio.settings, studio.store, settled("auto", L4, AWAY, kept=True))
    assert {row.profile for row in kit.choices("chat")} == {"embedded"}


def test_a_runtime_that_cannot_use_the_gpu_is_planned_on_the_cpu():
    row = replace(catalog.find("qwen3-vl-2b"), backend="faster_whisper", devices=("cuda", "cpu"))
    for gpu in (APPLE, replace(L4, without=frozenset({"faster_whisper"}))):
        found = plan(row, replace(CPU_ONLY, accelerator=gpu), Settings())
        assert (found.device, found.precision) == ("cpu", "bf16")
        assert found.is_gpu_unused and found.why.endswith("its runtime lacks libraries for the GPU")
    assert plan(row, replace(CPU_ONLY, accelerator=L4), Settings()).device == "cuda"


def test_a_precision_that_does_not_run_here_is_refused_by_name():
    row = catalog.find("qwen3-vl-2b")
    for gpu, wish in ((None, "fp16"), (T4, "bf16"), (APPLE, "nf4")):
        with pytest.raises(InputError, match=rf"not {wish}\."):
            plan(row, replace(CPU_ONLY, accelerator=gpu), Settings(), wish=wish)


def test_after_running_out_of_memory_only_smaller_precisions_are_planned():
    row, hardware = catalog.find("qwen3-vl-2b"), replace(CPU_ONLY, accelerator=L4)
    assert plan(row, hardware, Settings(), ran_out=("bf16",)).precision == "int8", "fp16 takes as much"
    found = plan(row, hardware, Settings(), ran_out=("bf16", "int8"))
    assert found.precision == "nf4" and found.why.endswith("bf16, int8 ran out of memory")
    assert found.ran_out == ("bf16", "int8")


# -- memory that runs out


class Full:
    """A chat model whose device has room for it at 4 bits only, and then for ``words`` words."""

    def __init__(self, precision: str, words: int):
        self._left = 10**6 if precision == "nf4" else words

    def stream(self, messages, sampling):
        for word in ("It ", "is ", "a ", "boat."):
            if self._left == 0:
                raise ModelError("out_of_memory", name="Qwen3-VL 2B")
            self._left -= 1
            yield Delta(word)
        yield Delta("", Usage(3, 4, 0.1, 9.0))

    def close(self):
        pass


def on_full_gpu(studio, words: int):
    """``studio`` with a GPU on which models of two precisions run out of memory."""
    studio.store.hardware, studio.store.room = replace(CPU_ONLY, accelerator=L4), Room(22 * GB, 9 * GB)
    studio.store._fetch = lambda row, cache, report: cache
    studio.store._open = lambda row, folder, plan: Full(plan.precision, words)
    return studio


def test_memory_that_runs_out_before_the_first_word_is_made_up_by_a_coarser_precision(studio):
    steps = list(on_full_gpu(studio, 0).stream_chat([Message("user", "What?")], model="qwen3-vl-2b"))
    assert steps[-1].text == "It is a boat."
    assert [step.subject for step in steps if isinstance(step, Progress) and step.stage == "shrink"] == [
        "Qwen3-VL 2B"
    ] * 2
    (loaded,) = studio.status().loaded
    assert (loaded.precision, loaded.ran_out) == ("nf4", ("bf16", "int8"))


def test_memory_that_runs_out_after_the_first_word_is_told_and_the_next_answer_is_coarser(studio):
    on_full_gpu(studio, 2)
    for _ in range(2):
        with pytest.raises(ModelError, match="ran out of memory"):
            studio.chat("What?", model="qwen3-vl-2b")
    assert studio.chat("What?", model="qwen3-vl-2b").text == "It is a boat."
    assert studio.status().loaded[0].precision == "nf4"


def test_a_precision_that_was_asked_for_is_refused_rather_than_changed(studio):
    with pytest.raises(ModelError, match="ran out of memory"):
        on_full_gpu(studio, 0).chat("What?", model="qwen3-vl-2b", precision="bf16")
