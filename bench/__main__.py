"""Measure, interleaved, medians of several rounds; print and write down ratios first.

python -m bench              five rounds of three seconds each
python -m bench --quick      one round of a second: whether it runs at all
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from authingo import Auth
from authingo.config import settings_from
from bench.load import CONNECTIONS, Counted, load, served
from tests.postgres import find_server

_README = Path(__file__).with_name("README.md")


@dataclass(frozen=True)
class Subject:
    """Something measured. `against`: the subject that its ratio is to."""

    name: str
    application: str
    path: str
    database: str
    against: str


BARE = Subject("bare uvicorn", "bare", "/", "sqlite", "bare uvicorn")
SUBJECTS = [
    BARE,
    Subject("auth.handler, PostgreSQL", "handler", "/session", "postgres", BARE.name),
    Subject("auth.handler, SQLite", "handler", "/session", "sqlite", BARE.name),
    Subject("auth.install, PostgreSQL", "installed", "/api/auth/session", "postgres", BARE.name),
    Subject("auth.install, SQLite", "installed", "/api/auth/session", "sqlite", BARE.name),
    Subject("FastAPI route, no guard", "installed", "/open", "postgres", BARE.name),
    Subject(
        "FastAPI route, guarded, PostgreSQL",
        "installed",
        "/guarded",
        "postgres",
        "FastAPI route, no guard",
    ),
    Subject(
        "FastAPI route, guarded, SQLite",
        "installed",
        "/guarded",
        "sqlite",
        "FastAPI route, no guard",
    ),
]


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, nothing written")
    quick = parser.parse_args().quick
    rounds, seconds = (1, 1) if quick else (5, 3)
    server = find_server()
    try:
        with tempfile.TemporaryDirectory() as directory:
            urls = {
                "postgres": server.create_database(),
                "sqlite": f"sqlite:///{directory}/authingo.db",
            }
            tokens = {kind: asyncio.run(_sign_up(url)) for kind, url in urls.items()}
            counted = _measure(urls, tokens, rounds, seconds)
    finally:
        server.stop()
    rows = list(_rows(counted))
    _show(rows)
    if not quick:
        _README.write_text(_report(rows, rounds, seconds))


async def _sign_up(url: str) -> str:
    auth = Auth(settings_from({"database_url": url, "passwords": {"bcrypt_cost": 4}}))
    await auth.open()
    await auth.store.migrate()
    made = await auth.sign_up(
        email="user1@example.com", password="correct horse battery", name="User"
    )
    await auth.close()
    return made.tokens.session


def _measure(
    urls: dict[str, str], tokens: dict[str, str], rounds: int, seconds: int
) -> dict[str, list[Counted]]:
    counted: dict[str, list[Counted]] = {subject.name: [] for subject in SUBJECTS}
    for _ in range(rounds):
        for subject in SUBJECTS:
            environment = {
                "AUTHINGO_DATABASE_URL": urls[subject.database],
                "AUTHINGO_PUBLIC_URL": "http://127.0.0.1",
            }
            with served(subject.application, environment) as port:
                load(port, subject.path, tokens[subject.database], 1)  # warm
                run = load(port, subject.path, tokens[subject.database], seconds)
            counted[subject.name].append(run)
    return counted


Row = tuple[str, str, str, str, str]


def _rows(counted: dict[str, list[Counted]]) -> Iterable[Row]:
    """Ratios round by round, so that what slows the machine for a while slows both sides."""
    for subject in SUBJECTS:
        runs, base = counted[subject.name], counted[subject.against]
        ratio = statistics.median(
            run.rate / other.rate for run, other in zip(runs, base, strict=True)
        )
        yield (
            subject.name,
            f"{ratio:.2f}",
            subject.against,
            f"{statistics.median(run.rate for run in runs):,.0f}",
            f"{statistics.median(run.p99 for run in runs):.1f}",
        )


_HEAD = ("session check", "ratio", "to", "requests/s", "p99 ms")


def _show(rows: list[Row]) -> None:
    table = Table(*_HEAD)
    for column in (1, 3, 4):
        table.columns[column].justify = "right"
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _report(rows: list[Row], rounds: int, seconds: int) -> str:
    packages = ("uvicorn", "httptools", "fastapi", "starlette", "asyncpg")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    lines = [
        "# What is measured",
        "",
        "Written by `python -m bench`. The server has one core, the load and the database the",
        f"other; {CONNECTIONS} connections, medians of {rounds} interleaved rounds of {seconds} s.",
        "Ratios are comparable between machines, requests per second are not. There is no cache",
        "yet: every check asks the database.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()},",
        f"Python {platform.python_version()}, {versions}.",
        "",
        "| " + " | ".join(_HEAD) + " |",
        "|---|---:|---|---:|---:|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
