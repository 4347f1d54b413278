"""Reads the records of a file: JSON lines, a JSON array, or CSV with a header.

Which one it is, its first character tells. The file may be endless: no more than a
record is held, and a record has a bound. A line that is not right is told and passed
by; only where nobody can tell where the next record begins does reading end, because
what a stranger wrote into a cell would otherwise be taken for records of its own.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from authingo.errors import AuthError

MAX_RECORD = 1024 * 1024  # bytes of a line, characters of an element of an array
_CHUNK = 64 * 1024
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    """A line that was not taken, and why. Never what stands in it."""

    line: int
    code: str
    message: str


class Repeated(dict[str, Any]):
    """A JSON object that has one of its names twice, so that nobody knows what it says."""


def read(file: BinaryIO) -> Iterator[Record | Failed]:
    """Yield what stands in a file, record by record.

    A record is known by the number of the line where it begins; in a JSON array, which
    may be all on one line, by its place in it, counted from one.

    Raises:
        Unreadable: nothing can be made of it, or of what follows.
    """
    lines = _Lines(file)
    first = lines.next()
    if first.startswith(_UTF16) or b"\x00" in first[:_CHUNK]:
        raise Unreadable(
            "the file is not UTF-8 text",
            hint="write it as UTF-8, for instance with: iconv -f UTF-16 -t UTF-8",
        )
    first = first.removeprefix(codecs.BOM_UTF8)
    while first and not first.strip():
        first = lines.next()
    start = first.lstrip()[:1]
    if start == b"{":
        yield from _json_lines(first, lines)
    elif start == b"[":
        yield from _json_array(first, lines)
    elif start:
        yield from _csv_rows(first, lines)


class _Lines:
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
        with _told():
            return self._file.read(_CHUNK)

    def _read_line(self) -> bytes:
        with _told():
            return self._file.readline(MAX_RECORD + 1)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror}") from None


def _is_cut(line: bytes) -> bool:
    return len(line) > MAX_RECORD and not line.endswith(b"\n")


def _json_lines(line: bytes, lines: _Lines) -> Iterator[Record | Failed]:
    while line:
        if lines.too_long:
            yield Failed(lines.number, "line_too_long", f"is longer than {MAX_RECORD} bytes")
        elif text := line.strip():
            yield _from_json(lines.number, text)
        line = lines.next()


def _from_json(number: int, raw: bytes) -> Record | Failed:
    try:
        return _checked(number, _JSON.decode(raw.decode("utf-8")))
    except UnicodeDecodeError:
        return _not_utf8(number)
    except (ValueError, RecursionError):
        return Failed(number, "invalid_json", "is not valid JSON")


def _checked(number: int, value: object) -> Record | Failed:
    if isinstance(value, Repeated):
        return Failed(number, "repeated_field", "has a field twice")
    if not isinstance(value, dict):
        return Failed(number, "invalid_json", "is not a JSON object")
    return Record(number, value)


def _json_array(head: bytes, lines: _Lines) -> Iterator[Record | Failed]:
    """Yield the elements of an array that need not fit into memory."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    waiting, at, number = decoder.decode(head).lstrip(), 1, 0
    while True:
        at = _BETWEEN.match(waiting, at).end()  # type: ignore[union-attr]  # always matches
        if waiting.startswith("]", at):
            _require_nothing(waiting[at + 1 :], lines)
            return
        try:
            value, end = _JSON.raw_decode(waiting, at)
        except (ValueError, RecursionError):
            chunk = lines.rest()
            if not chunk or len(waiting) - at > MAX_RECORD:
                raise Unreadable(
                    f"element {number + 1} of the array is not valid JSON,"
                    f" or longer than {MAX_RECORD} characters: nothing from there on was read"
                ) from None
            waiting, at = waiting[at:] + decoder.decode(chunk), 0
            continue
        number += 1
        bad = _has_escaped_bytes(waiting[at:end])
        yield _not_utf8(number) if bad else _checked(number, value)
        at = end


def _require_nothing(waiting: str, lines: _Lines) -> None:
    """Refuse what follows the end of an array: somebody put two files into one."""
    rest = waiting.encode("utf-8", "surrogateescape")
    while True:
        if rest.strip():
            raise Unreadable("something follows the end of the array, and was not read")
        rest = lines.rest()
        if not rest:
            return


def _csv_rows(line: bytes, lines: _Lines) -> Iterator[Record | Failed]:
    rows = csv.reader(_text_of(line, lines), strict=True)
    columns: list[str] = []
    begins = lines.number
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise Unreadable(
                f"line {begins}: the quotes of the CSV are not right, or a cell is too long"
                f" ({error}): nothing from there on was read",
                hint="leave out columns that are not needed, and write the file anew",
            ) from None
        if row is None:
            return
        if not columns:
            columns = _checked_columns(row)
        elif row:
            yield _from_row(begins, columns, row)
        begins, lines.size = lines.number + 1, 0


def _text_of(line: bytes, lines: _Lines) -> Iterator[str]:
    """Yield text; what is no UTF-8 is kept apart, so that it costs its own record alone."""
    while line:
        if lines.size > MAX_RECORD:
            raise csv.Error(f"a record is longer than {MAX_RECORD} bytes")
        yield line.decode("utf-8", "surrogateescape")
        line = lines.next()


def _checked_columns(row: list[str]) -> list[str]:
    columns = [name.strip() for name in row]
    if any(_has_escaped_bytes(name) for name in columns):
        raise Unreadable("the file is not UTF-8 text")
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        raise Unreadable("the columns of the CSV are not separated by commas")
    if len(set(columns)) < len(columns):
        raise Unreadable("the CSV has a column twice", hint=_HEADER)
    return columns


def _from_row(number: int, columns: list[str], row: list[str]) -> Record | Failed:
    if len(row) != len(columns):
        return Failed(
            number, "invalid_csv", f"has {len(row)} cells, and there are {len(columns)} columns"
        )
    if any(_has_escaped_bytes(cell) for cell in row):
        return _not_utf8(number)
    if any("\x00" in cell for cell in row):
        return Failed(number, "invalid_csv", "has a NUL byte")
    return Record(number, dict(zip(columns, row, strict=True)), in_columns=True)


def _not_utf8(number: int) -> Failed:
    return Failed(number, "invalid_utf8", "is not UTF-8")


def _has_escaped_bytes(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= char <= "\udcff" for char in text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(found)


_HEADER = "its first line must name the columns (psql: CSV HEADER)"
_BETWEEN = re.compile(r"[\s,]*")
_JSON = json.JSONDecoder(object_pairs_hook=_object)
