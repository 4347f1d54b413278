"""Keep track of the event loop that an object works on: one at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

_IN_USE = (
    "this Auth is in use on another event loop, which is still running in another thread: "
    "await its methods there (asyncio.run_coroutine_threadsafe; in tests, client.portal.call), "
    "or make another Auth for this loop"
)


class OneLoop:
    """Notices when an object is used on a different event loop than before.

    A program may use several loops, one after the other: it calls asyncio.run twice, has a loop
    for each test, or uses a TestClient without `with`. Connections and locks belong to one
    loop, so those that were made on the previous loop must be given up.
    """

    def __init__(self, left: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        """Belong to no loop yet. `left` is called with the old loop when a new one is entered."""
        self._left = left
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self) -> None:
        """Belong to the running loop from now on.

        Raises:
            RuntimeError: the previous loop is running at this moment.
        """
        loop, before = asyncio.get_running_loop(), self._loop
        if loop is before:
            return
        if before is not None and before.is_running():
            raise RuntimeError(_IN_USE)
        self._loop = loop
        if before is not None:
            self._left(before)


def call_in(loop: asyncio.AbstractEventLoop, *calls: Callable[[], object]) -> None:
    """Let a stopped loop make these calls when it runs again; do nothing if it is closed."""
    for call in calls:
        with contextlib.suppress(RuntimeError):  # asked before, it could be closed meanwhile
            loop.call_soon_threadsafe(call)


def is_over(task: asyncio.Task[None] | None) -> bool:
    """Return whether a task will not go on: it is done, or belongs to another loop."""
    return task is None or task.done() or task.get_loop() is not asyncio.get_running_loop()
