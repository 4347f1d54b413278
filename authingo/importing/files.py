"""Finds out how a file is written: JSON lines, other JSON, or CSV with a header.

The file may be endless: no more than a record is held, and a record has a bound. A
record that is not right is reported and skipped. Only where nobody can tell where the
next record begins does reading end, because what a stranger wrote into a cell would
otherwise be taken for records of its own.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from authingo.importing import csv_records, json_records
from authingo.importing.records import CHUNK, Failed, Lines, Record, Unreadable

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(file: BinaryIO) -> Iterator[Record | Failed]:
    """Yield the records of a file, one by one.

    A record is known by the number of the line where it begins; in JSON that is not one
    object a line, by its place among the users, counted from one.

    Raises:
        Unreadable: nothing can be made of it, or of what follows.
    """
    lines = Lines(file)
    first = lines.next()
    if first.startswith(_UTF16) or b"\x00" in first[:CHUNK]:
        raise Unreadable(
            "the file is not UTF-8 text",
            hint="save it as UTF-8 (Excel: CSV UTF-8; PowerShell: Out-File -Encoding utf8),"
            " or convert it: iconv -f UTF-16 -t UTF-8",
        )
    first = first.removeprefix(codecs.BOM_UTF8)
    while first and not first.strip():
        first = lines.next()
    start = first.lstrip()[:1]
    if start == b"{" and json_records.is_complete(first):
        yield from json_records.from_lines(first, lines)
    elif start in (b"{", b"["):
        yield from json_records.from_documents(first, lines)
    elif start:
        yield from csv_records.from_csv(first, lines)
