"""Do long work on all users' data in steps, so that other requests do not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from authingo import clock

_FIRST = 50  # rows of the first step, when it is not known yet how long rows take
_LEAST = 10  # rows of a step at least, so that a slow disk does not stop the work
_MOST = 5000  # rows of one step at most, by default
_URGENT = 0.05  # seconds a step should take if a user waits for the work
_URGENT_LEAST = 500  # rows of such a step at least: a busy database answers late, however few
_SHORT = 0.1  # the rest after such a step, as a part of the time it took
_REST = 0.001  # seconds between two steps, at least
_ALONE = 0.5  # seconds a step should take while nobody else uses the database

IsAlone = Callable[[], Awaitable[bool]]  # whether nobody else uses the database now


class Pace:
    """How many rows to take in one step, so that a step takes a given time, and when to rest.

    Lowering the priority of the process (nice) does not help: it does not affect the database,
    and Linux ignores it between processes of different sessions (sched(7), autogroup). The
    scheduler interrupts a running process only at its next tick, some milliseconds later. A
    resting process lets others run at once. While nobody else uses the database, there is nobody to
    let run, and the work goes on without rest.
    """

    def __init__(
        self,
        most: int,
        *,
        least: int = _LEAST,
        seconds: float = 0.001,
        rest: float = 1.0,
        is_alone: IsAlone | None = None,
        most_alone: int | None = None,
    ) -> None:
        """Begin with a small step.

        Args:
            most: rows of one step at most, however quick they are.
            least: rows of one step at least, if `most` allows it, however slow they are. Only
                the first step may have fewer.
            seconds: how long a step should take. Other requests may have to wait as long.
            rest: how long to rest after a step, as a multiple of the time it took. It must not
                be 0: a process that waits for SQLite's one write lock only tries now and then.
            is_alone: asked after each step whether nobody else uses the database. As long as that
                is so, the work does not rest. Without it, it always rests.
            most_alone: rows of one step at most then; as many as `most` if it is None.
        """
        self.size = min(most, _FIRST)
        self.alone = False  # as it was found after the last step
        self._most = most
        self._least = min(least, most)
        self._seconds = seconds
        self._rest = rest
        self._is_alone = is_alone
        self._most_alone = most_alone or most
        self._began = clock.now()

    async def rest(self) -> None:
        """Let others run, and set the size of the next step by how long the last one took."""
        took = max(clock.now() - self._began, 1e-6)
        self.alone = self._is_alone is not None and await self._is_alone()
        seconds, most = (_ALONE, self._most_alone) if self.alone else (self._seconds, self._most)
        fits = min(int(self.size * seconds / took), 2 * self.size, most)
        self.size = max(fits, self._least)
        await asyncio.sleep(0 if self.alone else max(_REST, took * self._rest))
        self._began = clock.now()


def soon(most: int = _MOST) -> Pace:
    """Return the pace of work that a user waits for."""
    return Pace(most, least=_URGENT_LEAST, seconds=_URGENT, rest=_SHORT)


async def repeat(
    step: Callable[[int], Awaitable[int]], pace: Pace, done: Callable[[int], None] | None = None
) -> int:
    """Take steps until one finds fewer rows than it may take; return the total of rows.

    Args:
        step: processes at most this many rows and returns how many it found.
        pace: sets the number of rows.
        done: called with the number of rows of each step.
    """
    total = 0
    while True:
        size = pace.size
        count = await step(size)
        total += count
        if done is not None:
            done(count)
        if count < size:
            return total
        await pace.rest()
