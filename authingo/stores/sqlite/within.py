"""Hooks in SQLite: they run on the event loop, and their statements in the store's thread.

The thread has the transaction. While a hook runs, the thread waits for its statements, and nothing
else is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from authingo.errors import StoreUnavailable
from authingo.models import User
from authingo.stores.sqlite.failures import said
from authingo.stores.within import HookFailed, Statements, Within, WithinEvent

T = TypeVar("T")
_Request = Callable[[sqlite3.Connection], None]


class HookRunner:
    """Runs the hooks of one call of a verb. It is made on the event loop, and called in the thread.

    Args:
        within: the hooks.
        timeout: seconds from now until they have to be done, together with all else.
    """

    def __init__(self, within: Within, timeout: float) -> None:
        self._within = within
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._deadline = time.monotonic() + timeout

    def __call__(self, event: WithinEvent, user: User, connection: sqlite3.Connection) -> None:
        """Run the hooks of an event, and wait for them.

        Raises:
            HookFailed: a hook raised an error.
            StoreUnavailable: they took too long.
        """
        if self._within.has(event):
            self.run(
                lambda statements: self._within.run(event, user, statements),
                connection,
                f"a hook for {event}",
            )

    def run(
        self,
        work: Callable[[Statements], Awaitable[T]],
        connection: sqlite3.Connection,
        what: str,
    ) -> T:
        """Do work on the event loop, and its statements here. `what`: its name, for errors."""
        requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()

        async def working() -> T:
            try:
                return await work(_HookStatements(requests))
            finally:
                requests.put(None)

        running = self._context.run(asyncio.run_coroutine_threadsafe, working(), self._loop)
        try:
            while (request := requests.get(timeout=self._left())) is not None:
                request(connection)
            return running.result(timeout=self._left())
        except CancelledError:
            raise HookFailed(RuntimeError(f"{what} was cancelled")) from None
        except (queue.Empty, TimeoutError):
            running.cancel()
            raise StoreUnavailable(f"{what} took longer than store.timeout") from None

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())


class _HookStatements:
    """See authingo.stores.within.Statements."""

    def __init__(self, requests: queue.SimpleQueue[_Request | None]) -> None:
        self._requests = requests

    async def execute(self, statement: str, parameters: Sequence[object]) -> int:
        """See Statements."""
        changed = await self._run(statement, parameters, lambda cursor: cursor.rowcount)
        return max(0, int(changed))

    async def fetch(self, statement: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
        """See Statements."""
        found: list[dict[str, Any]] = await self._run(
            statement, parameters, lambda cursor: [dict(row) for row in cursor.fetchall()]
        )
        return found

    async def _run(
        self,
        statement: str,
        parameters: Sequence[object],
        read: Callable[[sqlite3.Cursor], Any],
    ) -> Any:
        answer: Future[Any] = Future()
        # SQLite takes $1 for a parameter with the name 1.
        values = {str(number): value for number, value in enumerate(parameters, 1)}

        def request(connection: sqlite3.Connection) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            with contextlib.closing(connection.cursor()) as cursor:
                try:
                    answer.set_result(read(cursor.execute(statement, values)))
                except Exception as error:  # noqa: BLE001 - the hook gets it
                    answer.set_exception(error)

        self._requests.put(request)
        try:
            return await asyncio.wrap_future(answer)
        except sqlite3.OperationalError as error:
            # The lowest byte is the code that has no details. This one is for wrong statements.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_ERROR:
                raise
            raise StoreUnavailable(f"SQLite: {said(error)}") from None
