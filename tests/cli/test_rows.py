"""Rows of long lists are written by a short way if they are harmless: the result is the same."""

from __future__ import annotations

import csv
import importlib
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authingo.wire import json_line

output = importlib.import_module("authingo.cli.output")

RISKY = st.sampled_from([*list("=+-@'\", \t\r\n\x1b\x7fé\u202e\ud800"), "", "a", "=1", "a,b", "'="])
TEXT = st.lists(RISKY, max_size=4).map("".join) | st.text(max_size=9)
CELL = TEXT | st.none() | st.booleans() | st.integers()


def as_text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@settings(max_examples=500, deadline=None)
@given(st.lists(CELL, min_size=2, max_size=4))
def test_csv(row: list[object]) -> None:
    written, expected = io.StringIO(), io.StringIO(newline="")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stdout", written)
        table = output.CSV(["column"] * len(row))
        table.add(row)
    writer = csv.writer(expected, lineterminator="\n")
    writer.writerow(["column"] * len(row))
    writer.writerow([output.cell(as_text(value)) for value in row])
    assert written.getvalue() == expected.getvalue()


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(TEXT, st.recursive(CELL, lambda inner: st.lists(inner, max_size=2))))
def test_json(value: dict[str, Any]) -> None:
    assert json_line(value) == json.dumps(value)
