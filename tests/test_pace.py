"""Long work goes on in steps that take a given time, and lets others go first between them."""

from __future__ import annotations

import asyncio

import pytest

from authingo import clock
from authingo.pace import Pace, soon


class Clock:
    """The time, for as long as a test lasts; a step takes what the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.rests: list[float] = []
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.rests.append(seconds)

    def step(self, pace: Pace, *, per_row: float, once: float = 0.0) -> int:
        """Do one step; give the size of the next one."""
        self.now += once + pace.size * per_row
        asyncio.run(pace.rest())
        return pace.size


def test_steps_grow_to_the_time_they_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    time, pace = Clock(monkeypatch), Pace(5000, seconds=0.01)
    sizes = [time.step(pace, per_row=0.00001) for _ in range(8)]
    assert sizes[:2] == [100, 200]  # twice as many at most: one quick step proves little
    assert 990 <= sizes[-1] <= 1000


def test_steps_shrink_when_rows_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    time, pace = Clock(monkeypatch), Pace(5000, seconds=0.01)
    for _ in range(8):
        time.step(pace, per_row=0.00001)
    assert 99 <= time.step(pace, per_row=0.0001) <= 100


def test_a_slow_disk_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    time, pace = Clock(monkeypatch), Pace(5000, seconds=0.001)
    sizes = [time.step(pace, per_row=0.00001, once=0.1) for _ in range(10)]
    assert sizes[-1] == sizes[-2] == 10


def test_a_busy_server_does_not_stop_the_work_that_a_user_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ending 50,000 sessions took minutes where every answer of the database took 60 ms."""
    time, pace = Clock(monkeypatch), soon()
    began, left = time.now, 50_000
    while left > 0:
        left -= pace.size
        time.step(pace, per_row=0.00001, once=0.06)
    assert time.now - began + sum(time.rests) < 10
    assert [time.step(soon(most), per_row=1.0) for most in (7, 700)] == [7, 500]


def test_no_step_is_larger_than_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Clock(monkeypatch)
    for most in (1, 7, 70):
        pace = Pace(most)
        assert pace.size <= most
        for per_row in (0.0, 0.0, 1.0, 0.0):
            assert 1 <= time.step(pace, per_row=per_row) <= most


def test_others_go_first_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Clock(monkeypatch)
    for rest in (1.0, 0.1):
        pace = Pace(100, rest=rest)
        time.step(pace, per_row=0.0)
        time.step(pace, per_row=0.0, once=0.2)
    assert time.rests == [0.001, pytest.approx(0.2), 0.001, pytest.approx(0.02)]


def test_work_rests_only_beside_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steps grow while nobody else is there, and shrink at once when somebody comes."""
    time, alone = Clock(monkeypatch), [True] * 5 + [False] * 2 + [True]

    async def is_alone() -> bool:
        return alone.pop(0)

    pace = Pace(100, is_alone=is_alone, most_alone=400)
    sizes = [time.step(pace, per_row=0.00001) for _ in range(8)]
    assert sizes[:5] == [100, 200, 400, 400, 400]
    assert all(size <= 100 for size in sizes[5:7])
    assert sizes[7] > 150
    assert [rest > 0 for rest in time.rests] == [False] * 5 + [True] * 2 + [False]
