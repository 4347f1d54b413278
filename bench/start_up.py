"""How long `authingo --help` takes, beside a Typer program that does nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.bench import Bench
from bench.tables import Goal, at_most, ratio, table

NAME = "start-up"

_EMPTY = '''\
import typer

app = typer.Typer()


@app.command()
def nothing() -> None:
    """Do nothing."""


if __name__ == "__main__":
    app()
'''


def run(bench: Bench) -> dict[str, Any]:
    """Start both in turn."""
    bench.say("start-up of the command")
    empty = bench.directory / "empty.py"
    empty.write_text(_EMPTY)
    authingo = Path(sys.executable).with_name("authingo")
    times: dict[str, list[float]] = {"typer": [], "authingo": []}
    _time(sys.executable, str(authingo), "--help")  # the first reads files from the disk
    _time(sys.executable, str(empty), "--help")
    for _ in range(bench.scale.start_ups):
        times["typer"].append(_time(sys.executable, str(empty), "--help"))
        times["authingo"].append(_time(sys.executable, str(authingo), "--help"))
    return {"times": times}


def _time(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def report(result: dict[str, Any]) -> list[str]:
    """One table."""
    times = result["times"]
    return [
        f"Started in turn, {len(times['typer'])} times each, by the same interpreter.",
        "",
        *table(
            ("command", ">ratio", ">median ms"),
            (
                (
                    name,
                    f"{ratio(times[key], times['typer']):.2f}",
                    f"{statistics.median(times[key]) * 1000:.0f}",
                )
                for name, key in (
                    ("an empty Typer program, `--help`", "typer"),
                    ("`authingo --help`", "authingo"),
                )
            ),
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """Compare with what was promised."""
    times = result["times"]
    measured = ratio(times["authingo"], times["typer"])
    yield at_most("`authingo --help`, to an empty Typer program", 1.5, measured, "x")


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001 - one number needs none
    """Draw nothing."""
    return {}
