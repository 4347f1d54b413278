"""Markdown, and what was promised beside what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """Something promised: at least, or at most, so much."""

    text: str
    wanted: str
    measured: str
    met: bool


def at_least(text: str, wanted: float, measured: float, unit: str = "") -> Goal:
    return Goal(text, f"≥ {wanted:g}{unit}", f"{measured:.3g}{unit}", measured >= wanted)


def at_most(text: str, wanted: float, measured: float, unit: str = "") -> Goal:
    return Goal(text, f"≤ {wanted:g}{unit}", f"{measured:.3g}{unit}", measured <= wanted)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay out a table; a column whose head begins with > is aligned to the right."""
    return [
        "| " + " | ".join(name.lstrip(">") for name in head) + " |",
        "|" + "|".join("---:" if name.startswith(">") else "---" for name in head) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def ratio(runs: Sequence[float], base: Sequence[float]) -> float:
    """Compare round by round, so that what slows the machine for a while slows both sides."""
    return statistics.median(run / other for run, other in zip(runs, base, strict=True))


def ms(value: float) -> str:
    """Write milliseconds with no more digits than they are worth."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
