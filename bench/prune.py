"""`authingo sessions prune` where half of two million sessions are over, beside a plain DELETE.

Both delete the same rows from a copy each, while 16 connections check sessions
without the cache, so that every check asks the database that is being pruned.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg

from bench import cores, data
from bench.bench import Bench
from bench.cores import placed
from bench.load import Load
from bench.servers import served, verify
from bench.systems import System, installed
from bench.tables import Goal, ms, table

NAME = "prune"

_CONNECTIONS = 16
_PAUSE = 32  # ms: about 500 session checks a second
_UNTIL_STOPPED = 3600  # seconds
Cleaner = Callable[[str], tuple[int, float]]  # gives rows deleted and, if known, peak MB


def run(bench: Bench) -> dict[str, Any]:
    """Prune one copy, DELETE from the other."""
    bench.place_database(cores.ALL)
    size = bench.scale.prune
    postgres = bench.new_postgres(size)
    postgres_copy = bench.server.create_database(postgres)
    sqlite = bench.new_sqlite(size)
    sqlite_copy = f"{sqlite}.copy"
    shutil.copy(_path(sqlite), _path(sqlite_copy))
    stores: dict[str, dict[str, dict[str, float]]] = {}
    for store, cleaned, copied, delete in (
        ("PostgreSQL", postgres, postgres_copy, _delete_from_postgres),
        ("SQLite", sqlite, sqlite_copy, _delete_from_sqlite),
    ):
        bench.say(f"prune on {store}")
        stores[store] = {
            "prune": _measure(bench, cleaned, _prune),
            "delete": _measure(bench, copied, delete),
        }
    for url in (postgres, postgres_copy):
        bench.server.drop_database(url)
    for url in (sqlite, sqlite_copy):
        _path(url).unlink()
    return {"sessions": size.sessions, "stores": stores}


def _measure(bench: Bench, url: str, clean: Cleaner) -> dict[str, float]:
    system = installed(url, cache=False)
    live = [2 * number for number in range(bench.scale.tokens // 2)]
    file = bench.write_cookies([system.cookie(session) for session in live])
    with served(system.program, cores.ALL) as server:
        _verify(system, server.port, live)
        idle = _load(system, server.port, file, max(1, bench.scale.seconds)).finish()
        load = _load(system, server.port, file, _UNTIL_STOPPED)
        time.sleep(0.5)
        began = time.monotonic()
        deleted, peak = clean(url)
        took = time.monotonic() - began
        meanwhile = load.finish(now=True)
        _verify(system, server.port, live)
    if deleted != bench.scale.prune.sessions // 2:
        sys.exit(f"{deleted} sessions were deleted, not {bench.scale.prune.sessions // 2}")
    return {
        "seconds": took,
        "peak_mb": peak,
        "idle_p99": idle.p99,
        "p50": meanwhile.p50,
        "p99": meanwhile.p99,
    }


def _load(system: System, port: int, file: Path, seconds: int) -> Load:
    return Load(
        port,
        system.check,
        file,
        cores=cores.ALL,
        seconds=seconds,
        connections=_CONNECTIONS,
        pause=_PAUSE,
    )


def _verify(system: System, port: int, live: list[int]) -> None:
    for session in live[:: max(1, len(live) // 10)]:
        verify(port, system.check, system.cookie(session), contains=data.email(session))


def _prune(url: str) -> tuple[int, float]:
    process = subprocess.Popen(
        [Path(sys.executable).with_name("authingo"), "sessions", "prune", "--json"],
        env={**os.environ, "AUTHINGO_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=placed(cores.ALL),  # noqa: PLW1509 - no thread holds a lock that it needs
    )
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != 0:
        sys.exit("authingo sessions prune failed")
    return json.loads(said)["pruned"], used.ru_maxrss * 1024 / 1e6


def _delete_from_postgres(url: str) -> tuple[int, float]:
    async def delete() -> int:
        connection = await asyncpg.connect(url)
        try:
            said: str = await connection.execute(
                "DELETE FROM authingo_sessions WHERE refresh_expires_at <= now()"
            )
        finally:
            await connection.close()
        return int(said.rpartition(" ")[2])

    return asyncio.run(delete()), 0.0


def _delete_from_sqlite(url: str) -> tuple[int, float]:
    connection = sqlite3.connect(_path(url))
    try:
        done = connection.execute(
            "DELETE FROM authingo_sessions WHERE refresh_expires_at <= ?",
            (int(time.time()) * 1_000_000,),
        )
        connection.commit()
        return done.rowcount, 0.0
    finally:
        connection.close()


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """One table, ratios first."""
    rows = []
    for store, measured in result["stores"].items():
        limit = measured["delete"]["seconds"]
        for key, name in (("prune", "`authingo sessions prune`"), ("delete", "one DELETE")):
            taken = measured[key]
            rows.append(
                (
                    f"{store}, {name}",
                    f"{taken['seconds'] / limit:.2f}",
                    f"{taken['seconds']:.1f}",
                    f"{taken['peak_mb']:.0f}" if taken["peak_mb"] else "",
                    ms(taken["p99"]),
                    ms(taken["p50"]),
                    ms(taken["idle_p99"]),
                )
            )
    return [
        f"{result['sessions'] // 2:,} expired sessions among {result['sessions']:,}, deleted by",
        "the command and, as the limit, by one plain DELETE on a copy. Session checks go on",
        "meanwhile, about 500 a second, without the cache. Both cores are for everything.",
        "",
        *table(
            (
                "prune",
                ">ratio of time",
                ">seconds",
                ">peak MB",
                ">checks meanwhile p99 ms",
                ">p50 ms",
                ">p99 ms before",
            ),
            rows,
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:  # noqa: ARG001
    """Nothing was promised."""
    yield from ()


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001
    """Draw nothing."""
    return {}
