"""Look sessions up. Every request does so whose session is not in memory.

Lookups have a connection of their own, so that none is taken from the pool and given back.
Lookups that arrive while a statement is running are sent together in the next one. So the
busier the server is, the fewer statements a lookup takes. Lookups are answered in the order
in which they arrived, so that none waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import asyncpg

from authingo.errors import StoreUnavailable
from authingo.stores.postgres.failures import translated
from authingo.stores.rows import MAY_SIGN_IN, SESSION, USER

_MOST = 200  # lookups in one statement
IDLE = 300.0  # seconds; a firewall or the like may drop a connection that is unused for longer

# What asyncpg raises if the other side ended the connection: before the statement, during it, or
# in the middle of the answer, which asyncpg does not expect.
_DIED = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
# The first statement finds current tokens. The second finds previous ones, and is sent only for
# those that the first did not find.
BY_TOKEN = tuple(
    f"SELECT {USER}, {SESSION}, now() - coalesce(s.authenticated_at, s.created_at),"
    f" {deadline} - now(), {current}, s.{column}"
    " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
    f" WHERE s.{column} = ANY($1::bytea[]) AND {MAY_SIGN_IN}"
    for column, deadline, current in (
        ("token_digest", "s.expires_at", True),
        (
            "previous_token_digest",
            # One that a reauthentication replaced is over, even if the clock was set back.
            "CASE WHEN s.previous_token_ended THEN 'epoch'"
            " ELSE least(s.grace_expires_at, s.expires_at) END",
            False,
        ),
    )
)


class _Asked(NamedTuple):
    """A lookup that waits for its answer. Its deadline is by the event loop's clock."""

    digest: bytes
    found: asyncio.Future[Any]
    deadline: float


class Lookups:
    """Finds rows by a digest. The last column of a row is the digest that it was found by.

    If there are several statements, each is sent only for digests that the earlier ones did not
    find.
    """

    def __init__(
        self,
        statements: tuple[str, ...],
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        timeout: float,
    ) -> None:
        self._statements = statements
        self._connect = connect
        self._timeout = timeout
        self._connection: asyncpg.Connection | None = None
        self._used_at = 0.0  # by the event loop's clock
        self._waiting: list[_Asked] = []
        self._running: asyncio.Task[None] | None = None

    async def find(self, digest: bytes) -> Any:
        """Return the row, or None.

        Raises:
            StoreUnavailable: within the timeout, which begins with this call.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(digest, loop.create_future(), loop.time() + self._timeout)
        self._waiting.append(asked)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await asked.found

    async def close(self) -> None:
        """Close the connection. Lookups that still wait raise StoreUnavailable."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None  # a task that is cancelled before its first step does not do it
        self._refuse(self._waiting, StoreUnavailable())
        self._waiting = []
        self._drop()

    def abandon(self) -> None:
        """Close the connection without waiting. No lookup may come after this."""
        if self._running is not None:
            self._running.cancel()
        self._drop()

    async def _run(self) -> None:
        asked: list[_Asked] = []
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                by_digest = await self._answer({one.digest for one in asked}, asked[0].deadline)
                for one in asked:
                    if not one.found.done():
                        one.found.set_result(by_digest.get(one.digest))
        except BaseException as error:
            # Lookups that came meanwhile have waited too, so they fail as well.
            refused = error if isinstance(error, StoreUnavailable) else StoreUnavailable()
            self._refuse([*asked, *self._waiting], refused)
            self._waiting = []
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._running = None

    @staticmethod
    def _refuse(asked: list[_Asked], refused: StoreUnavailable) -> None:
        for one in asked:
            if not one.found.done():
                one.found.set_exception(refused)

    async def _answer(self, digests: set[bytes], deadline: float) -> dict[bytes, Any]:
        """Ask the database; once more if the connection has died since it was last used.

        `deadline` is that of the lookup that has waited longest, by the event loop's clock.
        """
        now = asyncio.get_running_loop().time()
        rested, self._used_at = now - self._used_at, now
        if rested > IDLE:
            self._drop()
        async with translated(), asyncio.timeout_at(deadline):
            if self._connection is not None:
                try:
                    return await self._ask(self._connection, digests)
                except _DIED:
                    self._drop()
                except BaseException:
                    self._drop()
                    raise
            self._connection = await self._connect()
            try:
                return await self._ask(self._connection, digests)
            except BaseException:
                self._drop()
                raise

    async def _ask(self, connection: asyncpg.Connection, digests: set[bytes]) -> dict[bytes, Any]:
        found: dict[bytes, Any] = {}
        for statement in self._statements:
            if missing := digests - found.keys():
                rows = await connection.fetch(statement, list(missing))
                found.update((row[-1], row) for row in rows)
        return found

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
