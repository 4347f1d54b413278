"""Read users from CSV with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from authingo.importing.records import (
    MAX_RECORD,
    Failed,
    Lines,
    Record,
    Unreadable,
    has_escaped_bytes,
)

_HEADER = "its first line must name the columns (psql: CSV HEADER)"


def from_csv(line: bytes, lines: Lines) -> Iterator[Record | Failed]:
    """Yield the rows of a CSV file; its first line names the columns, in upper or lower case.

    `line` is the first, and `lines` what follows.

    Raises:
        Unreadable: the header or the quotes are not right.
    """
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
                hint="leave out columns that are not needed, and write the file again",
            ) from None
        if row is None:
            return
        if not columns:
            columns = _checked_columns(row)
        elif row:
            yield _from_row(begins, columns, row)
        begins, lines.size = lines.number + 1, 0


def _text_of(line: bytes, lines: Lines) -> Iterator[str]:
    """Yield text; bytes that are not UTF-8 are escaped, so that only their record fails."""
    while line:
        if lines.size > MAX_RECORD:
            raise csv.Error(f"a record is longer than {MAX_RECORD} bytes")
        yield line.decode("utf-8", "surrogateescape")
        line = lines.next()


def _checked_columns(row: list[str]) -> list[str]:
    columns = [name.strip().lower() for name in row]
    if any(has_escaped_bytes(name) for name in columns):
        raise Unreadable("the file is not UTF-8 text")
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        raise Unreadable(
            "the columns of the CSV are not separated by commas",
            hint="save it as CSV with commas; Excel calls that CSV UTF-8, and takes the separator "
            "from the regional settings",
        )
    if len(set(columns)) < len(columns):
        raise Unreadable("the CSV has a column twice", hint=_HEADER)
    return columns


def _from_row(number: int, columns: list[str], row: list[str]) -> Record | Failed:
    if len(row) != len(columns):
        return Failed(
            number, "invalid_csv", f"has {len(row)} cells, and there are {len(columns)} columns"
        )
    if any(has_escaped_bytes(cell) for cell in row):
        return Failed.because_not_utf8(number)
    if any("\x00" in cell for cell in row):
        return Failed(number, "invalid_csv", "has a NUL byte")
    return Record(number, dict(zip(columns, row, strict=True)), in_columns=True)
