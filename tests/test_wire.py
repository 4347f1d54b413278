"""How a moment is written: RFC 3339 in UTC, always with microseconds and Z."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from authingo.wire import timestamp


@pytest.mark.parametrize(
    ("microsecond", "ends"),
    [(0, ".000000Z"), (1, ".000001Z"), (120_000, ".120000Z"), (999_999, ".999999Z")],
)
def test_every_moment_has_six_digits(microsecond: int, ends: str) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, microsecond, tzinfo=UTC)
    assert timestamp(moment) == f"2026-01-02T03:04:05{ends}"
    assert datetime.fromisoformat(timestamp(moment)) == moment
