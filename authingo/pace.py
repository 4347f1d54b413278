"""Long work on everybody's data, done so that nobody who is served meanwhile waits for it."""

from __future__ import annotations

import asyncio

from authingo import clock

_FIRST = 50  # rows of the first step, before it is known how long they take
_LEAST = 10  # rows, however long they take: a slow disk must not stop the work
_REST = 0.001  # seconds between two steps, at least


class Pace:
    """How many rows to take in one step, so that it takes a given time, with rests between.

    Niceness does not do it: it does not reach the database, and between two processes of
    different sessions Linux ignores it (sched(7), autogroup). What runs is interrupted at
    a tick of the scheduler, some milliseconds later; what rests lets others go at once.
    """

    def __init__(self, most: int, *, seconds: float = 0.001, rest: float = 1.0) -> None:
        """Begin with a small step.

        Args:
            most: rows of one step, however quick they are.
            seconds: that a step should take; others may have to wait as long.
            rest: of the time a step took, for others to work in. Some there must be: who
                waits for SQLite's one writer only looks now and then.
        """
        self.size = min(most, _FIRST)
        self._most = most
        self._seconds = seconds
        self._rest = rest
        self._began = clock.now()

    async def rest(self) -> None:
        """Let others go first, and set the size of the next step by how long this one took."""
        took = max(clock.now() - self._began, 1e-6)
        fits = min(int(self.size * self._seconds / took), 2 * self.size, self._most)
        self.size = max(fits, min(_LEAST, self._most))
        await asyncio.sleep(max(_REST, took * self._rest))
        self._began = clock.now()
