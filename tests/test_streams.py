"""Streams as the page shows them: not faster than they can be read, never without the last, and they end."""

from __future__ import annotations

import threading
import time

import pytest

from demo import streams
from demo.streams import paced, shown
from mmcore.errors import InputError
from mmcore.types import Caption, Progress, Segment


@pytest.fixture(autouse=True)
def pace(monkeypatch):
    monkeypatch.setattr(streams, "PACE_S", 0.2)


def numbers(count: int, pause_s: float = 0.0):
    for number in range(count):
        time.sleep(pause_s)
        yield number


def test_of_many_quick_steps_a_few_are_shown_in_order_and_the_last_always():
    seen = [*paced(numbers(100, 0.01))]
    assert seen[0] == 0 and seen[-1] == 99 and seen == sorted(seen)
    assert 3 <= len(seen) <= 100 * 0.01 * 3 / 0.2


def test_what_came_before_a_long_pause_is_shown_before_it_ends():
    wait = threading.Event()

    def steps():
        yield from range(5)
        wait.wait(10)
        yield 5

    stream = paced(steps())
    assert next(step for step in stream if step == 4) == 4
    wait.set()
    assert [*stream] == [5]


def test_the_last_step_does_not_wait(monkeypatch):
    monkeypatch.setattr(streams, "PACE_S", 30.0)
    started = time.monotonic()
    assert [*paced(numbers(2))][-1] == 1 and time.monotonic() - started < streams.PACE_S


def test_light_steps_are_not_held_back():
    assert [*paced(numbers(5, 0.02), lambda step: False)] == [0, 1, 2, 3, 4]


def test_a_failure_comes_out_after_what_was_found():
    def steps():
        yield 1
        raise InputError("no_file")

    stream = paced(steps())
    assert next(stream) == 1
    with pytest.raises(InputError, match="Add a file"):
        next(stream)


def test_closing_ends_the_stream_and_its_thread():
    ended = threading.Event()

    def steps():
        try:
            yield from numbers(1000, 0.01)
        finally:
            ended.set()

    before = set(threading.enumerate())
    stream = paced(steps())
    next(stream)
    stream.close()
    assert ended.is_set() and set(threading.enumerate()) == before


def test_a_caption_that_grows_quickly_is_drawn_a_few_times_and_shown_whole():
    def stream():
        yield Progress("listen", subject="a.mp3")
        segments: tuple[Segment, ...] = ()
        for n in range(50):
            segments += (Segment(n, n + 1, "speech", f"line {n}"),)
            yield Caption("en", 50.0, segments, "", (), 1.0, done=n == 49)

    pairs = [*shown(stream(), {}, "en")]
    drawn = [result for _, result in pairs if result is not None]
    assert len(drawn) <= 3 and drawn[-1].done and len(drawn[-1].segments) == 50
