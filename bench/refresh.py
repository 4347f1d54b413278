"""Refreshes: each session once in a while, beside session checks that ask the database.

With `--before PATH` an earlier version, such as a git worktree, is measured side by side.
"""

from __future__ import annotations

import contextlib
import random
import statistics
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench import clients, cores, data
from bench.bench import Bench, verify_users
from bench.clients import Clients, Served
from bench.load import Load
from bench.rotation_costs import Costs, counted
from bench.servers import served
from bench.systems import installed, with_settings
from bench.tables import Goal, at_least, at_most, ms, ratio, table

NAME = "refresh"

_CLIENTS = 32
_POSTGRES = ("PostgreSQL before", "PostgreSQL")
_SESSIONS = 30_000  # that take turns in a round, so that none is refreshed within its grace


def run(bench: Bench) -> dict[str, Any]:
    """Measure both stores in each round."""
    bench.place_database(cores.LOAD)
    stores: dict[str, tuple[str, Path | None]] = {
        "PostgreSQL": (bench.postgres, None),
        "SQLite": (bench.sqlite, None),
    }
    if before := bench.before:
        size = bench.scale.size
        stores["PostgreSQL before"] = bench.new_postgres(size, source=before), before
        stores["SQLite before"] = bench.new_sqlite(size, source=before), before
    measured: dict[str, list[dict[str, float]]] = {store: [] for store in stores}
    for number in range(1, bench.scale.rounds + 1):
        bench.say(f"refreshes, round {number} of {bench.scale.rounds}")
        for store, (url, source) in stores.items():
            measured[store].append(_measure(bench, url, source, number))
    return {"seconds": bench.scale.seconds, "stores": measured}


def _measure(bench: Bench, url: str, source: Path | None, number: int) -> dict[str, float]:
    system = with_settings(
        installed(url, cache=False), SESSIONS__SESSION_LIFETIME=data.SESSION_LIFETIME
    )
    if source is not None:  # its session tokens had no id
        system = replace(
            system,
            program=replace(system.program, directory=source),
            cookie=lambda session: f"authingo_session={data.cookie(session).rpartition('.')[2]}",
        )
    cookies = bench.cookies(system)
    # A session that was renewed in a round before has other tokens by now.
    free = bench.scale.size.sessions - len(cookies)
    turns = min(_SESSIONS, free // bench.scale.rounds)
    last = bench.scale.size.sessions - number * turns
    # In no order: neighbours share a page, and are not refreshed at the same moment.
    numbers = random.Random(number).sample(range(last, last + turns), turns)
    sessions = [f"authingo_refresh={data.refresh_token(session)}" for session in numbers]
    costs: contextlib.AbstractContextManager[Costs] = contextlib.nullcontext(Costs())
    if url.startswith("postgresql"):
        costs = counted(url)
    with served(system.program, cores.SERVER) as server:
        verify_users(server.port, system.check, cookies)
        checks = Load(
            server.port,
            system.check,
            bench.write_cookies(cookies),
            cores=cores.LOAD,
            seconds=bench.scale.seconds,
            connections=_CLIENTS,
        ).finish()
    # On another server, because the first one still writes when the sessions were last used, and
    # counted until its end, because only then PostgreSQL has all that it counted itself.
    with costs as cost, served(system.program, cores.SERVER) as server:

        def refresh(some: list[str], seconds: int) -> Served:
            path = "/api/auth/refresh"
            job = clients.refreshes(server.port, path, some, clients=_CLIENTS, seconds=seconds)
            return Clients(job, cores.LOAD).finish()

        first = len(sessions) // 5
        if bench.scale.warm:  # for the connections, and what each of them keeps
            refresh(sessions[:first], bench.scale.warm)
        server_used, database_used = server.cpu_seconds, bench.database_cpu
        refreshes = refresh(sessions[first:], bench.scale.seconds)
        server_used = server.cpu_seconds - server_used
        database_used = bench.database_cpu - database_used
    done = sum(refreshes.answers.values())
    return {
        "check_rate": checks.rate,
        "check_p99": checks.p99,
        "rate": refreshes.rate,
        "p50": refreshes.p50,
        "p99": refreshes.p99,
        "server_us": 1e6 * server_used / done,
        "database_us": 1e6 * database_used / done,
        **asdict(cost),
    }


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """The rates, ratios first, then what a refresh costs PostgreSQL."""
    return [
        f"{_CLIENTS} clients renew sessions, each once in a while, through `auth.install`; the",
        "ratio is to session checks without the cache on as many connections. Runs of",
        f"{result['seconds']} s, the server on one core, database and load on the other.",
        "",
        *table(
            ("refresh", ">ratio", ">a second", ">p50 ms", ">p99 ms", ">checks/s", ">p99 ms"),
            (
                (
                    store,
                    f"{ratio(_all(rounds, 'rate'), _all(rounds, 'check_rate')):.2f}",
                    f"{_median(rounds, 'rate'):,.0f}",
                    *(ms(_median(rounds, key)) for key in ("p50", "p99")),
                    f"{_median(rounds, 'check_rate'):,.0f}",
                    ms(_median(rounds, "check_p99")),
                )
                for store, rounds in result["stores"].items()
            ),
        ),
        *_costs(result["stores"]),
    ]


def _costs(stores: dict[str, list[dict[str, float]]]) -> list[str]:
    """Say what a refresh costs PostgreSQL; nothing if an earlier bench measured it."""
    counted_in = {
        store: rounds
        for store, rounds in stores.items()
        if store.startswith("PostgreSQL") and "hot" in rounds[0]
    }
    if not counted_in:
        return []
    return [
        "",
        "What a refresh costs PostgreSQL: the CPU time of all its processes, which limits how many",
        "there can be where the database is the bottleneck; the share of rows that were written in",
        "place (HOT); WAL without page images; and the table's indexes before the first round and",
        "after the last.",
        "",
        *table(
            ("refresh", ">CPU µs", ">HOT", ">WAL bytes", ">indexes MB", ">after"),
            (
                (
                    store,
                    f"{_median(rounds, 'database_us'):,.0f}" if "database_us" in rounds[0] else "",
                    f"{_median(rounds, 'hot'):.1%}",
                    f"{_median(rounds, 'wal'):,.0f}",
                    f"{rounds[0]['indexes_before'] / 1e6:,.1f}",
                    f"{rounds[-1]['indexes_after'] / 1e6:,.1f}",
                )
                for store, rounds in counted_in.items()
            ),
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """A refresh is one small write."""
    rounds = result["stores"]["PostgreSQL"]
    if "hot" in rounds[0]:
        yield at_least("refreshes that touch no index", 95, 100 * _median(rounds, "hot"), " %")
        yield at_most("WAL for a refresh", 800, _median(rounds, "wal"), " bytes")
    if "notices" in rounds[0]:
        yield at_most("notices of refreshes", 0, sum(_all(rounds, "notices")))
    yield from _goals_of_before(result["stores"])


def _goals_of_before(stores: dict[str, list[dict[str, float]]]) -> Iterator[Goal]:
    """Twice as many as an earlier version, if one was measured.

    Where PostgreSQL is the bottleneck, that is by what a refresh takes of its cores: here the
    server and the load want more of the two cores than PostgreSQL does.
    """
    if "PostgreSQL before" in stores and "database_us" in stores["PostgreSQL before"][0]:
        before, now = (_all(stores[name], "database_us") for name in _POSTGRES)
        text = "refreshes that a core of PostgreSQL can make, to before"
        yield at_least(text, 2, ratio(before, now), "x")
    if "SQLite before" in stores:
        now, before = (_all(stores[name], "rate") for name in ("SQLite", "SQLite before"))
        yield at_least("refreshes a second, SQLite, to before", 2, ratio(now, before), "x")


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001
    """Draw nothing."""
    return {}


def _all(rounds: list[dict[str, float]], key: str) -> list[float]:
    return [run[key] for run in rounds]


def _median(rounds: list[dict[str, float]], key: str) -> float:
    return statistics.median(_all(rounds, key))
