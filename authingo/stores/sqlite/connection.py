"""The connection to a SQLite file: one thread, one deadline, transactions, the schema check."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from authingo import clock
from authingo.errors import NoDatabase, StoreUnavailable
from authingo.loops import OneLoop
from authingo.stores import Revoked, Trust, migrations
from authingo.stores.migrations import Applied, SchemaStatus
from authingo.stores.rows import Resumptions
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.failures import said
from authingo.stores.sqlite.handle import Handle
from authingo.stores.sqlite.permissions import cannot_write
from authingo.stores.sqlite.reader import Epoch, Identity, Reader, identity
from authingo.stores.watching import Watchers

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

# Seconds. Whose event loop died in the middle of a turn never ended it; to ask which loop runs
# would tell, but is a system call in Python 3.11, too much for every check.
_LONGEST_TURN = 0.05

# What a connection does not get over by itself, though the file be mended or replaced.
_LOST = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _compare(applied: list[Applied]) -> SchemaStatus:
    known = migrations.bundled("authingo.stores.sqlite")
    return migrations.compare(known, applied, table=_MIGRATIONS_TABLE)


# What the system does not let SQLite do: which of its many reasons, the files tell.
_NOT_ALLOWED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})


class Connection:
    """Opens, uses and closes the one connection.

    A file that is no database any more, or that was replaced (a backup put in its
    place), costs the connection: the next use makes another one. SQLite itself
    would go on writing to the file that has no name any more, and all of it
    would be lost.
    """

    def __init__(self, path: Path | str, *, timeout: timedelta) -> None:
        self._path = path
        self._timeout = timeout.total_seconds()
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._file: Identity | None = None  # what the connection opened
        self._reader = Reader(path) if isinstance(path, Path) else None
        self._resumptions = Resumptions(rows.read)
        self._watchers = Watchers()
        self._epoch: Epoch | None = None  # up to which they were told
        self._trust = self._reader.trust if self._reader is not None else Trust()
        self._opened = False
        self._schema_fits = False
        self._loop = OneLoop(lambda _: None)  # the thread and the file outlive each loop

    # Opening and closing

    async def open(self, *, create: bool) -> None:
        """See Store."""
        if self._connection is None:
            await self._call(lambda: self._connect(create=create))
            self._opened = True

    async def close(self) -> None:
        """See Store."""
        self._opened = False
        if self._reader is not None:
            self._reader.close()
        if self._thread is not None:
            await self._call(self._disconnect)
            self._thread.shutdown(wait=False)
            self._thread = None

    async def ping(self) -> None:
        """See Store."""
        await self._read(lambda connection: connection.execute("SELECT 1").fetchone())

    def _connect(self, *, create: bool) -> sqlite3.Connection:
        if isinstance(self._path, Path):
            if create:
                self._create_private(self._path)
            elif not self._path.is_file():
                raise NoDatabase(f"there is no database at {self._path}")
            target = f"{self._path.absolute().as_uri()}?mode=rw"
        else:
            target = self._path
        connection = sqlite3.connect(
            target,
            uri=isinstance(self._path, Path),
            timeout=self._timeout,
            isolation_level=None,  # transactions are begun where they are meant
            check_same_thread=False,  # closed by whichever thread is there
            factory=Handle,
        )
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
        return identity(self._path) if isinstance(self._path, Path) else None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set what every connection needs. Two that turn WAL on at once do not wait, so: again."""
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

    def watch(self, revoked: Revoked) -> Trust:
        """See Store."""
        self._watchers.add(revoked)
        return self._trust

    def hears(self) -> bool:
        """See Store: up to now, because the file itself is asked. In memory there is no telling.

        Once for all who are answered in one turn of the event loop.
        """
        now = clock.now()
        if now < self._trust.until:
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
        self._trust.until = now + _LONGEST_TURN
        return True

    # Schema

    async def schema(self) -> SchemaStatus:
        """See Store. Also where there is no file yet; none is made."""
        path = self._path
        if not self._opened and isinstance(path, Path) and not path.exists():
            if not path.parent.is_dir():
                raise NoDatabase(f"there is no directory for {path}", hint="make the directory")
            return _compare([])
        return await self._call(self._status)

    async def migrate(self) -> list[str]:
        """See Store."""
        return await self._call(self._migrate)

    def _status(self) -> SchemaStatus:
        connection = self._open_connection()
        recorded: list[Any] = []
        if connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'authingo_migrations'"
        ).fetchone():
            recorded = connection.execute(
                "SELECT number, checksum, oldest_program FROM authingo_migrations"
            ).fetchall()
        return _compare([Applied(*row) for row in recorded])

    def _migrate(self) -> list[str]:
        names = []
        while pending := self._status().pending:
            with self._transaction() as connection:
                connection.execute(_MIGRATIONS_TABLE)
                if self._status().pending != pending:
                    continue  # somebody else was quicker
                step = pending[0]
                for statement in rows.statements(step.sql):
                    connection.execute(statement)
                connection.execute(step.record())
            names.append(step.name)
        return names

    # Running

    async def _glance(self, statement: str, *parameters: object) -> Any:
        """Read one row by a unique index: inline where that is possible."""
        self._loop.enter()
        if self._reader is not None and self._opened and self._schema_fits:
            found = self._reader.fetch(self._file, statement, *parameters)
            if found is not None:
                return found[0] if found else None
        return await self._one(statement, *parameters)

    async def _one(self, statement: str, *parameters: object) -> Any:
        return await self._read(
            lambda connection: connection.execute(statement, parameters).fetchone()
        )

    async def _all(self, statement: str, *parameters: object) -> list[Any]:
        return await self._read(
            lambda connection: connection.execute(statement, parameters).fetchall()
        )

    async def _count(self, statement: str, *parameters: object) -> int:
        return await self._write(
            lambda connection: connection.execute(statement, parameters).rowcount
        )

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._call(lambda: work(self._checked_connection()))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work in a transaction; where nobody waits for it any more, undo it.

        It may have waited for a lock until then, and who was told that the store does not
        answer must not find out later that it did.
        """
        given_up = False

        def transact() -> T:
            self._checked_connection()
            with self._transaction() as connection:
                done = work(connection)
                if given_up:
                    raise StoreUnavailable
                return done

        try:
            return await self._call(transact)
        except StoreUnavailable:
            given_up = True
            raise

    async def _call(self, work: Callable[[], T]) -> T:
        self._loop.enter()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="authingo-sqlite")
        try:
            async with asyncio.timeout(self._timeout + 0.5):  # SQLite's own wait comes first
                return await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._translated, work
                )
        except TimeoutError:
            raise StoreUnavailable("SQLite did not answer in time") from None

    def _translated(self, work: Callable[[], T]) -> T:
        """Do the work, in the thread. Raises StoreUnavailable for whatever SQLite raises."""
        try:
            return work()
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
            raise TypeError(f"a value of a wrong type was given to the store: {error}") from None
        except sqlite3.Error as error:
            # The lowest byte is the code that has no details (SQLite's result codes).
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _LOST:
                self._disconnect()
            if code in _NOT_ALLOWED and isinstance(self._path, Path):
                raise cannot_write(self._path, said(error)) from None
            hint = "make room on its disk" if code == sqlite3.SQLITE_FULL else None
            raise StoreUnavailable(f"SQLite, {self._path}: {said(error)}", hint=hint) from None
        except OSError as error:  # of looking at the file
            raise cannot_write(Path(self._path), str(error.strerror)) from None

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is not None and self._file == self._identity():
            return self._connection
        self._disconnect()
        if not self._opened:
            raise StoreUnavailable("the store is not open")
        return self._connect(create=False)

    def _checked_connection(self) -> sqlite3.Connection:
        connection = self._open_connection()
        if not self._schema_fits:
            self._status().require_current()
            self._schema_fits = True
        return connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._open_connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
