"""The event loop that something works on: one at a time, and another when that one is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_IN_USE = (
    "this Auth is in use on another event loop, which is still running in another thread: "
    "await its methods there (asyncio.run_coroutine_threadsafe; in tests, client.portal.call), "
    "or make another Auth for this loop"
)


class OneLoop:
    """Notices when something is used on another event loop than before.

    Programs have several, one after the other: asyncio.run called twice, a loop for each
    test, a TestClient that is used without `with`. Connections and locks belong to a loop,
    so what was made on the last one has to be left behind.
    """

    def __init__(self, left: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        """Belong to no loop yet. `left`: called with a loop that is left for another one."""
        self._left = left
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self) -> None:
        """Belong to the running loop from now on.

        Raises:
            RuntimeError: the one before is running at this moment.
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
    """Have a loop that is not running call these when it runs again; nothing if it is closed."""
    for call in calls:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)


def is_over(task: asyncio.Task[None] | None) -> bool:
    """Tell whether nothing more comes of a task: it is done, or belongs to another loop."""
    return task is None or task.done() or task.get_loop() is not asyncio.get_running_loop()
