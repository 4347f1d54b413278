"""Refreshes: clients who renew a session each, beside session checks that ask the database."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from bench import clients, cores, data
from bench.bench import Bench, verify_users
from bench.clients import Clients
from bench.load import Load
from bench.servers import served
from bench.systems import installed
from bench.tables import Goal, ms, ratio, table

NAME = "refresh"

_CLIENTS = 32


def run(bench: Bench) -> dict[str, Any]:
    """Measure both stores in each round."""
    bench.place_database(cores.LOAD)
    stores = {"PostgreSQL": bench.postgres, "SQLite": bench.sqlite}
    measured: dict[str, list[dict[str, float]]] = {store: [] for store in stores}
    for number in range(1, bench.scale.rounds + 1):
        bench.say(f"refreshes, round {number} of {bench.scale.rounds}")
        for store, url in stores.items():
            measured[store].append(_measure(bench, url, number))
    return {"seconds": bench.scale.seconds, "stores": measured}


def _measure(bench: Bench, url: str, number: int) -> dict[str, float]:
    system = installed(url, cache=False)
    cookies = bench.cookies(system)
    # A session that was renewed in a round before has other tokens by now.
    last = bench.scale.size.sessions - number * _CLIENTS
    sessions = [
        f"authingo_refresh={data.refresh_token(session)}"
        for session in range(last, last + _CLIENTS)
    ]
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
        path = "/api/auth/refresh"
        job = clients.refreshes(server.port, path, sessions, seconds=bench.scale.seconds)
        refreshes = Clients(job, cores.LOAD).finish()
    return {
        "check_rate": checks.rate,
        "check_p99": checks.p99,
        "rate": refreshes.rate,
        "p50": refreshes.p50,
        "p99": refreshes.p99,
    }


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """One table, ratios first."""
    return [
        f"{_CLIENTS} clients renew a session each, over and over, through `auth.install`; the",
        "ratio is to session checks without the cache on as many connections. Runs of",
        f"{result['seconds']} s, the server on one core, database and load on the other.",
        "",
        *table(
            ("refresh", ">ratio", ">a second", ">p50 ms", ">p99 ms", ">checks/s", ">p99 ms"),
            (
                (
                    store,
                    f"{ratio(_all(rounds, 'rate'), _all(rounds, 'check_rate')):.2f}",
                    f"{statistics.median(_all(rounds, 'rate')):,.0f}",
                    *(ms(statistics.median(_all(rounds, key))) for key in ("p50", "p99")),
                    f"{statistics.median(_all(rounds, 'check_rate')):,.0f}",
                    ms(statistics.median(_all(rounds, "check_p99"))),
                )
                for store, rounds in result["stores"].items()
            ),
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:  # noqa: ARG001
    """Nothing was promised."""
    yield from ()


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001
    """Draw nothing."""
    return {}


def _all(rounds: list[dict[str, float]], key: str) -> list[float]:
    return [run[key] for run in rounds]
