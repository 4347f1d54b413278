"""What a file of users consists of: records, and lines of which no more than a bound is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from authingo.errors import AuthError

MAX_RECORD = 1024 * 1024  # bytes of a line, characters of a JSON object
CHUNK = 64 * 1024


class Unreadable(AuthError):
    """The file cannot be read."""

    code = "unreadable_file"


@dataclass(frozen=True, slots=True)
class Record:
    """What a line holds, by name. `in_columns`: it is CSV, so all lines have the same names."""

    line: int
    fields: dict[str, Any]
    in_columns: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A line that was not taken, and why. Never its content."""

    line: int
    code: str
    message: str

    @classmethod
    def because_not_utf8(cls, line: int) -> Failed:
        """Return what is said of a record with bytes that are not UTF-8."""
        return cls(line, "invalid_utf8", "is not UTF-8")


class Repeated(dict[str, Any]):
    """A JSON object that has one of its names twice, so that nobody knows what it says."""


class Lines:
    """The lines of a file, of which no more than the bound is ever read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._cut = False
        self.number = 0
        self.too_long = False  # the last one was
        self.size = 0  # bytes, since whoever reads set it to zero

    def next(self) -> bytes:
        """Return the next line; empty at the end."""
        while self._cut:
            self._cut = _is_cut(self._read_line())
        line = self._read_line()
        self._cut = _is_cut(line)
        self.too_long = len(line) > MAX_RECORD
        self.number += bool(line)
        self.size += len(line)
        return line

    def rest(self) -> bytes:
        """Return what follows, wherever lines end, a piece at a time; empty at the end."""
        with _readable():
            return self._file.read(CHUNK)

    def _read_line(self) -> bytes:
        with _readable():
            return self._file.readline(MAX_RECORD + 1)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror}") from None


def _is_cut(line: bytes) -> bool:
    return len(line) > MAX_RECORD and not line.endswith(b"\n")


def has_escaped_bytes(text: str) -> bool:
    """Return whether there were bytes that are not UTF-8, decoded with `surrogateescape`."""
    return not text.isascii() and any("\udc80" <= char <= "\udcff" for char in text)
