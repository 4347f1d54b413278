"""Connections to PostgreSQL: one pool, one deadline for everything, and the schema check."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg

from authingo.config import PostgresURL
from authingo.errors import StoreUnavailable
from authingo.loops import OneLoop, call_in
from authingo.stores import Revoked, Trust, migrations
from authingo.stores.migrations import Applied, SchemaStatus
from authingo.stores.postgres.connecting import connect
from authingo.stores.postgres.failures import translated
from authingo.stores.postgres.lookups import BY_TOKEN, Lookups
from authingo.stores.postgres.revocations import HEARTBEAT, Revocations
from authingo.stores.rows import Resumptions, RowReader
from authingo.stores.watching import Watchers

_MIGRATION_LOCK = 0x61757468696E676F  # "authingo": the key of an advisory lock
_MIGRATIONS_TABLE = """\
CREATE TABLE IF NOT EXISTS authingo_migrations (
    number         integer PRIMARY KEY,
    name           text NOT NULL,
    checksum       text NOT NULL,
    oldest_program integer NOT NULL,
    applied_at     timestamptz NOT NULL DEFAULT now()
)"""


class Connections:
    """Opens, lends and closes connections.

    What lies between may be a pooling proxy (PgBouncer in transaction mode) that
    gives each transaction another connection of the server: prepared statements
    are then not kept. It shows by the process that the connection claims to talk
    to, which is not the one that answers; or the URL says so.
    """

    def __init__(
        self,
        url: PostgresURL,
        *,
        timeout: timedelta,
        pool_size: int,
        listen_url: PostgresURL | None = None,
    ) -> None:
        self._url = url
        self._listen_url = listen_url or url
        self._timeout = timeout.total_seconds()
        self._pool_size = min(pool_size, url.connection_limit or pool_size)
        self._opened = False
        self._pool: asyncpg.Pool | None = None
        self._direct = False  # no pooling proxy in between
        self._lookups = self._make_lookups()
        self._resumptions = Resumptions(RowReader())
        self._watchers = Watchers()
        self._revocations = Revocations(
            self._watchers, connect=self._connect_for_listening, send=self._beat
        )
        self._connecting = asyncio.Lock()
        self._schema_fits = False
        self._loop = OneLoop(self._leave)
        self._ending: AsyncGenerator[None] | None = None  # waits for the event loop's end

    # Opening and closing

    async def open(self, *, create: bool) -> None:  # noqa: ARG002 - servers are only migrated by hand
        """See Store. The server need not be up: each verb connects where it has to."""
        self._opened = True

    async def close(self) -> None:
        """See Store."""
        self._loop.enter()
        self._opened = self._schema_fits = False
        await self._disconnect()
        if self._ending is not None:
            await self._ending.aclose()
            self._ending = None

    async def _disconnect(self) -> None:
        await self._revocations.close()
        await self._lookups.close()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(self._timeout):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def _disconnect_with_loop(self, pool: asyncpg.Pool) -> AsyncGenerator[None]:
        """Disconnect when the event loop ends, so that nothing is left open behind it.

        asyncio.run, and whatever else ends a loop in order, closes the asynchronous
        generators that were started on it.
        """
        try:
            yield
        finally:
            if self._pool is pool:
                await self._disconnect()

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave behind what was made on another event loop. The next verb connects again."""
        self._revocations.leave(loop)
        call_in(loop, self._lookups.abandon)
        self._lookups = self._make_lookups()
        if self._pool is not None:
            call_in(loop, self._pool.terminate)
            self._pool = None
        self._connecting = asyncio.Lock()

    async def ping(self) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    # Revocations

    def watch(self, revoked: Revoked) -> Trust:
        """See Store. Nothing is connected before `hears` is asked for the first time."""
        self._watchers.add(revoked)
        return self._revocations.trust

    def hears(self) -> bool:
        """See Store."""
        if not (self._watchers and self._opened):
            return False
        self._loop.enter()
        return self._revocations.hears()

    def _forget(self, user_id: str | None) -> None:
        """Tell who watches, before the verb that revoked is answered: the notice takes longer."""
        if user_id is not None:
            self._watchers.drop(user_id)

    async def _beat(self, text: str) -> object:
        return await self._one(HEARTBEAT, text)

    # Schema

    async def schema(self) -> SchemaStatus:
        """See Store."""
        async with self._connection(any_schema=True) as connection:
            return await schema_status(connection)

    async def migrate(self) -> list[str]:
        """See Store. A migration may take as long as it needs: no command timeout."""
        self._loop.enter()
        names = []
        async with translated():
            connection = await self._connect()
            try:
                while step := await _migrate_once(connection):
                    names.append(step)
            finally:
                await connection.close()
        return names

    # Lending

    async def _one(self, statement: str, *parameters: object) -> Any:
        async with self._connection() as connection:
            return await connection.fetchrow(statement, *parameters)

    async def _all(self, statement: str, *parameters: object) -> list[Any]:
        async with self._connection() as connection:
            found: list[Any] = await connection.fetch(statement, *parameters)
            return found

    async def _count(self, statement: str, *parameters: object) -> int:
        async with self._connection() as connection:
            status: str = await connection.execute(statement, *parameters)
        return int(status.rpartition(" ")[2])  # "DELETE 5000"

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        """Lend a connection in a transaction. `Undo` leaves it without a trace."""
        with contextlib.suppress(Undo):
            async with self._connection() as connection, connection.transaction():
                yield connection

    @contextlib.asynccontextmanager
    async def _connection(self, *, any_schema: bool = False) -> AsyncIterator[Any]:
        """Lend a connection; everything done with it shares one deadline."""
        self._loop.enter()
        if not self._opened:
            raise StoreUnavailable("the store is not open")
        async with translated(), asyncio.timeout(self._timeout):
            pool = self._pool or await self._make_pool()
            async with pool.acquire() as connection:
                if not (self._schema_fits or any_schema):
                    (await schema_status(connection)).require_current()
                    self._schema_fits = True
                yield connection

    async def _make_pool(self) -> asyncpg.Pool:
        async with self._connecting:
            if self._pool is None:
                probe = await self._connect()
                try:
                    answering = await probe.fetchval("SELECT pg_backend_pid()")
                    self._direct = not self._url.pooled and probe.get_server_pid() == answering
                finally:
                    await probe.close()
                self._pool = await asyncpg.create_pool(
                    min_size=0,
                    max_size=self._pool_size,
                    connect=self._connect_for_pool,
                    reset=_nothing_to_reset,
                )
                self._ending = self._disconnect_with_loop(self._pool)
                await anext(self._ending)
            return self._pool

    def _make_lookups(self) -> Lookups:
        return Lookups(BY_TOKEN, self._connect_for_lookups, timeout=self._timeout)

    async def _connect_for_pool(self, *_: object, **arguments: Any) -> asyncpg.Connection:
        return await connect(
            self._url,
            timeout=self._timeout,
            kept=_KEPT if self._direct else 0,
            command_timeout=self._timeout,
            **arguments,
        )

    async def _connect_for_lookups(self) -> asyncpg.Connection:
        if not self._opened:
            raise StoreUnavailable("the store is not open")
        if self._pool is None:
            await self._make_pool()
        connection = await self._connect(kept=_KEPT if self._direct else 0)
        if not self._schema_fits:
            try:
                (await schema_status(connection)).require_current()
            except BaseException:
                connection.terminate()
                raise
            self._schema_fits = True
        return connection

    async def _connect_for_listening(self) -> asyncpg.Connection:
        return await connect(self._listen_url, timeout=self._timeout)

    async def _connect(self, *, kept: int = 0) -> asyncpg.Connection:
        return await connect(self._url, timeout=self._timeout, kept=kept)


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """No verb changes a setting or takes a lock beyond its transaction: spares a round trip."""


class Undo(Exception):
    """Leave the transaction without a trace."""


_KEPT = 100  # prepared statements of a connection, of which the verbs need some forty


async def _migrate_once(connection: asyncpg.Connection) -> str | None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        status = await schema_status(connection)
        if not status.pending:
            return None
        step = status.pending[0]
        await connection.execute(_MIGRATIONS_TABLE)
        await connection.execute(step.sql)
        await connection.execute(step.record())
    return step.name


async def schema_status(connection: Any) -> SchemaStatus:
    """Hold what is applied against what is known. See `migrations.compare`."""
    recorded = []
    if await connection.fetchval("SELECT to_regclass('authingo_migrations') IS NOT NULL"):
        recorded = await connection.fetch(
            "SELECT number, checksum, oldest_program FROM authingo_migrations"
        )
    return migrations.compare(
        migrations.bundled("authingo.stores.postgres"),
        [Applied(*row) for row in recorded],
        table=_MIGRATIONS_TABLE,
    )
