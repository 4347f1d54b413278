"""Connections to PostgreSQL: one pool, one deadline for everything, and the schema check."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import asyncpg

from authingo.config import PostgresURL
from authingo.errors import SchemaUnsupported, StoreUnavailable
from authingo.loops import OneLoop, call_in
from authingo.models import Rotation, StartedSession, User
from authingo.stores import Freshness, RevocationListener
from authingo.stores.migrations import SchemaStatus, Source
from authingo.stores.postgres.connecting import connect
from authingo.stores.postgres.failures import translated
from authingo.stores.postgres.lookups import BY_TOKEN, Key, Lookups
from authingo.stores.postgres.migrating import migrate_once, schema_status
from authingo.stores.postgres.revocations import HEARTBEAT, Revocations
from authingo.stores.postgres.rotations import rotate
from authingo.stores.postgres.together import Together
from authingo.stores.postgres.within import HookStatements
from authingo.stores.rows import ReadsProfiles, read_started, row_class
from authingo.stores.watching import Watchers
from authingo.stores.within import (
    HookConnection,
    HookFailed,
    Within,
    WithinEvent,
    refuse_inside_hook,
    run_inside,
)

T = TypeVar("T")


class Connections:
    """Opens, lends and closes connections.

    A pooling proxy (PgBouncer in transaction mode) may stand between this program and the
    server. It gives each transaction another connection of the server, so no prepared statements
    are kept then. The proxy is noticed because the server process that answers is not the one
    that the connection names; or the URL says that there is one.
    """

    def __init__(
        self,
        url: PostgresURL,
        *,
        timeout: timedelta,
        pool_size: int,
        listen_url: PostgresURL | None = None,
    ) -> None:
        self.url = url
        self._listen_url = listen_url or url
        self._timeout = timeout.total_seconds()
        self.pool_size = min(pool_size, url.connection_limit or pool_size)
        self.within = Within()
        self.plugins: tuple[Source, ...] = ()
        self.profiles: ReadsProfiles | None = None
        self._opened = False
        self._pool: asyncpg.Pool | None = None
        self.direct = False  # whether there is no pooling proxy in between
        self._lookups = self._make_lookups()
        self._rotations = self._make_rotations()
        self._releasing: set[asyncio.Future[None]] = set()
        self._watchers = Watchers()
        self._revocations = Revocations(
            self._watchers, connect=self.connect_for_listening, send=self.beat
        )
        self._connecting = asyncio.Lock()
        self._schema_fits = False
        self._loop = OneLoop(self._leave)
        self._ending: AsyncGenerator[None] | None = None  # closed when the event loop ends

    # Opening and closing

    async def open(self, *, create: bool) -> None:  # noqa: ARG002 - servers are only migrated by hand
        """See Store. The server need not be up: each verb connects if it has to."""
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
        await self._rotations.close()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(self._timeout):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def _disconnect_with_loop(self, pool: asyncpg.Pool) -> AsyncGenerator[None]:
        """Disconnect when the event loop ends, so that no connection stays open.

        asyncio.run, and any other code that ends a loop properly, closes the asynchronous
        generators that were started on the loop. This is such a generator.
        """
        try:
            yield
        finally:
            if self._pool is pool:
                await self._disconnect()

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up what was made on the old event loop. The next verb connects again."""
        self._revocations.leave(loop)
        call_in(loop, self._lookups.abandon, self._rotations.abandon)
        self._lookups = self._make_lookups()
        self._rotations = self._make_rotations()
        if self._pool is not None:
            call_in(loop, self._pool.terminate)
            self._pool = None
        self._connecting = asyncio.Lock()

    async def ping(self) -> None:
        """See Store."""
        async with self.connection() as connection:
            await connection.execute("SELECT 1")

    # Revocations

    def watch(self, revoked: RevocationListener) -> Freshness:
        """See Store. No connection is made before `is_notified` is called for the first time."""
        self._watchers.add(revoked)
        return self._revocations.freshness

    def is_notified(self) -> bool:
        """See Store."""
        if not (self._watchers and self._opened):
            return False
        self._loop.enter()
        return self._revocations.is_notified()

    def look_up(self, key: Key) -> Awaitable[Any]:
        """Find a session by what its token says, on a connection of its own."""
        refuse_inside_hook()
        self._loop.enter()
        return self._lookups.find(key)

    async def rotate(self, rotation: Rotation) -> Any:
        """Replace the tokens of a session and return the row, or None. Many are sent together."""
        refuse_inside_hook()
        self._loop.enter()
        deadline = asyncio.get_running_loop().time() + self._timeout
        row = await self._rotations.ask(rotation)
        if row is None:  # there is none to rotate, or it was left out
            fetch = partial(self.all, deadline=deadline)
            row = (await rotate(fetch, [rotation], waiting=True)).get(rotation)
        return row

    def notify_watchers(self, user_id: str | None) -> None:
        """Notify the watchers before the verb returns, because the database's notice takes longer.

        None: no user's sessions changed.
        """
        if user_id is not None:
            self._watchers.drop(user_id)

    def notify_of_everybody(self) -> None:
        """Notify the watchers that any user's sessions may have ended."""
        self._watchers.drop_all()

    def started(self, row: Any) -> StartedSession:
        """Read the row of `statements.BEGIN`, and notify the watchers of the sessions it ended."""
        started = read_started(row)
        self.notify_watchers(row["ended_of"])
        if started.eviction is not None:
            self.notify_watchers(started.user.id)
        return started

    async def confirm(self) -> None:
        """Wait until all that this server shows is on its synchronous standbys too, if it has any.

        A commit waits for them before others see it. But when that wait is cancelled, because it
        took longer than the timeout, the commit is seen here and may be missing there. So before
        a verb answers that there is nothing left to do, it waits for a commit of its own.
        Otherwise a session that was signed out could be active again after a failover.
        """
        await self.one(_CONFIRM)

    async def beat(self, text: str) -> object:
        """Send a heartbeat, which the listening connection then receives."""
        return await self.one(HEARTBEAT, text)

    # Schema

    async def schema(self) -> SchemaStatus:
        """See Store."""
        try:
            async with self.connection(any_schema=True) as connection:
                status = await schema_status(connection, self.plugins)
        except SchemaUnsupported:
            self._distrust_schema()
            raise
        if status.pending:
            self._distrust_schema()
        return status

    async def migrate(self) -> list[str]:
        """See Store. A migration may take as long as it needs, so there is no command timeout."""
        self._loop.enter()
        names = []
        async with translated():
            connection = await self._connect()
            try:
                while step := await migrate_once(connection, self.plugins, self._timeout / 2):
                    names.append(step)
            finally:
                await connection.close()
        return names

    def _distrust_schema(self) -> None:
        """Look at the schema again before the next statement: others may have migrated it."""
        if self._schema_fits:
            self._schema_fits = False
            self._lookups.reconnect()
            self.notify_of_everybody()

    # Lending

    async def one(self, statement: str, *parameters: object) -> Any:
        """Return the first row, or None."""
        async with self.connection() as connection:
            return await connection.fetchrow(statement, *parameters)

    async def all(
        self, statement: str, *parameters: object, deadline: float | None = None
    ) -> list[Any]:
        """Return every row. For `deadline`, see `connection`."""
        async with self.connection(deadline=deadline) as connection:
            found: list[Any] = await connection.fetch(statement, *parameters)
            return found

    async def count(self, statement: str, *parameters: object) -> int:
        """Return how many rows the statement changed."""
        async with self.connection() as connection:
            status: str = await connection.execute(statement, *parameters)
        return int(status.rpartition(" ")[2])  # "DELETE 5000"

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Lend a connection in a transaction. To roll it back quietly, raise `Undo` inside."""
        try:
            async with self.connection() as connection, connection.transaction():
                yield connection
        except Undo:
            pass
        except HookFailed as failed:
            raise failed.error from failed.error.__cause__

    async def transact(self, work: Callable[[HookConnection], Awaitable[T]]) -> T:
        """See Store."""
        async with self.transaction() as connection:
            done = await run_inside(work, HookStatements(connection))
        return done  # noqa: RET504 - after the commit

    async def run_hooks(self, event: WithinEvent, user: User, connection: Any) -> None:
        """Run the hooks for an event in the transaction of a connection, if there are any."""
        if self.within.has(event):
            await self.within.run(event, user, HookStatements(connection))

    @contextlib.asynccontextmanager
    async def connection(
        self, *, any_schema: bool = False, deadline: float | None = None
    ) -> AsyncIterator[Any]:
        """Lend a connection. Everything that is done with it must end within one timeout.

        `deadline`: when that is over, by the event loop's clock, if it began before this call.
        """
        refuse_inside_hook()
        self._loop.enter()
        if not self._opened:
            raise StoreUnavailable("the store is not open")
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + self._timeout
        async with translated(), asyncio.timeout_at(deadline) as limit:
            pool = self._pool or await self._make_pool()
            connection = await pool.acquire()
            try:
                if not (self._schema_fits or any_schema):
                    (await schema_status(connection, self.plugins)).require_current()
                    self._schema_fits = True
                yield connection
            except asyncpg.ReadOnlySQLTransactionError:
                await self._replace_all(pool)
                raise
            except asyncpg.SyntaxOrAccessError:  # such as a column that is not there any more
                self._distrust_schema()
                raise
            finally:
                if limit.expired():
                    self._release_later(pool, connection)
                else:
                    await pool.release(connection)

    def _release_later(self, pool: asyncpg.Pool, connection: Any) -> None:
        """Give a connection back without waiting, because the timeout is over.

        The driver first cancels what the server is still doing, by another connection to it, and
        a server that has vanished does not answer that one either.
        """
        releasing = asyncio.ensure_future(pool.release(connection))
        self._releasing.add(releasing)
        releasing.add_done_callback(self._released)

    def _released(self, releasing: asyncio.Future[None]) -> None:
        self._releasing.discard(releasing)
        if not releasing.cancelled():
            releasing.exception()  # the connection is closed then, and there is nobody to report to

    async def _replace_all(self, pool: asyncpg.Pool) -> None:
        """Let each connection be replaced before its next use.

        One of them has found that its server cannot be written any more. Another host may be
        the primary now, and a server that follows it must not say which sessions are active.
        """
        await pool.expire_connections()
        self._lookups.reconnect()

    async def _make_pool(self) -> asyncpg.Pool:
        async with self._connecting:
            if self._pool is None:
                probe = await self._connect()
                try:
                    answering = await probe.fetchval("SELECT pg_backend_pid()")
                    self.direct = not self.url.pooled and probe.get_server_pid() == answering
                finally:
                    await probe.close()
                self._pool = await asyncpg.create_pool(
                    min_size=0,
                    max_size=self.pool_size,
                    connect=self._connect_for_pool,
                    reset=_nothing_to_reset,
                    record_class=row_class(asyncpg.Record, self.profiles),
                )
                self._ending = self._disconnect_with_loop(self._pool)
                await anext(self._ending)
            return self._pool

    def _make_lookups(self) -> Lookups:
        return Lookups(BY_TOKEN, self._connect_for_lookups, timeout=self._timeout)

    def _make_rotations(self) -> Together[Rotation, Any]:
        return Together(self._rotate_free, timeout=self._timeout)

    async def _rotate_free(
        self, rotations: Sequence[Rotation], deadline: float
    ) -> dict[Rotation, Any]:
        """Rotate what can be rotated together.

        Left out, and then rotated one by one, are sessions that are locked, those with other
        lifetimes than the first, and all of them if the statement fails.
        """
        lives = rotations[0].lifetimes
        fitting = [one for one in rotations if one.lifetimes == lives]
        try:
            return await rotate(partial(self.all, deadline=deadline), fitting, waiting=False)
        except Exception:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            return {}  # nothing is hidden: each is tried by itself, and meets the error again

    async def _connect_for_pool(self, *_: object, **arguments: Any) -> asyncpg.Connection:
        return await connect(
            self.url,
            timeout=self._timeout,
            kept=_KEPT if self.direct else 0,
            command_timeout=self._timeout,
            **arguments,
        )

    async def _connect_for_lookups(self) -> asyncpg.Connection:
        if not self._opened:
            raise StoreUnavailable("the store is not open")
        if self._pool is None:
            await self._make_pool()
        connection = await self._connect(kept=_KEPT if self.direct else 0)
        # Each time: what ended the connection before may have been a statement that the schema
        # does not fit any more.
        try:
            (await schema_status(connection, self.plugins)).require_current()
        except BaseException:
            connection.terminate()
            raise
        self._schema_fits = True
        return connection

    async def connect_for_listening(self) -> asyncpg.Connection:
        """Connect to the server for listening: by `listen_url`, if it is set, past any proxy."""
        return await connect(self._listen_url, timeout=self._timeout)

    async def _connect(self, *, kept: int = 0) -> asyncpg.Connection:
        return await connect(self.url, timeout=self._timeout, kept=kept)


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """Do nothing, which saves a round trip.

    No verb changes a setting, or takes a lock that outlives its transaction.
    """


class Undo(Exception):
    """Raise it inside `transaction` to roll back; the caller sees no exception."""


# Commits to the log of the server, which alone makes a transaction wait for its standbys.
_CONFIRM = (
    "SELECT pg_logical_emit_message(true, 'authingo', '')"
    " WHERE current_setting('synchronous_standby_names') <> ''"
)
_KEPT = 100  # prepared statements that a connection keeps; the verbs need some forty
