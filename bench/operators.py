"""What an operator runs on a million users, beside the least that the database itself needs.

`users list --csv`, `users import` of another 100,000 and `sessions prune` of a million
expired ones; as the limit, COPY, a plain INSERT of rows that are ready, or one DELETE on
a copy. Meanwhile people sign in and their sessions are checked, without the cache, so
that every check asks the database that is being worked on. Before that, the same is done
while nobody else uses the database, see alone.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg

from bench import alone, clients, cores, data
from bench.bench import Bench
from bench.clients import Clients, Served
from bench.cores import placed
from bench.load import Counted, Load
from bench.servers import Server, served, verify
from bench.systems import System, installed
from bench.tables import Goal, at_most, ms, table

NAME = "operators"

_CONNECTIONS = 16  # of the session checks
_PAUSE = 32  # ms: about 500 session checks a second
_THINKS = 0.2  # seconds between two sign-ins of the one who signs in
_UNTIL_STOPPED = 3600  # seconds
MEMORY = 150  # MB that a command may take


@dataclass(frozen=True)
class Task:
    """Something that is done to a database: gives how many rows it was, and the peak in MB.

    `rows` is how many it must be; None: as many as it gets done in its time.
    """

    key: str
    name: str
    rows: int | None
    work: Callable[[str], tuple[int, float]]


def run(bench: Bench) -> dict[str, Any]:
    """Do everything on one database of each kind, and the DELETE on a copy of it."""
    bench.place_database(cores.ALL)
    size, imported = bench.scale.operators, bench.scale.imported
    postgres = bench.new_postgres(size)
    postgres_copy = bench.server.create_database(postgres)
    sqlite = bench.new_sqlite(size)
    sqlite_copy = f"{sqlite}.copy"
    shutil.copy(_path(sqlite), _path(sqlite_copy))
    file = bench.directory / "users.jsonl"
    data.write_users(file, range(size.users, size.users + imported))
    others = range(size.users + imported, size.users + 2 * imported)

    @contextlib.contextmanager
    def postgres_copied(url: str) -> Iterator[str]:
        copy = bench.server.create_database(url)
        yield copy
        bench.server.drop_database(copy)

    stores: dict[str, dict[str, Any]] = {}
    postgres_limits = _PostgresLimits(bench.directory, others)
    sqlite_limits = _SQLiteLimits(bench.directory, others)
    for store, url, copied, limits, copying in (
        ("PostgreSQL", postgres, postgres_copy, postgres_limits, postgres_copied),
        ("SQLite", sqlite, sqlite_copy, sqlite_limits, _sqlite_copied),
    ):
        expired = size.sessions // 2
        pairs = [
            alone.Pair(name, limits.listing, 4, size.users, work, limits.list_users)
            for name, work in (
                ("`users list --csv`", _list),
                ("`users list --json`", _list_json),
                ("`users export`", _export),
            )
        ]
        pairs += [
            alone.Pair(
                *("`users import`", limits.inserting, 10, imported),
                *(lambda url: _import(url, file), limits.insert),
                changes=True,
            ),
            alone.Pair(
                *("`sessions prune`", "one DELETE", 4, expired),
                *(_prune, limits.delete),
                changes=True,
            ),
        ]
        by_itself = alone.measure(bench, store, url, pairs, copying)
        tasks = [
            Task("list", "`users list --csv`", size.users, _list),
            Task("list limit", limits.listing, size.users, limits.list_users),
            Task("import", "`users import`", imported, lambda url: _import(url, file)),
            Task("import limit", limits.inserting, imported, limits.insert),
            Task("prune", "`sessions prune`", expired, _prune),
        ]
        on_copy = [Task("prune limit", "one DELETE", expired, limits.delete)]
        idle, done = measure(bench, store, url, tasks)
        idle_too, done_too = measure(bench, store, copied, on_copy)
        felt_idle = medians(idle + idle_too)
        stores[store] = {"idle": felt_idle, "tasks": done + done_too, "alone": by_itself}
    for url in (postgres, postgres_copy):
        bench.server.drop_database(url)
    for url in (sqlite, sqlite_copy):
        _path(url).unlink()
    return {
        "users": size.users,
        "sessions": size.sessions,
        "imported": imported,
        "stores": stores,
    }


def measure(
    bench: Bench, store: str, url: str, tasks: list[Task]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Do one thing after the other, while people sign in and their sessions are checked.

    Gives what they felt before the first and after each, when nothing else was done, and
    what they felt of each.
    """
    system = installed(url, cache=False)
    active = [2 * number for number in range(bench.scale.tokens // 2)]
    file = bench.write_cookies([system.cookie(session) for session in active])
    with served(system.program, cores.ALL) as server:
        _verify(system, server.port, active)
        idle, done = [_measure_idle(bench, store, system, server, file)], []
        for task in tasks:
            os.sync()
            bench.say(f"{store}, {task.name}")
            meanwhile = _Meanwhile(system, server, file)
            time.sleep(0.5)  # they have begun by then, and so see all of it
            began = time.monotonic()
            rows, peak = task.work(url)
            took = time.monotonic() - began
            if task.rows is not None and rows != task.rows:
                sys.exit(f"{task.name} on {store} was about {rows} rows, not {task.rows}")
            measured = {"key": task.key, "name": task.name, "seconds": took, "peak_mb": peak}
            done.append({**measured, "rows": rows, **meanwhile.finish()})
            idle.append(_measure_idle(bench, store, system, server, file))
        _verify(system, server.port, active)
    return idle, done


def _measure_idle(
    bench: Bench, store: str, system: System, server: Server, file: Path
) -> dict[str, Any]:
    os.sync()  # so that the kernel does not write it down while something else is measured
    bench.say(f"{store}, idle")
    return _Meanwhile(system, server, file, seconds=bench.scale.idle_seconds).finish()


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the idle runs together: one alone is as good or bad as the machine was just then."""
    return {
        **{key: statistics.median(run[key] for run in runs) for key in runs[0]},
        "sign_ins": sum(run["sign_ins"] for run in runs),
    }


class _Meanwhile:
    """Session checks and one person after the other who signs in, until `finish`."""

    def __init__(
        self, system: System, server: Server, file: Path, seconds: int | None = None
    ) -> None:
        self._stops = seconds is None
        self._checks = Load(
            server.port,
            system.check,
            file,
            cores=cores.ALL,
            seconds=seconds or _UNTIL_STOPPED,
            connections=_CONNECTIONS,
            pause=_PAUSE,
        )
        requests = [system.sign_in_request(server.port, user) for user in range(1000)]
        job = clients.sign_ins(
            server.port, requests, clients=1, seconds=seconds or _UNTIL_STOPPED, pause=_THINKS
        )
        self._sign_ins = Clients(job, cores.ALL)

    def finish(self) -> dict[str, Any]:
        checks: Counted = self._checks.finish(now=self._stops)
        sign_ins: Served = self._sign_ins.finish(now=self._stops)
        return {
            "checks_p50": checks.p50,
            "checks_p99": checks.p99,
            "sign_ins": sum(sign_ins.answers.values()),
            "sign_ins_p50": sign_ins.p50,
            "sign_ins_p99": sign_ins.p99,
        }


def _verify(system: System, port: int, active: list[int]) -> None:
    for session in active[:: max(1, len(active) // 10)]:
        verify(port, system.check, system.cookie(session), contains=data.email(session))


# What is measured


def _list(url: str) -> tuple[int, float]:
    lines, peak = command(url, "users", "list", "--csv", count_lines=True)
    return int(lines) - 1, peak  # without the header


def _list_json(url: str) -> tuple[int, float]:
    lines, peak = command(url, "users", "list", "--json", count_lines=True)
    return int(lines) - 2, peak  # without the brackets


def _export(url: str) -> tuple[int, float]:
    lines, peak = command(url, "users", "export", count_lines=True)
    return int(lines), peak


def _import(url: str, file: Path) -> tuple[int, float]:
    said, peak = command(url, "users", "import", str(file), "--json")
    told = json.loads(said)
    assert not told["failed"], told
    return told["imported"], peak


def _prune(url: str) -> tuple[int, float]:
    said, peak = command(url, "sessions", "prune", "--json")
    return json.loads(said)["pruned"], peak


def command(
    url: str,
    *arguments: str,
    count_lines: bool = False,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, float]:
    """Run it to the end; give what it printed, or how many lines, and its peak in MB."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("authingo"), *arguments],
        env={**os.environ, "AUTHINGO_DATABASE_URL": url, **environment},
        stdout=subprocess.PIPE,
        preexec_fn=placed(cores.ALL),  # noqa: PLW1509 - no thread holds a lock that it needs
        start_new_session=True,  # as cron or another terminal would: Linux shares cores by session
    )
    assert process.stdout is not None
    with process.stdout:
        said = (
            str(_count_lines(process.stdout.fileno()))
            if count_lines
            else process.stdout.read().decode()
        )
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != 0:
        sys.exit(f"authingo {' '.join(arguments)} failed")
    return said, used.ru_maxrss * 1024 / 1e6


def _count_lines(pipe: int) -> int:
    lines = 0
    while piece := os.read(pipe, 1 << 20):
        lines += piece.count(b"\n")
    return lines


# What it is measured against


class _PostgresLimits:
    """COPY in and out, and DELETE."""

    listing = "`COPY … TO STDOUT`"
    inserting = "`COPY … FROM STDIN`"

    def __init__(self, directory: Path, others: range) -> None:
        self._directory = directory
        self._others = others

    def list_users(self, url: str) -> tuple[int, float]:
        query = "SELECT id, email, name, email_verified, created_at, updated_at, disabled_at"
        said = self._run(
            url,
            lambda connection: connection.copy_from_query(
                f"{query} FROM authingo_users ORDER BY id",
                output=self._directory / "users.csv",
                format="csv",
            ),
        )
        return int(said.rpartition(" ")[2]), 0.0

    def insert(self, url: str) -> tuple[int, float]:
        said = self._run(
            url,
            lambda connection: connection.copy_records_to_table(
                "authingo_users", columns=data.USER, records=data.users(self._others)
            ),
        )
        return int(said.rpartition(" ")[2]), 0.0

    def delete(self, url: str) -> tuple[int, float]:
        said = self._run(
            url,
            lambda connection: connection.execute(
                "DELETE FROM authingo_sessions WHERE refresh_expires_at <= now()"
            ),
        )
        return int(said.rpartition(" ")[2]), 0.0

    @staticmethod
    def _run(url: str, work: Callable[[asyncpg.Connection], Any]) -> str:
        async def connected() -> str:
            connection = await asyncpg.connect(url)
            try:
                return str(await work(connection))
            finally:
                await connection.close()

        return asyncio.run(connected())


class _SQLiteLimits:
    """The same with Python's sqlite3, in a transaction each."""

    listing = "`SELECT`, `csv`"
    inserting = "`INSERT`s"

    def __init__(self, directory: Path, others: range) -> None:
        self._directory = directory
        self._others = others

    def list_users(self, url: str) -> tuple[int, float]:
        query = "SELECT id, email, name, email_verified, created_at, updated_at, disabled_at"
        rows = 0
        with (self._directory / "users.csv").open("w") as file:
            writer = csv.writer(file)
            connection = sqlite3.connect(_path(url))
            for row in connection.execute(f"{query} FROM authingo_users ORDER BY id"):
                writer.writerow(row)
                rows += 1
            connection.close()
        return rows, 0.0

    def insert(self, url: str) -> tuple[int, float]:
        places = ", ".join("?" * len(data.USER))
        statement = f"INSERT INTO authingo_users ({', '.join(data.USER)}) VALUES ({places})"
        return self._run(
            url,
            lambda connection: connection.executemany(
                statement, data.users(self._others, data.microseconds)
            ),
        )

    def delete(self, url: str) -> tuple[int, float]:
        at = (int(time.time()) * 1_000_000,)
        return self._run(
            url,
            lambda connection: connection.execute(
                "DELETE FROM authingo_sessions WHERE refresh_expires_at <= ?", at
            ),
        )

    @staticmethod
    def _run(url: str, work: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> tuple[int, float]:
        connection = sqlite3.connect(_path(url), timeout=60)
        try:
            done = work(connection)
            connection.commit()
            return done.rowcount, 0.0
        finally:
            connection.close()


@contextlib.contextmanager
def _sqlite_copied(url: str) -> Iterator[str]:
    copy = f"{url}.alone"
    shutil.copy(_path(url), _path(copy))
    yield copy
    _path(copy).unlink()


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """Rates first, then what those felt who signed in meanwhile."""
    rates, others = [], []
    for store, measured in result["stores"].items():
        tasks = {task["key"]: task for task in measured["tasks"]}
        others.append((f"{store}, idle", *felt(measured["idle"])))
        for key, task in tasks.items():
            limit = tasks.get(f"{key} limit", task)
            rates.append(
                (
                    f"{store}, {task['name']}",
                    f"{task['seconds'] / limit['seconds']:.2f}",
                    f"{task['rows']:,}",
                    f"{task['seconds']:.1f}",
                    f"{task['rows'] / task['seconds']:,.0f}",
                    f"{task['peak_mb']:.0f}" if task["peak_mb"] else "",
                )
            )
            others.append((f"{store}, {task['name']}", *felt(task)))
    return [
        f"{result['users']:,} users, {result['sessions']:,} sessions, half of them expired. Each",
        "command is followed by the least that the database needs for the same: rows that are",
        "ready, in one statement or transaction, which holds locks all the while. Meanwhile",
        "sessions are checked, about 500 a second and without the cache, and somebody signs in",
        "again and again. Both cores are for everything. Idle is measured before the first",
        "command and after each: medians.",
        "",
        *table(("command", ">ratio of time", ">rows", ">seconds", ">rows/s", ">peak MB"), rates),
        "",
        *table(FELT, others),
        "",
        *alone.report(result["stores"]),
    ]


FELT = ("meanwhile", ">checks p99 ms", ">p50 ms", ">sign-ins p99 ms", ">p50 ms", ">sign-ins")


def felt(measured: dict[str, Any]) -> tuple[str, ...]:
    """Return a row of the table about what others felt, without its name."""
    return (
        ms(measured["checks_p99"]),
        ms(measured["checks_p50"]),
        ms(measured["sign_ins_p99"]),
        ms(measured["sign_ins_p50"]),
        f"{measured['sign_ins']:,}",
    )


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """Compare with what was promised: memory, and what others feel of it."""
    yield from alone.goals(result["stores"])
    for store, measured in result["stores"].items():
        idle = measured["idle"]
        for task in measured["tasks"]:
            if task["key"].endswith("limit"):
                continue
            name = f"{task['name']}, {store}"
            yield at_most(f"{name}: memory", MEMORY, task["peak_mb"], " MB")
            for what, key in (("session checks", "checks_p99"), ("sign-ins", "sign_ins_p99")):
                yield at_most(f"{name}: p99 of {what}, to idle", 2, task[key] / idle[key], "x")


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001 - every suite has it
    """Draw nothing: the tables say it."""
    return {}
