"""Find out whether another process has a SQLite file open.

In WAL mode, each process that has the database open holds a shared lock on one byte of the file
`-shm`, as long as it is open: unixLockSharedMemory in SQLite's os_unix.c, since 3.7.0. SQLite
rebuilds that file only if no process holds the lock, so processes of all versions agree on it. The
operating system says who holds it, without taking the lock, and nobody has to wait.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import sys
from pathlib import Path

from authingo.stores.sqlite.reader import identity

_LOCKED = 128  # UNIX_SHM_DMS: the byte behind the eight locks of the WAL index
_FLOCK = "hhqqi4x"  # struct flock on 64-bit Linux: type, whence, start, length, process


class FileUsers:
    """The processes that have a file open.

    Descriptors of `-shm` stay open until the process ends. Closing one would give up the locks
    that SQLite holds on that file in this process (fcntl(2)), and the database could be damaged.
    """

    def __init__(self) -> None:
        self._opened: dict[tuple[int, int], int] = {}  # by what `identity` returns

    def of(self, path: Path, connection: sqlite3.Connection) -> list[str] | None:
        """Name one process that has it open besides this one; None if that is not known here.

        `connection` has the same file open in this process.
        """
        if sys.platform != "linux" or sys.maxsize < 2**32:
            return None
        from fcntl import F_GETLK, F_UNLCK, F_WRLCK, fcntl  # noqa: PLC0415 - Windows has none

        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            return None  # the file system allows no shared memory
        shared = f"{path.resolve()}-shm"
        file = identity(shared)
        if file is None:
            return None
        if file not in self._opened:
            self._opened[file] = os.open(shared, os.O_RDONLY | os.O_CLOEXEC)
        asked = struct.pack(_FLOCK, F_WRLCK, os.SEEK_SET, _LOCKED, 1, 0)
        kind, _, _, _, process = struct.unpack(_FLOCK, fcntl(self._opened[file], F_GETLK, asked))
        if kind == F_UNLCK:
            return []
        # That of another container, or of another machine, has no number here.
        return [f"process {process}" if process > 0 else "a process elsewhere"]
