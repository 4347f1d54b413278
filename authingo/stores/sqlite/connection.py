"""The connection to a SQLite file: one thread, one deadline, transactions, the schema check."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from authingo import clock
from authingo.errors import NoDatabase, SchemaUnsupported, StoreUnavailable
from authingo.loops import OneLoop
from authingo.stores import Freshness, RevocationListener, migrations
from authingo.stores.migrations import Applied, SchemaStatus, Source
from authingo.stores.rows import ReadsProfiles, row_class
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.failures import said
from authingo.stores.sqlite.handle import Handle
from authingo.stores.sqlite.permissions import cannot_write
from authingo.stores.sqlite.reader import Epoch, Identity, Reader, identity
from authingo.stores.sqlite.together import Work, Write, Writes
from authingo.stores.sqlite.within import HookRunner
from authingo.stores.sqlite.writers import require_own
from authingo.stores.watching import Watchers
from authingo.stores.within import (
    HookConnection,
    HookFailed,
    Within,
    refuse_inside_hook,
    run_inside,
)

T = TypeVar("T")

_MIGRATIONS_TABLE = """\
CREATE TABLE IF NOT EXISTS authingo_migrations (
    number         INTEGER PRIMARY KEY,
    name           TEXT NOT NULL,
    checksum       TEXT NOT NULL,
    oldest_program INTEGER NOT NULL,
    applied_at     INTEGER NOT NULL DEFAULT (1000000 * strftime('%s', 'now'))
)"""
_PRAGMAS = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA journal_mode=WAL;"

# Seconds. If an event loop dies in the middle of a turn, nothing ends the turn, so it also ends
# after this time. Asking which loop is running would tell, but is a system call in Python 3.11,
# which takes too long for every check.
_LONGEST_TURN = 0.05

# Errors after which a connection stays unusable, even if the file is repaired or replaced.
_LOST = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _compare(recorded: Callable[[str], list[Applied]], plugins: Sequence[Source]) -> SchemaStatus:
    """Compare the migrations that are recorded in the table of each source with the known ones."""
    own = Source("authingo_migrations", migrations.bundled("authingo.stores.sqlite"))
    status, *others = (
        migrations.compare(one.steps, recorded(one.table), table=_MIGRATIONS_TABLE)
        for one in (own, *plugins)
    )
    for other in others:
        status = status.having(other)
    return status


# Errors that mean that the operating system refused. The files themselves tell why.
_NOT_ALLOWED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})


class Connection:
    """Opens, uses and closes the one connection.

    If the file is no longer a database, or was replaced, for example by a backup, the connection
    is closed, and the next use makes another one. SQLite itself would go on writing to the old
    file, which has no name any more, and all of that would be lost.
    """

    def __init__(self, path: Path | str, *, timeout: timedelta) -> None:
        self.path = path
        self._timeout = timeout.total_seconds()
        self.profiles: ReadsProfiles | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._file: Identity | None = None  # what the connection opened
        self._reader = Reader(path) if isinstance(path, Path) else None
        self.within = Within()
        self.plugins: tuple[Source, ...] = ()
        self._watchers = Watchers()
        self._epoch: Epoch | None = None  # the watchers were notified of all changes up to this
        self._freshness = self._reader.freshness if self._reader is not None else Freshness()
        self._opened = False
        self._schema_fits = False
        self._writes = Writes(self._commit)
        self._loop = OneLoop(lambda _: None)  # the thread and the file outlive each loop

    # Opening and closing

    async def open(self, *, create: bool) -> None:
        """See Store."""
        if not self._opened:
            # There is a connection if an earlier call was cancelled while the thread made it.
            await self.call(lambda: self._connection or self._connect(create=create))
            self._opened = True

    async def close(self) -> None:
        """See Store."""
        self._opened = False
        if self._reader is not None:
            self._reader.close()
        if self._thread is not None:
            await self.call(self._disconnect)
            self._thread.shutdown(wait=False)
            self._thread = None

    async def ping(self) -> None:
        """See Store."""
        await self.read(lambda connection: connection.execute("SELECT 1").fetchone())

    def _connect(self, *, create: bool) -> sqlite3.Connection:
        if isinstance(self.path, Path):
            if create:
                require_own(self.path)  # once before the file is created, and again below
                self._create_private(self.path)
            elif not self.path.is_file():
                raise NoDatabase(f"there is no database at {self.path}")
            require_own(self.path)
            target = f"{self.path.absolute().as_uri()}?mode=rw"
        else:
            target = self.path
        connection = sqlite3.connect(
            target,
            uri=isinstance(self.path, Path),
            timeout=self._timeout,
            isolation_level=None,  # transactions are begun explicitly
            check_same_thread=False,  # any thread may close it
            factory=Handle,
        )
        connection.row_factory = row_class(sqlite3.Row, self.profiles)  # read by name
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._file = connection, self._identity()
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._schema_fits = False
        if connection is not None:
            connection.close()

    def _identity(self) -> Identity | None:
        return identity(self.path) if isinstance(self.path, Path) else None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set what every connection needs.

        If two connections turn WAL on at the same moment, SQLite fails instead of waiting, so
        this tries again.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                connection.executescript(_PRAGMAS)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    @staticmethod
    def _create_private(path: Path) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise cannot_write(path, str(error.strerror)) from None

    # Revocations

    def watch(self, revoked: RevocationListener) -> Freshness:
        """See Store."""
        self._watchers.add(revoked)
        return self._freshness

    def is_notified(self) -> bool:
        """See Store. The file itself is asked, so no change is left out.

        It is asked once for all requests that are answered in one turn of the event loop. For
        a database in memory, this always returns False.
        """
        now = clock.now()
        if now < self._freshness.until:
            return True
        if self._reader is None or not self._watchers:
            return False
        epoch = None
        if self._opened and self._schema_fits:
            epoch = self._reader.epoch(self._file)
        if epoch is None or epoch != self._epoch:
            self._epoch = epoch
            self._watchers.drop_all()
        if epoch is None:
            return False
        self._freshness.until = now + _LONGEST_TURN
        return True

    # Schema

    async def schema(self) -> SchemaStatus:
        """See Store. It works without a file too, and makes none."""
        path = self.path
        if not self._opened and isinstance(path, Path) and not path.exists():
            if not path.parent.is_dir():
                raise NoDatabase(f"there is no directory for {path}", hint="make the directory")
            return _compare(lambda _: [], self.plugins)
        return await self.call(self.status)

    async def migrate(self) -> list[str]:
        """See Store."""
        return await self.call(self._migrate, limited=False)

    def status(self) -> SchemaStatus:
        """Return which migrations are applied. Call it in the store's thread."""
        connection = self.open_connection()

        def recorded(table: str) -> list[Applied]:
            known = "SELECT 1 FROM sqlite_master WHERE name = ?"
            if connection.execute(known, (table,)).fetchone() is None:
                return []
            rows = connection.execute(f"SELECT number, checksum, oldest_program FROM {table}")
            return [Applied(*row) for row in rows.fetchall()]

        try:
            status = _compare(recorded, self.plugins)
        except SchemaUnsupported:  # another program may have migrated it since it was checked
            self._schema_fits = False
            raise
        if status.pending:
            self._schema_fits = False
        return status

    def _migrate(self) -> list[str]:
        names = []
        while pending := self.status().pending:
            with self._transaction() as connection:
                status, step = self.status(), pending[0]
                if status.pending != pending:
                    continue  # another process was quicker
                connection.execute(status.table_of(step))
                for statement in rows.statements(step.sql):
                    connection.execute(statement)
                connection.execute(step.record())
            names.append(step.name)
        return names

    # Running

    def read_inline(self, statement: str, parameter: object) -> list[Any] | None:
        """Read by a unique index on the event loop's thread. None: that cannot be done now."""
        refuse_inside_hook()
        self._loop.enter()
        if self._reader is None or not self._opened or not self._schema_fits:
            return None
        return self._reader.fetch(self._file, statement, parameter)

    async def one(self, statement: str, **parameters: object) -> Any:
        """Return the first row, or None."""
        return await self.read(
            lambda connection: connection.execute(statement, parameters).fetchone()
        )

    async def all(self, statement: str, **parameters: object) -> list[Any]:
        """Return every row."""
        return await self.read(
            lambda connection: connection.execute(statement, parameters).fetchall()
        )

    async def count(self, statement: str, **parameters: object) -> int:
        """Return how many rows the statement changed."""
        return await self.write(
            lambda connection: connection.execute(statement, parameters).rowcount
        )

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work that only reads, without a transaction."""
        return await self.call(lambda: work(self._checked_connection()))

    async def write(self, work: Callable[[sqlite3.Connection], T], *, together: bool = False) -> T:
        """Do the work in a transaction. Roll it back if the caller no longer waits for it.

        The work may have to wait for a lock for longer than the caller waits. A caller that got
        StoreUnavailable, or was cancelled, must not find out later that the change was made. Only
        a commit that has begun goes on.

        Args:
            work: see `Write`.
            together: see `Write`. It is for what many callers do at the same time.
        """
        thread = self._ready_thread()
        write = Write(work, together=together)
        if self._writes.add(write):
            try:
                thread.submit(self._writes.run)
            except RuntimeError:  # the system lets the process start no thread
                self._writes.not_called(write)
                raise
        try:
            done: T = await self._limited(write.answer)
        except HookFailed as failed:
            raise failed.error from failed.error.__cause__
        return done

    def _commit(self, work: Work) -> None:
        def transact() -> None:
            self._checked_connection()
            with self._transaction() as connection:
                work(connection)

        self._translated(transact)

    async def transact(self, work: Callable[[HookConnection], Awaitable[T]]) -> T:
        """See Store."""
        runner = HookRunner(self.within, self._timeout)
        return await self.write(
            lambda connection: runner.run(
                lambda statements: run_inside(work, statements), connection, "a transaction"
            )
        )

    def hooks(self) -> HookRunner:
        """Return what runs hooks for the verb that is called now."""
        return HookRunner(self.within, self._timeout)

    async def call(self, work: Callable[[], T], *, limited: bool = True) -> T:
        """Do the work in the store's thread, whatever schema the file has.

        It is limited to the timeout, except for a migration, which may take as long as it needs.
        """
        thread = self._ready_thread()
        answer = asyncio.get_running_loop().run_in_executor(thread, self._translated, work)
        return await self._limited(answer, limited=limited)

    def _ready_thread(self) -> ThreadPoolExecutor:
        refuse_inside_hook()
        self._loop.enter()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="authingo-sqlite")
        return self._thread

    async def _limited(self, answer: Awaitable[T], *, limited: bool = True) -> T:
        try:
            # SQLite's own wait for a lock comes first.
            async with asyncio.timeout(self._timeout + 0.5 if limited else None):
                return await answer
        except TimeoutError:
            raise StoreUnavailable("SQLite did not answer in time") from None

    def _translated(self, work: Callable[[], T]) -> T:
        """Do the work, in the store's thread, and turn SQLite's errors into StoreUnavailable."""
        try:
            return work()
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
            raise TypeError(f"a value of a wrong type was given to the store: {error}") from None
        except sqlite3.Error as error:
            # The lowest byte is the code that has no details (SQLite's result codes).
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _LOST:
                self._disconnect()
            if code == sqlite3.SQLITE_ERROR:  # such as a column that is not there any more
                self._schema_fits = False
            if code in _NOT_ALLOWED and isinstance(self.path, Path):
                raise cannot_write(self.path, said(error)) from None
            hint = "make room on its disk" if code == sqlite3.SQLITE_FULL else None
            raise StoreUnavailable(f"SQLite, {self.path}: {said(error)}", hint=hint) from None
        except OSError as error:  # raised by looking at the file
            raise cannot_write(Path(self.path), str(error.strerror)) from None

    def open_connection(self) -> sqlite3.Connection:
        """Return the connection to the file that is there now. Call it in the store's thread."""
        if self._connection is not None and self._file == self._identity():
            return self._connection
        self._disconnect()
        if not self._opened:
            raise StoreUnavailable("the store is not open")
        return self._connect(create=False)

    def _checked_connection(self) -> sqlite3.Connection:
        connection = self.open_connection()
        if not self._schema_fits:
            self.status().require_current()
            self._schema_fits = True
        return connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self.open_connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
