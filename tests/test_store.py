"""The store's rules, one test each, on models that are only numbers."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import ClassVar

import pytest

from mmcore.device import Accelerator, Hardware, Room
from mmcore.errors import InputError, ModelError, RanOut, Stopped
from mmcore.settings import Settings
from mmcore.store import Store
from mmcore.tasks.steps import pinned
from mmcore.types import ModelSpec, Precision, Progress

MB = 10**6


def spec(name: str, megabytes: int = 10) -> ModelSpec:
    return ModelSpec(name, name, "chat", "fake", "MIT", "none", memory_bytes=megabytes * MB)


class Block:
    """A model that holds its bytes, so that what is really in memory can be counted."""

    alive: ClassVar[set[Block]] = set()

    def __init__(self, row: ModelSpec):
        self.name, self.memory_bytes = row.name, row.memory_bytes
        Block.alive.add(self)

    def close(self) -> None:
        Block.alive.remove(self)


class Opener:
    """Counts loads; can be slow, or fail on demand."""

    def __init__(self, seconds: float = 0.0):
        self.seconds, self.opened, self.failures = seconds, [], []

    def __call__(self, row, folder, plan):
        time.sleep(self.seconds)
        self.opened.append(row.name)
        if self.failures:
            raise self.failures.pop()
        return Block(row)


@pytest.fixture(autouse=True)
def nothing_alive(monkeypatch):
    """Policy is tested here: collecting the garbage of the whole test run at each eviction would take minutes."""
    monkeypatch.setattr("mmcore.store.give_back_memory", lambda: None)
    Block.alive.clear()


@pytest.fixture
def opener():
    return Opener()


@pytest.fixture
def make_store(tmp_path, opener):
    def make(budget_mb: int = 100, fetch=lambda row, cache, report: cache, patience_s: float = 0.3, gpu_mb=0) -> Store:
        settings = Settings(profile="fake", cache_dir=tmp_path)
        gpu = Accelerator("cuda", "A GPU", gpu_mb * MB, gpu_mb * MB) if gpu_mb else None
        hardware = Hardware(cores=2, total_bytes=10**9, free_bytes=10**9, accelerator=gpu)
        return Store(
            settings, hardware, Room(gpu_mb * MB, budget_mb * MB), open_model=opener, fetch=fetch, patience_s=patience_s
        )

    return make


def names(store: Store) -> list[str]:
    return [loaded.name for loaded in store.loaded()]


def test_nothing_loads_until_it_is_used(make_store, opener):
    store = make_store()
    assert opener.opened == []
    with store.use(spec("a")) as model:
        assert model.name == "a"
    assert opener.opened == ["a"]


def test_a_loaded_model_is_not_loaded_again(make_store, opener):
    store = make_store()
    for _ in range(3):
        with store.use(spec("a")):
            pass
    assert opener.opened == ["a"]


def test_many_callers_share_one_load(make_store, opener):
    opener.seconds = 0.2
    store = make_store()

    def use(_):
        with store.use(spec("a")) as model:
            return model

    with ThreadPoolExecutor(8) as pool:
        models = set(pool.map(use, range(8)))
    assert len(models) == 1
    assert opener.opened == ["a"]


def test_waiting_callers_see_the_progress_of_the_one_that_loads(make_store):
    def slow_fetch(row, cache, report):
        for done in range(5):
            report(Progress("download", done, 5, "B"))
            time.sleep(0.15)
        return cache

    store, seen = make_store(fetch=slow_fetch), []
    loader = threading.Thread(target=store.load, args=(spec("a"),))
    loader.start()
    time.sleep(0.1)
    store.load(spec("a"), seen.append)
    loader.join()
    assert any(progress.stage == "download" and progress.total == 5 for progress in seen)


def test_a_failed_load_leaves_no_trace_and_can_be_retried(make_store, opener):
    store = make_store()
    opener.failures = [ModelError("load_failed", name="a", reason="test")]
    with pytest.raises(ModelError), store.use(spec("a")):
        pass
    assert names(store) == []
    assert not Block.alive
    with store.use(spec("a")) as model:
        assert model.name == "a"


def test_everyone_who_waited_hears_of_the_failure(make_store, opener):
    opener.seconds = 0.3
    opener.failures = [ModelError("load_failed", name="a", reason="test")]
    store = make_store()

    def failed(_) -> bool:
        try:
            store.load(spec("a"))
        except ModelError:
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(failed, range(4)))
    assert opener.opened == ["a"]


def test_a_stopped_load_is_taken_over_by_the_next_who_waits(make_store, opener):
    started, stop = threading.Event(), threading.Event()

    def fetch(row, cache, report):
        started.set()
        while not stop.is_set() and len(fetches) == 0:
            time.sleep(0.01)
        fetches.append(row.name)
        report(Progress("download"))
        return cache

    fetches: list[str] = []
    store = make_store(fetch=fetch)

    def stopping(_):
        raise Stopped

    def first():
        with pytest.raises(Stopped):
            store.load(spec("a"), stopping)

    thread = threading.Thread(target=first)
    thread.start()
    started.wait()
    waiter = ThreadPoolExecutor(1).submit(store.load, spec("a"))
    time.sleep(0.05)
    stop.set()
    thread.join()
    waiter.result(timeout=5)
    assert names(store) == ["a"]
    assert len(fetches) == 2


def test_a_waiting_caller_can_stop_waiting(make_store, opener):
    opener.seconds = 0.6
    store = make_store()
    loader = threading.Thread(target=store.load, args=(spec("a"),))
    loader.start()
    time.sleep(0.05)

    def stopping(_):
        raise Stopped

    with pytest.raises(Stopped):
        store.load(spec("a"), stopping)
    assert loader.is_alive()
    loader.join()
    assert names(store) == ["a"]


def test_the_least_recently_used_model_is_evicted_first(make_store):
    store = make_store(budget_mb=30)
    for name in ("a", "b", "c", "a"):
        store.load(spec(name))
    store.load(spec("d"))
    assert names(store) == ["c", "a", "d"]


def test_a_model_in_use_is_never_evicted(make_store):
    store = make_store(budget_mb=20)
    with store.use(spec("a")):
        store.load(spec("b"))
        store.load(spec("c"))
        assert names(store) == ["a", "c"]


def test_nothing_is_evicted_when_that_would_not_make_enough_room(make_store):
    store = make_store(budget_mb=30)
    store.load(spec("idle"))
    with store.use(spec("busy", 20)):
        with pytest.raises(ModelError, match=r"0\.0 GiB of the 0\.0 GiB budget"):
            store.load(spec("large", 25))
        assert names(store) == ["idle", "busy"]


def test_a_caller_waits_until_a_model_in_use_makes_room(make_store):
    store = make_store(budget_mb=10, patience_s=5)
    with ThreadPoolExecutor(1) as pool:
        with store.use(spec("a")):
            waiting = pool.submit(store.load, spec("b"))
            time.sleep(0.1)
            assert not waiting.done()
        waiting.result(timeout=5)
    assert names(store) == ["b"]


def test_a_model_larger_than_the_budget_is_refused_before_it_is_fetched(make_store):
    fetched = []
    store = make_store(budget_mb=10, fetch=lambda row, cache, report: fetched.append(row))
    with pytest.raises(ModelError) as refusal:
        store.load(spec("huge", 5000))
    assert "huge needs 4.7 GiB" in str(refusal.value)
    assert "MM_BUDGET_GIB" in str(refusal.value)
    assert fetched == []


def test_a_model_brought_into_memory_is_used_before_another_takes_its_place(make_store, opener):
    opener.seconds = 0.2
    store = make_store(budget_mb=10, patience_s=5)

    def visit():
        with ExitStack() as pins:
            model = yield from pinned(pins, store, spec("a"))
            yield model.name, list(opener.opened)

    steps = visit()
    next(step for step in steps if isinstance(step, Progress) and step.stage == "load")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.load, spec("b"))
        assert [step for step in steps if not isinstance(step, Progress)] == [("a", ["a"])]
        waiting.result(timeout=5)
    assert names(store) == ["b"]


def test_a_load_that_is_stopped_leaves_no_pin(make_store, opener):
    opener.seconds = 0.2
    store = make_store()

    def visit():
        with ExitStack() as pins:
            yield (yield from pinned(pins, store, spec("a")))

    steps = visit()
    next(steps)
    steps.close()
    assert all(not loaded.in_use for loaded in store.loaded())


def test_a_pin_belongs_to_the_block_not_to_the_thread(make_store):
    store = make_store()

    def stream():
        with store.use(spec("a")):
            yield 1
            yield 2

    generator = stream()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        one.submit(next, generator).result()
        assert store.loaded()[0].in_use == 1
        other.submit(generator.close).result()
    assert store.loaded()[0].in_use == 0


def test_the_lock_is_not_held_while_a_model_loads(make_store, opener):
    opener.seconds = 0.5
    store = make_store()
    thread = threading.Thread(target=store.load, args=(spec("slow"),))
    thread.start()
    time.sleep(0.05)
    started = time.perf_counter()
    assert store.loaded() == ()
    assert time.perf_counter() - started < 0.3
    thread.join()


def test_closing_frees_idle_models_now_and_used_ones_when_let_go(make_store):
    store = make_store()
    store.load(spec("idle"))
    with store.use(spec("busy")):
        store.close()
        assert {block.name for block in Block.alive} == {"busy"}
    assert not Block.alive


def test_a_model_in_use_cannot_be_evicted_by_hand(make_store):
    store = make_store()
    with store.use(spec("a")):
        assert store.evict("a") is False
    assert store.evict("a") is True
    assert store.evict("a") is False


def gpu_spec(name: str, megabytes: int) -> ModelSpec:
    rungs = (Precision("bf16", megabytes * MB), Precision("nf4", megabytes * MB // 4))
    return ModelSpec(name, name, "chat", "fake", "MIT", "none", memory_bytes=megabytes * MB, precisions=rungs)


def test_gpu_and_main_memory_are_separate_budgets(make_store):
    store = make_store(budget_mb=10, gpu_mb=100)
    for row in (spec("on-cpu"), gpu_spec("on-gpu", 90)):
        store.load(row)
    assert [(loaded.name, loaded.device, loaded.precision) for loaded in store.loaded()] == [
        ("on-cpu", "cpu", ""),
        ("on-gpu", "cuda", "bf16"),
    ]
    store.load(gpu_spec("next", 50))
    assert names(store) == ["on-cpu", "next"]


def test_a_model_too_large_at_16_bits_is_loaded_at_4_and_says_why(make_store):
    store = make_store(gpu_mb=100)
    store.load(gpu_spec("large", 300))
    (loaded,) = store.loaded()
    assert (loaded.precision, loaded.memory_bytes) == ("nf4", 75 * MB)
    assert "nf4: 0.1 GiB fits" in loaded.why and "bf16 would need" in loaded.why


def test_two_precisions_of_one_model_live_side_by_side(make_store):
    store = make_store(gpu_mb=100)
    row = gpu_spec("a", 40)
    with store.use(row, precision="nf4") as small, store.use(row, precision="bf16") as large:
        assert small is not large
    assert store.evict("a") is True
    assert names(store) == []


def test_a_row_with_one_precision_is_loaded_once_whatever_precision_is_wished(make_store, opener):
    store = make_store()
    for wish in ("", "nf4", "anything"):
        store.load(spec("a"), precision=wish)
    assert opener.opened == ["a"] and store.is_ready(spec("a"), "nf4")


def test_automatic_and_the_same_precision_by_name_are_one_model(make_store, opener):
    store = make_store(gpu_mb=100)
    with store.use(gpu_spec("a", 40)) as chosen, store.use(gpu_spec("a", 40), precision="bf16") as named:
        assert chosen is named
    assert opener.opened == ["a"] and store.is_ready(gpu_spec("a", 40), "bf16")
    assert not store.is_ready(gpu_spec("a", 40), "nf4") and not store.is_ready(gpu_spec("a", 40), "int8")


def ran_out(name: str = "a", code: str = "out_of_memory") -> ModelError:
    return ModelError(code, name=name)


def test_a_model_that_runs_out_of_memory_as_it_loads_is_loaded_at_the_next_precision(make_store, opener):
    store, seen = make_store(gpu_mb=100), []
    opener.failures = [ran_out(code="no_memory_to_load")]
    store.load(gpu_spec("a", 40), seen.append)
    (loaded,) = store.loaded()
    assert (loaded.precision, loaded.ran_out, loaded.memory_bytes) == ("nf4", ("bf16",), 10 * MB)
    assert "bf16 ran out of memory" in loaded.why
    assert "shrink" in [progress.stage for progress in seen]


def test_all_who_waited_for_that_load_get_the_next_precision(make_store, opener):
    opener.seconds, opener.failures = 0.2, [ran_out(code="no_memory_to_load")]
    store = make_store(gpu_mb=100)

    def used(_) -> str:
        with store.use(gpu_spec("a", 40)):
            return store.loaded()[0].precision

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(used, range(4))) == {"nf4"}
    assert opener.opened == ["a", "a"]


def test_a_model_that_runs_out_of_memory_in_use_is_freed_and_planned_smaller(make_store):
    store, row = make_store(gpu_mb=100), gpu_spec("a", 40)
    with store.use(row) as other:
        with pytest.raises(RanOut), store.use(row):
            raise ran_out()
        assert other in Block.alive, "somebody else still uses it"
        assert store.plan(row).precision == "nf4"
    assert not Block.alive
    store.load(row)
    assert [loaded.precision for loaded in store.loaded()] == ["nf4"]
    with pytest.raises(ModelError) as refusal, store.use(row):
        raise ran_out()
    assert not isinstance(refusal.value, RanOut), "there is nothing coarser"
    store.evict("a")
    assert store.plan(row).precision == "bf16", "freed by hand, it may be tried again"


def test_a_precision_that_was_asked_for_is_not_changed(make_store, opener):
    store, row = make_store(gpu_mb=100), gpu_spec("a", 40)
    with pytest.raises(ModelError) as refusal, store.use(row, precision="bf16"):
        raise ran_out()
    assert not isinstance(refusal.value, RanOut) and store.plan(row).precision == "bf16"
    with pytest.raises(InputError, match="bf16 or nf4, not int3"):
        store.load(row, precision="int3")


def test_a_model_that_fails_to_close_holds_up_nobody(make_store, monkeypatch):
    store = make_store(budget_mb=30)
    for name in ("a", "b", "c"):
        store.load(spec(name))
    monkeypatch.setattr(Block, "close", lambda self: Block.alive.remove(self) if self.name != "a" else 1 / 0)
    store.load(spec("large", 30))
    assert names(store) == ["large"]


def test_a_refusal_counts_idle_models_among_what_can_be_freed(make_store):
    store = make_store(budget_mb=3000)
    store.load(spec("idle", 1000))
    with store.use(spec("busy", 2000)), pytest.raises(ModelError) as refusal:
        store.load(spec("large", 2500))
    assert refusal.value.values["free_gib"] == pytest.approx(1000 * MB / 2**30)


def test_random_use_from_threads_stays_within_budget_and_never_frees_what_is_used(make_store):
    store, budget_mb = make_store(budget_mb=50, patience_s=30), 50
    rows = [spec(f"m{n}", size) for n, size in enumerate((5, 10, 15, 20, 25, 30))]
    broken: list[str] = []

    def visitor(seed: int) -> None:
        choice = random.Random(seed)
        for _ in range(40):
            row = choice.choice(rows)
            with store.use(row) as model:
                time.sleep(choice.random() / 500)
                held = sum(block.memory_bytes for block in list(Block.alive))
                if model not in Block.alive or model.name != row.name:
                    broken.append(f"{row.name} was freed while used")
                if held > budget_mb * MB:
                    broken.append(f"{held} bytes in memory")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visitor, range(4)))
    assert broken == []
    assert all(loaded.in_use == 0 for loaded in store.loaded())
