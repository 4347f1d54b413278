"""Look sessions up. Every request does so whose session is not in memory.

Lookups have a connection of their own, so that none is taken from the pool and given back. They are
sent together; see `Together`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from authingo.stores.postgres.failures import translated
from authingo.stores.postgres.together import Together
from authingo.stores.rows import MAY_SIGN_IN, SESSION, USER

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
# What is read behind the user and the session: how long ago the user proved who they are, how much
# longer the current and the previous token are accepted, how long the answer may be remembered, and
# the digests of the two. The last column is what the row was found by.
OF_TOKEN = (
    "now() - coalesce(s.authenticated_at, s.created_at)",
    "s.expires_at - now()",
    # A token that a reauthentication replaced is over, even if the clock was set back.
    "CASE WHEN s.previous_token_ended THEN 'epoch'"
    " ELSE least(s.grace_expires_at, s.expires_at) END - now()",
    "s.remembered_for",
    "coalesce(s.secret_digest, s.legacy_digest)",
    "s.previous_secret_digest",
    "s.{column}",
)
# The statement that finds sessions by their ids, and the one that finds them by the digests of
# tokens of the form that earlier versions gave out.
BY_TOKEN: dict[type, str] = {
    kind: f"SELECT {USER}, {SESSION}, {', '.join(OF_TOKEN).format(column=column)}"
    " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
    f" WHERE s.{column} = ANY($1::{sql_type}[]) AND {MAY_SIGN_IN}"
    for kind, column, sql_type in ((str, "id", "text"), (bytes, "legacy_digest", "bytea"))
}

Key = str | bytes


class Lookups:
    """Finds rows by a key. The last column of a row is the key that it was found by.

    For each type of key there is a statement, which is sent only if such a key is looked up.
    """

    def __init__(
        self,
        statements: dict[type, str],
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        timeout: float,
    ) -> None:
        self._statements = statements
        self._connect = connect
        self._together: Together[Key, Any] = Together(self._answer, timeout=timeout)
        self._connection: asyncpg.Connection | None = None
        self._used_at = 0.0  # by the event loop's clock

    def find(self, key: Key) -> Awaitable[Any]:
        """Return the row, or None.

        Raises:
            StoreUnavailable: within the timeout, which begins with this call.
        """
        return self._together.ask(key)

    async def close(self) -> None:
        """Close the connection. Lookups that still wait raise StoreUnavailable."""
        await self._together.close()
        self._drop()

    def reconnect(self) -> None:
        """Make another connection for the next lookup; one that runs now is sent again on it."""
        self._drop()

    def abandon(self) -> None:
        """Close the connection without waiting. No lookup may come after this."""
        self._together.abandon()
        self._drop()

    async def _answer(self, asked: Sequence[Key], deadline: float) -> dict[Key, Any]:
        """Ask the database; once more if the connection has died since it was last used.

        `deadline` is that of the lookup that has waited longest, by the event loop's clock.
        """
        keys = set(asked)
        now = asyncio.get_running_loop().time()
        rested, self._used_at = now - self._used_at, now
        if rested > IDLE:
            self._drop()
        async with translated(), asyncio.timeout_at(deadline):
            if self._connection is not None:
                try:
                    return await self._ask(self._connection, keys)
                except _DIED:
                    self._drop()
                except BaseException:
                    self._drop()
                    raise
            self._connection = await self._connect()
            try:
                return await self._ask(self._connection, keys)
            except BaseException:
                self._drop()
                raise

    async def _ask(self, connection: asyncpg.Connection, keys: set[Key]) -> dict[Key, Any]:
        found: dict[Key, Any] = {}
        for kind, statement in self._statements.items():
            if wanted := [key for key in keys if isinstance(key, kind)]:
                rows = await connection.fetch(statement, wanted)
                found.update((row[-1], row) for row in rows)
        return found

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
