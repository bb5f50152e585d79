"""Long steps: progress comes out, errors come out, a stop reaches the thread."""

from __future__ import annotations

import threading
import time

import pytest

from mmcore.errors import InputError, Stopped
from mmcore.tasks.steps import background, last
from mmcore.types import Progress


def run(work):
    """The progress seen and the result returned."""
    seen = []
    generator = background(work)
    try:
        while True:
            seen.append(next(generator))
    except StopIteration as end:
        return seen, end.value


def test_progress_and_the_result_come_out():
    def work(report):
        report(Progress("look", 1, 2))
        time.sleep(0.05)
        report(Progress("look", 2, 2))
        return "seen"

    assert run(work) == ([Progress("look", 1, 2), Progress("look", 2, 2)], "seen")


def test_a_slow_consumer_gets_the_newest_progress():
    ready = threading.Event()

    def work(report):
        for done in range(100):
            report(Progress("look", done))
        ready.set()

    generator = background(work)
    next(generator)
    ready.wait()
    assert [progress.done for progress in generator] in ([99.0], [99], [])


def test_an_error_of_the_step_comes_out():
    def work(report):
        raise InputError("no_file")

    with pytest.raises(InputError, match="Add a file first"):
        run(work)


def test_closing_stops_the_step_and_waits_for_its_thread():
    stopped = []

    def work(report):
        try:
            while True:
                report(Progress("look"))
                time.sleep(0.01)
        except Stopped:
            stopped.append(True)
            raise

    before = threading.active_count()
    generator = background(work)
    next(generator)
    generator.close()
    assert stopped == [True]
    assert threading.active_count() == before


def test_the_last_of_a_stream_is_its_result():
    assert last(iter([Progress("look"), "first", "final"])) == "final"
    assert last(iter([])) is None
