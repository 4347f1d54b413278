"""Detect the format of a file: JSON lines, other JSON, or CSV with a header.

The file may be endless: only one record is kept in memory, and its size is limited. An
invalid record is reported and skipped. Reading ends only if it is unknown where the next
record begins; otherwise text that a stranger wrote into a cell could count as records.
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

    The number of a record is that of the line where it begins. In JSON that is not one object
    per line, it is the user's position, counted from one.

    Raises:
        Unreadable: the file, or the rest of it, makes no sense.
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
