"""A second connection that only reads, on the event loop itself.

A lookup by a unique index takes some ten microseconds, handing it to a thread and
back a hundred. In WAL mode a reader waits for nobody; in the rare moment when it
would have to (a recovery, an exclusive lock), or when anything at all is wrong, it
says that it does not know, and the connection that can wait is asked.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

Identity = tuple[int, int]


def identity(path: Path) -> Identity | None:
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
        self._connection: sqlite3.Connection | None = None
        self._file: Identity | None = None

    def fetch(self, file: Identity | None, statement: str, *parameters: object) -> list[Any] | None:
        """Return the rows, or None where it cannot tell without waiting.

        `file` is the one whose schema was looked at: no other one is read.
        """
        try:
            if file is None or file != identity(self._path):
                self.close()
                return None
            if self._connection is None or self._file != file:
                self._connection = self._connect()
                self._file = file
            # All of them: a statement that is not at its end holds an old snapshot.
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error:
            self.close()
            return None

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        self.close()
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,  # an event loop may end and another go on
        )
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA trusted_schema=OFF")
        except BaseException:
            connection.close()
            raise
        return connection
