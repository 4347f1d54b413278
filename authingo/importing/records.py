"""The records of a file of users, and its lines, with a limit on their length."""

from __future__ import annotations

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
    """The fields of a record by name. `in_columns`: it is a row of CSV; all have the same names."""

    line: int
    fields: dict[str, Any]
    in_columns: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A line that could not be imported, and why. Never its content."""

    line: int
    code: str
    message: str

    @classmethod
    def because_not_utf8(cls, line: int) -> Failed:
        """Return the failure of a record with bytes that are not UTF-8."""
        return cls(line, "invalid_utf8", "is not UTF-8")


class Repeated(dict[str, Any]):
    """A JSON object that has a name twice, so that its value is ambiguous."""


class Lines:
    """The lines of a file. Of a line that is too long, only a limited part is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._cut = False
        self.number = 0
        self.too_long = False  # the last one was
        self.size = 0  # bytes that were read since the caller set it to zero

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
        """Return the next piece of the file, wherever its lines end; empty at the end."""
        try:
            return self._file.read(CHUNK)
        except OSError as error:
            raise _unreadable(error) from None

    def _read_line(self) -> bytes:
        try:
            return self._file.readline(MAX_RECORD + 1)
        except OSError as error:
            raise _unreadable(error) from None


def _unreadable(error: OSError) -> Unreadable:
    return Unreadable(f"the file cannot be read: {error.strerror}")


def _is_cut(line: bytes) -> bool:
    return len(line) > MAX_RECORD and not line.endswith(b"\n")


def has_escaped_bytes(text: str) -> bool:
    """Return whether there were bytes that are not UTF-8, decoded with `surrogateescape`."""
    return not text.isascii() and any("\udc80" <= char <= "\udcff" for char in text)
