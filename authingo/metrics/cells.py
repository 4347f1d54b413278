"""Numbers that several processes share: each has a file, and a scrape adds the files up.

A number is a double in a file that is mapped into memory. Incrementing it is an increment in
memory: no lock, no system call. So a process that is killed leaves its last count, and the sum
over all files never goes back (https://prometheus.io/docs/concepts/metric_types/#counter).

A process owns a file as long as it holds the lock on it (flock), which ends with the process
however that ends. The next process that starts takes the first file without an owner and
counts on from there. So there are never more files than there were processes at the same time.
The current values in a file without an owner, such as the length of a queue, are left out.

Without a directory the numbers are in ordinary memory, in the same form.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

Key = tuple[str, ...]  # the name of what is counted, and its labels
Numbers = Mapping[Key, tuple[float, ...]]

_MAGIC = b"authingo cells 1"
_SIZE = 512 * 1024  # bytes of a file: some ten thousand numbers
_HEADER = struct.Struct("=II")  # the length of the key in bytes, and how many numbers follow it
_SEPARATOR = "\x1f"  # between the parts of a key; none of them has control characters
_MOST_FILES = 1000
_NAME = "authingo-{}.cells"

NOW = "now"  # the first part of the key of what is no count, but a current value


class Row:
    """The numbers under one key. Add to `values[at]` directly where a call would take too long."""

    __slots__ = ("at", "count", "values")

    def __init__(self, count: int) -> None:
        self.count = count
        self.values: memoryview[float] | list[float] = [0.0] * count
        self.at = 0

    def add(self, amount: float = 1.0, column: int = 0) -> None:
        """Add to one of the numbers."""
        self.values[self.at + column] += amount

    def set(self, value: float) -> None:
        """Set the first number."""
        self.values[self.at] = value

    def read(self) -> tuple[float, ...]:
        """Return the numbers."""
        return tuple(self.values[self.at : self.at + self.count])

    def move(self, values: memoryview[float], at: int) -> None:
        """Count somewhere else from now on, on top of what is there."""
        own = self.read()
        self.values, self.at = values, at
        for column, number in enumerate(own):
            self.add(number, column)


class Cells:
    """The numbers of this process."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Key, int], Row] = {}
        self._file: _File | None = None
        self._before: Numbers = {}  # what the file had when this process took it

    def row(self, *key: str, count: int = 1) -> Row:
        """Return the numbers under a key. They are 0 at first."""
        row = self._rows.get((key, count))
        if row is None:
            row = self._rows[key, count] = Row(count)
            if self._file is not None:
                self._file.place(key, row)
        return row

    @property
    def is_shared(self) -> bool:
        """Whether they are in a file."""
        return self._file is not None

    def share(self, directory: Path) -> None:
        """Count in a file of this directory from now on, which is made if it is missing.

        Raises:
            OSError: that is not possible.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = _own_file(directory)
        self._before = dict(_rows(self._file.buffer))
        for (key, _), row in self._rows.items():
            self._file.place(key, row)

    def leave(self) -> None:
        """Leave the file to another process. What is counted from now on waits for the next."""
        if self._file is not None:
            for row in self._rows.values():
                row.values, row.at = [0.0] * row.count, 0
            file, self._file, self._before = self._file, None, {}
            file.close()

    def own(self) -> Numbers:
        """Return what this process itself has counted."""
        own = {}
        for (key, _), row in list(self._rows.items()):  # other threads ask
            before = self._before.get(key, ())
            if len(before) != row.count:
                before = (0.0,) * row.count
            own[key] = tuple(now - then for now, then in zip(row.read(), before, strict=True))
        return own


class _File:
    """A file that this process owns, mapped into memory."""

    def __init__(self, descriptor: int) -> None:
        """Take over a locked file. One of another version begins again."""
        self._descriptor = descriptor
        if os.pread(descriptor, len(_MAGIC), 0) != _MAGIC:
            os.ftruncate(descriptor, 0)
            # Written, so that a full disk is an error now and no SIGBUS later.
            os.pwrite(descriptor, _MAGIC.ljust(_SIZE, b"\0"), 0)
        self.buffer = mmap.mmap(descriptor, _SIZE)
        self._doubles = memoryview(self.buffer).cast("d")
        self._places: dict[tuple[Key, int], int] = {}
        self._end = len(_MAGIC)
        for key, count, at, end in _places(self.buffer):
            self._places[key, count] = at
            self._end = end
            if key[0] == NOW:  # of the process before
                self.buffer[at:end] = bytes(end - at)

    def place(self, key: Key, row: Row) -> None:
        """Let a row count here. If the file is full, it goes on elsewhere, and nobody sees it."""
        at = self._places.get((key, row.count)) or self._append(key, row.count)
        if at is not None:
            row.move(self._doubles, at // 8)

    def _append(self, key: Key, count: int) -> int | None:
        name = _SEPARATOR.join(key).encode()
        at = _aligned(self._end + _HEADER.size + len(name))
        end = at + 8 * count
        if end + _HEADER.size > _SIZE:
            return None
        start = self._end + _HEADER.size
        self.buffer[start : start + len(name)] = name
        # The length last: readers take a length of 0 for the end.
        _HEADER.pack_into(self.buffer, self._end, len(name), count)
        self._places[key, count] = at
        self._end = end
        return at

    def close(self) -> None:
        """Write what is in memory to the file, and give up the lock."""
        self._doubles.release()
        self.buffer.close()
        os.close(self._descriptor)


def _own_file(directory: Path) -> _File:
    """Take the first file that no process owns."""
    for number in range(_MOST_FILES):
        name = directory / _NAME.format(number)
        descriptor = os.open(
            name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode=0o600
        )
        if lock(descriptor):
            return _File(descriptor)
        os.close(descriptor)
    raise OSError(f"{directory} has {_MOST_FILES} files that are in use")


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file, without waiting, and return whether that was possible."""
    import fcntl  # noqa: PLC0415 - Windows has none

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Shared(NamedTuple):
    """The numbers in one file. `is_owned`: a process that runs counts in it."""

    numbers: Numbers
    is_owned: bool


def read_all(directory: Path) -> Iterator[Shared]:
    """Read the files of all processes."""
    for name in sorted(directory.glob(_NAME.format("*"))):
        with contextlib.suppress(FileNotFoundError), name.open("rb") as file:
            is_owned = not lock(file.fileno(), shared=True)
            yield Shared(dict(_rows(file.read(_SIZE))), is_owned)


def _rows(content: bytes | mmap.mmap) -> Iterator[tuple[Key, tuple[float, ...]]]:
    for key, count, at, _ in _places(content):
        yield key, struct.unpack_from(f"={count}d", content, at)


def _places(content: bytes | mmap.mmap) -> Iterator[tuple[Key, int, int, int]]:
    """Yield each key, how many numbers it has, where they are, and where they end."""
    if content[: len(_MAGIC)] != _MAGIC:
        return
    at = len(_MAGIC)
    while at + _HEADER.size <= len(content):
        length, count = _HEADER.unpack_from(content, at)
        start = at + _HEADER.size
        numbers = _aligned(start + length)
        end = numbers + 8 * count
        if not length or end > len(content):
            return
        key = tuple(content[start : start + length].decode(errors="replace").split(_SEPARATOR))
        yield key, count, numbers, end
        at = end


def _aligned(at: int) -> int:
    return (at + 7) // 8 * 8
