"""Commands on a database that nobody else uses, each beside the least that the database needs.

A command and its limit take turns, because the machine is not always equally quick. What changes
the database is done on a copy of its own each time.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from bench.bench import Bench
from bench.tables import Goal, at_most, ratio, table

Work = Callable[[str], tuple[int, float]]  # gives how many rows it was, and the peak in MB
_MOST_ROUNDS = 3


@dataclass(frozen=True)
class Pair:
    """A command and its limit; `most`: how many times as long as the limit it may take."""

    name: str
    limit_name: str
    most: float
    rows: int
    work: Work
    limit: Work
    changes: bool = False


def measure(
    bench: Bench,
    store: str,
    url: str,
    pairs: list[Pair],
    copied: Callable[[str], AbstractContextManager[str]],
) -> list[dict[str, Any]]:
    """Do each pair some times on one database; `copied` makes a copy and removes it."""
    done = []
    for pair in pairs:
        seconds: dict[str, list[float]] = {"command": [], "limit": []}
        peak = 0.0
        for _ in range(min(bench.scale.rounds, _MOST_ROUNDS)):
            for side, work in (("command", pair.work), ("limit", pair.limit)):
                bench.say(f"{store}, alone, {pair.name if side == 'command' else pair.limit_name}")
                with copied(url) if pair.changes else nullcontext(url) as used:
                    os.sync()  # so that nothing is written down meanwhile that came before
                    began = time.monotonic()
                    rows, memory = work(used)
                    seconds[side].append(time.monotonic() - began)
                if rows != pair.rows:
                    sys.exit(f"{pair.name} on {store}, {side}: {rows} rows, not {pair.rows}")
                peak = max(peak, memory)
        about = {"name": pair.name, "limit_name": pair.limit_name, "most": pair.most}
        done.append({**about, "rows": pair.rows, "peak_mb": peak, "seconds": seconds})
    return done


def report(stores: dict[str, dict[str, Any]]) -> list[str]:
    """Return the table, with ratios first."""
    rows = []
    for store, measured in stores.items():
        for one in measured.get("alone", []):
            command, limit = one["seconds"]["command"], one["seconds"]["limit"]
            took = statistics.median(command)
            rows.append(
                (
                    f"{store}, {one['name']}",
                    f"{ratio(command, limit):.2f}",
                    one["limit_name"],
                    f"{one['rows']:,}",
                    f"{took:.1f}",
                    f"{statistics.median(limit):.1f}",
                    f"{one['rows'] / took:,.0f}",
                    f"{one['peak_mb']:.0f}",
                )
            )
    head = (
        *("command", ">ratio of time", "to", ">rows", ">seconds", ">its seconds"),
        *(">rows/s", ">peak MB"),
    )
    return [
        "The same while nobody else is connected to the database: then the commands do not rest.",
        "",
        *table(head, rows),
    ]


def goals(stores: dict[str, dict[str, Any]]) -> Iterator[Goal]:
    """Compare with what was promised."""
    for store, measured in stores.items():
        for one in measured.get("alone", []):
            took = ratio(one["seconds"]["command"], one["seconds"]["limit"])
            name = f"{one['name']} alone, {store}: time, to {one['limit_name']}"
            yield at_most(name, one["most"], took, "x")
