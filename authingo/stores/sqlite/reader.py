"""A second connection that only reads, on the event loop's own thread.

A lookup by a unique index takes some ten microseconds; handing it to a thread and back takes a
hundred. In WAL mode, a reader does not have to wait. Rarely it would have to (during a recovery,
or for an exclusive lock). Then, and after any error, the reader gives no answer, and the caller
asks the other connection, which can wait.

All requests that are answered in one turn of the event loop arrived before the turn began. So
three facts are found out once in a turn, and not again: whether the file is still the same, what
is in it, and whether anything was revoked. They are true of a moment after each request arrived.
"""

from __future__ import annotations

import os
import sqlite3
from asyncio import AbstractEventLoop, get_running_loop
from pathlib import Path
from typing import Any

from authingo.stores import Freshness
from authingo.stores.sqlite.handle import Handle

Identity = tuple[int, int]
Epoch = tuple[int, bytes, int]

_CACHE = 16_384  # KiB at most: the pages of some thousand sessions, each read only once

# It includes the schema's version, which changes when a table or a trigger is dropped, or when a
# backup is written over the file. If a trigger is missing, revocations are not noticed, so then
# the statement returns no row.
_EPOCH = """\
SELECT epoch, (SELECT schema_version FROM pragma_schema_version) FROM authingo_epoch
WHERE (SELECT count(*) FROM sqlite_master
       WHERE type = 'trigger' AND tbl_name IN ('authingo_sessions', 'authingo_users')
         AND name IN ('authingo_sessions_changed', 'authingo_sessions_deleted',
                      'authingo_sessions_replaced', 'authingo_users_changed',
                      'authingo_users_deleted', 'authingo_users_replaced')) = 6"""


def identity(path: Path | str) -> Identity | None:
    """Return which file is at a path now, or None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, at every use
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Reader:
    """Reads inline, and never waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)  # made once, because it is needed in every turn
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None
        self._file: Identity | None = None
        self._loop: AbstractEventLoop | None = None  # the loop that uses the connection
        self._opened = 0  # how many times a connection was opened
        self._turn_of: AbstractEventLoop | None = None  # the loop that saw the file in this turn
        self.freshness = Freshness()  # set by the Connection that asks for the epoch, for one turn
        self._version: int | None = None  # the data_version when the epoch was read
        self._epoch: Epoch | None = None  # the epoch at that version

    def fetch(self, file: Identity | None, statement: str, *parameters: object) -> list[Any] | None:
        """Return the rows, or None if they cannot be read without waiting.

        `file` is the file whose schema was checked; no other file is read. All requests that
        are answered in one turn of the event loop share one snapshot, because a third of the
        time of a lookup goes into beginning and ending a snapshot.
        """
        try:
            cursor = self._connected(file)
            if cursor is None:
                return None
            if not cursor.connection.in_transaction:
                cursor.execute("BEGIN")
            return cursor.execute(statement, parameters).fetchall()
        except sqlite3.Error:
            self.close()
            return None

    def epoch(self, file: Identity | None) -> Epoch | None:
        """Return a value that changes with every revocation, or None if it cannot be read now.

        `PRAGMA data_version` takes a few microseconds, and changes when any other connection
        commits. The epoch's row is read only then. A file that replaced another may have the
        same epoch in it, so the number of the connection is a part of the value.
        """
        try:
            cursor = self._connected(file)
            if cursor is None:
                return None
            ((version,),) = cursor.execute("PRAGMA data_version").fetchall()
            if version != self._version or self._epoch is None:
                rows = cursor.execute(_EPOCH).fetchall()
                self._epoch = (self._opened, *rows[0]) if rows else None
                self._version = version
        except sqlite3.Error:
            self.close()
        return self._epoch

    def _end_turn(self) -> None:
        self._turn_of = None
        self.freshness.until = 0.0
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self.close()

    def _connected(self, file: Identity | None) -> sqlite3.Cursor | None:
        """Return the cursor, or None. Once in a turn, check that the file is still the same."""
        loop = get_running_loop()
        if self._turn_of is loop and self._file == file:
            return self._cursor
        if self._loop is not None and self._loop is not loop and self._loop.is_running():
            return None  # two loops must not use the one cursor at the same time
        if file is None or file != identity(self._name):
            self.close()
            return None
        if self._cursor is None or self._file != file:
            self._connection = self._connect()
            self._cursor = self._connection.cursor()
            self._file = file
        if self._turn_of is not None:  # the event loop of that turn died in the middle of it
            self._end_turn()
        self._loop = self._turn_of = loop
        loop.call_soon(self._end_turn)
        return self._cursor

    def close(self) -> None:
        """Close the connection to the file."""
        connection, self._connection = self._connection, None
        self._cursor = self._epoch = self._turn_of = self._loop = None
        self.freshness.until = 0.0
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        self.close()
        self._opened += 1
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,  # when an event loop has ended, another may use it
            factory=Handle,
        )
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute(f"PRAGMA cache_size=-{_CACHE}")
            connection.execute("PRAGMA trusted_schema=OFF")
        except BaseException:
            connection.close()
            raise
        return connection
