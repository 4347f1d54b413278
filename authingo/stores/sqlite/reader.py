"""A second connection that only reads, on the event loop itself.

A lookup by a unique index takes some ten microseconds, handing it to a thread and
back a hundred. In WAL mode a reader waits for nobody; in the rare moment when it
would have to (a recovery, an exclusive lock), or when anything at all is wrong, it
says that it does not know, and the connection that can wait is asked.

All requests that are answered in one turn of the event loop had arrived before it began.
So what is found out once in it (whether the file is still the one, what is in it, whether
anything was revoked) is true of a moment after each of them came, and is not asked again.
"""

from __future__ import annotations

import os
import sqlite3
from asyncio import AbstractEventLoop, get_running_loop
from pathlib import Path
from typing import Any

from authingo.stores import Trust
from authingo.stores.sqlite.handle import Handle

Identity = tuple[int, int]
Epoch = tuple[int, bytes, int]

_CACHE = 16_384  # KiB at most: the pages of some thousand sessions, read once each

# The schema's version too: it moves where a table or a trigger is dropped, or a backup
# is written over the file. Nothing is known of revocations without the triggers.
_EPOCH = """\
SELECT epoch, (SELECT schema_version FROM pragma_schema_version) FROM authingo_epoch
WHERE (SELECT count(*) FROM sqlite_master
       WHERE type = 'trigger' AND tbl_name IN ('authingo_sessions', 'authingo_users')
         AND name IN ('authingo_sessions_changed', 'authingo_sessions_deleted',
                      'authingo_sessions_replaced', 'authingo_users_changed',
                      'authingo_users_deleted', 'authingo_users_replaced')) = 6"""


def identity(path: Path | str) -> Identity | None:
    """Tell which file there is under a path now."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, at every use
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Reader:
    """Reads inline, and never waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)  # which saves a Path the asking in every turn
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None
        self._file: Identity | None = None
        self._loop: AbstractEventLoop | None = None  # whose connection it is
        self._opened = 0  # times
        self._turn_of: AbstractEventLoop | None = None  # in which the file was seen
        self.trust = Trust()  # given by who told of the epoch; it ends with the turn
        self._version: int | None = None  # of the file, as this connection counts commits
        self._epoch: Epoch | None = None  # as it was at that version

    def fetch(self, file: Identity | None, statement: str, *parameters: object) -> list[Any] | None:
        """Return the rows, or None where it cannot tell without waiting.

        `file` is the one whose schema was looked at: no other one is read. All who are
        answered in one turn of the event loop see one snapshot: a third of what a
        lookup takes is to begin and to end one.
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
        """Return what moves with every revocation, or None where it cannot tell without waiting.

        `PRAGMA data_version` takes a few microseconds and changes with any commit of
        any other connection; the row is read only then. A file that took the place of
        another may have the same epoch, so the connection is part of it.
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
        self.trust.until = 0.0
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self.close()

    def _connected(self, file: Identity | None) -> sqlite3.Cursor | None:
        """Look whether the file is still the one, once in a turn of the event loop."""
        loop = get_running_loop()
        if self._turn_of is loop and self._file == file:
            return self._cursor
        if self._loop is not None and self._loop is not loop and self._loop.is_running():
            return None  # its one cursor must not be asked by two at once
        if file is None or file != identity(self._name):
            self.close()
            return None
        if self._cursor is None or self._file != file:
            self._connection = self._connect()
            self._cursor = self._connection.cursor()
            self._file = file
        if self._turn_of is not None:  # an event loop that died in the middle of a turn
            self._end_turn()
        self._loop = self._turn_of = loop
        loop.call_soon(self._end_turn)
        return self._cursor

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        self._cursor = self._epoch = self._turn_of = self._loop = None
        self.trust.until = 0.0
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
            check_same_thread=False,  # an event loop may end and another go on
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
