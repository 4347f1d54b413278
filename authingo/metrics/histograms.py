"""Histograms: how many times were within each bound, and their sum."""

from __future__ import annotations

from bisect import bisect_left

from authingo.metrics.cells import Row

BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)  # seconds; few, because each verb has a histogram
_SUM = len(BOUNDS) + 1  # the column of the sum, behind those of the bounds and of infinity
COLUMNS = _SUM + 1


def observe(row: Row, seconds: float) -> None:
    """Add a time to a row of `COLUMNS` numbers."""
    values, at = row.values, row.at  # without calls, because each check in the store pays
    values[at + bisect_left(BOUNDS, seconds)] += 1.0
    values[at + _SUM] += seconds
