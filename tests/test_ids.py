"""Ids sort by the moment in which they were drawn, also within a millisecond."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from authingo.events import happened
from authingo.ids import is_id, new_id


def test_ids_of_one_process_ascend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every kind together, and by random steps: nobody guesses the next one."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_123_456_789)
    drawn = [new_id("usr_") for _ in range(1000)]
    assert drawn == sorted(set(drawn))
    assert all(is_id(one, "usr_") for one in drawn)
    numbers = [int(one.removeprefix("usr_"), 32) for one in drawn]
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    assert len(set(steps)) == len(steps)
    assert sum(steps) / len(steps) > 2**62
    assert {number >> 80 for number in numbers} == {1_800_000_000_123}


def test_each_millisecond_begins_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(1_800_000_000_000, 1_800_000_000_100))
    monkeypatch.setattr(time, "time_ns", lambda: next(moments) * 1_000_000)
    numbers = [int(new_id("usr_").removeprefix("usr_"), 32) for _ in range(100)]
    assert [number >> 80 for number in numbers] == list(range(1_800_000_000_000, 1_800_000_000_100))
    assert len({number & (1 << 80) - 1 for number in numbers}) == 100


def test_a_clock_that_is_put_back_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else ids would say for an hour that they are of the future."""
    for moment in (1_800_000_000_000, 1_700_000_000_000):
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment * 1_000_000)
        assert int(new_id("usr_").removeprefix("usr_"), 32) >> 80 == moment


def test_threads_never_draw_the_same_id() -> None:
    drawn: list[list[str]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda own=own: own.extend(new_id("evt_") for _ in range(5000)))
        for own in drawn
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(own == sorted(own) for own in drawn)
    assert len({one for own in drawn for one in own}) == 20_000


def test_events_are_listed_in_the_order_in_which_they_happened() -> None:
    ids = [happened("sign_in").id for _ in range(1000)]
    assert ids == sorted(ids)
