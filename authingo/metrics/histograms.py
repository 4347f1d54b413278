"""Histograms: how many times were within each bound, and their sum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from authingo.metrics.cells import Row

BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)  # seconds; few, because each verb has a histogram
_SUM = len(BOUNDS) + 1  # the column of the sum, behind those of the bounds and of infinity
COLUMNS = _SUM + 1


def timer(row: Row) -> Callable[[float], None]:
    """Return what adds a time in seconds to a row of `COLUMNS` numbers."""

    def add(seconds: float) -> None:
        row.add(column=bisect_left(BOUNDS, seconds))
        row.add(seconds, _SUM)

    return add
