"""Session checks: one server core, the load and the database on the other.

The peers answer the same question on databases of the same size. Their ratio is
to the cached check, and so is the other way round: how many times behind they are.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench import cores, data, plots
from bench.bench import Bench, verify_users
from bench.load import CONNECTIONS, Counted, Load
from bench.peers import with_cached_data
from bench.servers import Program, served, verify
from bench.systems import System, authingo
from bench.tables import Goal, at_least, ms, ratio, table

NAME = "checks"

BARE = "bare uvicorn"
SAME = "ASGI application, same answer"  # the same headers and body
LAYER = "FastAPI, same answer from its outermost layer"
OPEN = "FastAPI route, no guard"
NOTHING = "FastAPI route, a dependency that does nothing"
CACHED = "auth.handler, PostgreSQL, cached"
_POSTGRES, _SQLITE = "PostgreSQL", "SQLite"
_PATHS = {BARE: "/bare", SAME: "/same", LAYER: "/same", OPEN: "/open"}  # bench/applications.py
_IN_USE = ", in use"
_MEASURED = ", with metrics"


@dataclass(frozen=True)
class Subject:
    """Something measured. `against`: the name of the one that its ratio is to.

    `beside`: the path of that one in the same process, where they take turns of 100 ms: a
    machine that others use too is not the same a second later, and two processes of one
    program differ by more than what a guard costs.
    """

    name: str
    group: str
    program: Program
    path: str
    against: str
    says: str = ""  # what its answers contain, where that is not the email of the session's user
    beside: str | None = None
    workers: int = 1
    peer: System | None = None


@dataclass(frozen=True)
class Measured:
    """One subject in one round."""

    counted: Counted
    cpu_us: float  # what the server computed for each answer
    ratios: Sequence[float]  # to what took turns with it, second by second


def run(bench: Bench) -> dict[str, Any]:
    """Measure every subject in each round."""
    todo = list(subjects(bench))
    measured: dict[str, list[Measured]] = {subject.name: [] for subject in todo}
    for number in range(1, bench.scale.rounds + 1):
        bench.say(f"session checks, round {number} of {bench.scale.rounds}")
        for subject in todo:
            measured[subject.name].append(_measure(bench, subject))
    return {
        "rounds": bench.scale.rounds,
        "seconds": bench.scale.seconds,
        "tokens": bench.scale.tokens,
        "rows": [_summary(subject, measured[subject.name]) for subject in todo],
    }


def _summary(subject: Subject, runs: list[Measured]) -> dict[str, Any]:
    return {
        "name": subject.name,
        "group": subject.group,
        "against": subject.against,
        "rates": [run.counted.rate for run in runs],
        "ratios": [one for run in runs for one in run.ratios],
        "p50": statistics.median(run.counted.p50 for run in runs),
        "p99": statistics.median(run.counted.p99 for run in runs),
        "cpu_us": statistics.median(run.cpu_us for run in runs),
    }


def subjects(bench: Bench) -> Iterator[Subject]:
    """Yield everything that is measured."""
    urls = {_POSTGRES: bench.postgres, _SQLITE: bench.sqlite}
    any_url = urls[_SQLITE]
    yield Subject(BARE, "bare", authingo("bare", any_url), "/", BARE, says="email")
    for name, application, path, base in (
        (SAME, "handler", _PATHS[SAME], BARE),
        (LAYER, "installed", _PATHS[LAYER], BARE),
        (OPEN, "installed", _PATHS[OPEN], BARE),
        (NOTHING, "installed", "/dependency", OPEN),
    ):
        program = authingo(application, any_url)
        beside = _PATHS[base]
        yield Subject(name, "bare", program, path, base, says="email", beside=beside)
    # What a check in memory costs is compared with an answer of the same size from the same
    # place; what asks the database, with the least that a server does.
    ways = [
        ("auth.handler", "handler", "/session", SAME),
        ("auth.install", "installed", "/api/auth/session", LAYER),
        ("auth.require around bare", "required", "/", BARE),
        ("FastAPI route, guarded", "installed", "/guarded", OPEN),
    ]
    for name, application, path, base in ways:
        for database, url in urls.items():
            for cache in (True, False):
                if application == "required" and not (cache and database == _POSTGRES):
                    continue  # the rest of it is the same as above
                against = base if cache or base == OPEN else BARE
                yield Subject(
                    f"{name}, {database}, {'cached' if cache else 'no cache'}",
                    "cached" if cache else "database",
                    authingo(application, url, cache=cache),
                    path,
                    against,
                    says="email" if application == "required" else "",
                    beside=_PATHS[against],
                )
    yield from _in_use(bench)
    yield from _measured(urls)
    yield from _two_workers(bench)
    if bench.peers is not None:
        peers = bench.peers
        for system in (peers.fastapi_users, peers.better_auth, peers.better_auth_cached):
            yield Subject(system.name, "peer", system.program, system.check, CACHED, peer=system)


def _in_use(bench: Bench) -> Iterator[Subject]:
    """A profile, a role and a hook in use; what they are compared with sends as much."""
    for database, url in bench.in_use.items():
        for cache in (True, False):
            name = f"{database}, {'cached' if cache else 'no cache'}{_IN_USE}"
            against = SAME if cache else BARE
            for way, application, path, base in (
                ("auth.handler", "handler", "/session", against),
                ("FastAPI route, guarded", "installed", "/guarded", OPEN),
            ):
                program = authingo(application, url, cache=cache, in_use=True)
                beside = _PATHS[base]
                yield Subject(f"{way}, {name}", "in use", program, path, base, beside=beside)


def _measured(urls: dict[str, str]) -> Iterator[Subject]:
    """Metrics on, beside the same without them in the same process."""
    for database, url in urls.items():
        for cache in (True, False):
            off = f"auth.handler, {database}, {'cached' if cache else 'no cache'}"
            program = authingo("measured", url, cache=cache)
            name = off + _MEASURED
            yield Subject(name, "measured", program, "/session", off, beside="/session?off")


def _two_workers(bench: Bench) -> Iterator[Subject]:
    """Both cores for everything; the load takes its part of them."""
    bare = authingo("bare", bench.postgres, workers=2)
    yield Subject(f"{BARE}, two workers", "workers", bare, "/", BARE, says="email", workers=2)
    for cache in (True, False):
        name = CACHED if cache else CACHED.replace("cached", "no cache")
        program = authingo("handler", bench.postgres, cache=cache, workers=2)
        yield Subject(f"{name}, two workers", "workers", program, "/session", name, workers=2)


def _measure(bench: Bench, subject: Subject) -> Measured:
    bench.place_database(cores.ALL if subject.workers > 1 else cores.LOAD)
    with served(subject.program, cores.ALL if subject.workers > 1 else cores.SERVER) as server:
        cookies = _cookies(bench, subject, server.port)
        _verify(subject, server.port, cookies)
        file = bench.write_cookies(cookies)

        def load(seconds: int, beside: str | None = None) -> Counted:
            where = cores.ALL if subject.workers > 1 else cores.LOAD
            return Load(
                server.port, subject.path, file, cores=where, seconds=seconds, beside=beside
            ).finish()

        if subject.workers > 1:
            time.sleep(1)  # the port is open as soon as one of them is there
        if bench.scale.warm:
            load(bench.scale.warm, subject.beside)
        before = server.cpu_seconds
        counted = load(bench.scale.seconds)
        computed = server.cpu_seconds - before
        ratios: Sequence[float] = ()
        if subject.beside:  # the last second is not whole
            ratios = load(bench.scale.seconds + 1, subject.beside).ratios
            if not ratios:
                sys.exit(f"{subject.name}: no second in which both paths answered")
        _verify(subject, server.port, cookies)
    return Measured(counted, computed / counted.requests * 1e6, ratios)


def _cookies(bench: Bench, subject: Subject, port: int) -> list[str]:
    if subject.peer is None:
        return [data.cookie(session) for session in range(bench.scale.tokens)]
    cookies = bench.cookies(subject.peer)
    if "cookie cache" in subject.name:
        return [with_cached_data(port, subject.path, cookie) for cookie in cookies]
    return cookies


def _verify(subject: Subject, port: int, cookies: list[str]) -> None:
    if subject.says:
        verify(port, subject.path, cookies[0], contains=subject.says)
    else:
        verify_users(port, subject.path, cookies)


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """Tables, ratios first."""
    rows = result["rows"]
    lines = [
        f"The server has one core, the load (wrk, {CONNECTIONS} connections) and the database the",
        f"other; {result['tokens']:,} active tokens take turns; medians of {result['rounds']}",
        f"interleaved rounds of {result['seconds']} s. A ratio compares requests per second with",
        "those of its base, which takes turns with it in the same process, 100 ms each, in a run",
        "of its own: the median of all seconds. Where the session is in memory, the base sends the",
        "same headers and body with no check: a bare ASGI application for `auth.handler`, the",
        "outermost layer of a FastAPI application for `auth.install`. Most of what a guarded route",
        "costs is what FastAPI takes for any dependency. CPU is what the server computes for one.",
        "",
        "![Session checks a second, as a share of bare uvicorn](checks.svg)",
        "",
        *_table(rows, "bare", "cached", "database"),
        "",
        "The same where each user has a profile of four fields and a role, and a hook is added",
        "with `@auth.on`. The bases send an answer that is as long.",
        "",
        *_table(rows, "in use"),
        "",
        "The same with metrics on. The base is a handler without them, in the same process.",
        "",
        *_table(rows, "measured"),
        "",
        "Two workers share both cores with the load and the database, so that twice the rate of",
        "one is not there to be had; bare uvicorn says how much is.",
        "",
        *table(
            ("two workers", ">ratio", "to", ">requests/s", ">p50 ms", ">p99 ms"),
            (_row(rows, row) for row in rows if row["group"] == "workers"),
        ),
    ]
    peers = [row for row in rows if row["group"] == "peer"]
    if not peers:
        return lines
    names = (
        CACHED,
        "auth.install, PostgreSQL, cached",
        "FastAPI route, guarded, PostgreSQL, cached",
    )
    return [
        *lines,
        "",
        "The others, on the same server and the same number of users and sessions: how many times",
        "behind they are. fastapi-users answers on a FastAPI route with its guard, Better Auth",
        "on its own `/get-session`; their cookie cache answers from a signed cookie and does not",
        "notice a revoked session until it runs out.",
        "",
        *table(
            (
                "session check",
                ">behind auth.handler, cached",
                ">auth.install, cached",
                ">guarded route, cached",
                ">requests/s",
                ">p99 ms",
                ">CPU µs",
            ),
            (
                (
                    row["name"],
                    *(f"{ratio(_rates(rows, name), row['rates']):.1f}x" for name in names),
                    f"{statistics.median(row['rates']):,.0f}",
                    ms(row["p99"]),
                    f"{row['cpu_us']:,.0f}",
                )
                for row in peers
            ),
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """Compare with what was promised."""
    rows = result["rows"]

    wanted: dict[str, float] = {}
    for database in (_POSTGRES, _SQLITE):
        wanted[f"auth.handler, {database}, cached"] = 0.90
        wanted[f"auth.install, {database}, cached"] = 0.85
        wanted[f"auth.handler, {database}, no cache"] = 0.40
        wanted[f"auth.install, {database}, no cache"] = 0.33
        wanted[f"FastAPI route, guarded, {database}, cached"] = 0.80
    for database in (_POSTGRES, _SQLITE):
        wanted[f"auth.handler, {database}, cached{_IN_USE}"] = 0.90
        wanted[f"auth.handler, {database}, no cache{_IN_USE}"] = 0.40
        wanted[f"FastAPI route, guarded, {database}, cached{_IN_USE}"] = 0.80
    for database in (_POSTGRES, _SQLITE):
        wanted[f"auth.handler, {database}, cached{_MEASURED}"] = 0.98
    found = {row["name"]: row for row in rows}
    for name, least in wanted.items():
        if row := found.get(name):  # what was kept may be older than the promise
            yield at_least(f"{name}, to {row['against']}", least, _ratio(rows, row))
    for row in rows:
        if row["group"] == "peer" and "cookie cache" not in row["name"]:
            behind = ratio(_rates(rows, CACHED), row["rates"])
            yield at_least(f"{row['name']} behind {CACHED}", 20, behind, "x")


def plot(result: dict[str, Any]) -> dict[str, str]:
    """Draw all that ran on one core, as a share of bare uvicorn."""
    rows = result["rows"]
    bars = []
    for row in rows:
        if row["group"] in {"workers", "in use", "measured"}:
            continue
        direct = row["against"] == BARE
        share = _ratio(rows, row) if direct else ratio(row["rates"], _rates(rows, BARE))
        rate = f"{share:.3f}" if share < 0.1 else f"{share:.2f}"
        label = f"{rate}  ·  {statistics.median(row['rates']):,.0f}/s"
        bars.append(plots.Bar(row["name"], share, label, row["group"]))
    legend = {
        "bare": "no check at all",
        "cached": "authingo, cached",
        "database": "authingo, asking the database",
        "peer": "others",
    }
    title = "Session checks, as a share of what bare uvicorn answers"
    return {"checks.svg": plots.bars(title, bars, legend)}


def _rates(rows: list[dict[str, Any]], name: str) -> list[float]:
    return next(row["rates"] for row in rows if row["name"] == name)


def _ratio(rows: list[dict[str, Any]], row: dict[str, Any]) -> float:
    ratios: list[float] = row["ratios"]
    if ratios:
        return statistics.median(ratios)
    return ratio(row["rates"], _rates(rows, row["against"]))


def _table(rows: list[dict[str, Any]], *groups: str) -> list[str]:
    return table(
        ("session check", ">ratio", "to", ">requests/s", ">p50 ms", ">p99 ms", ">CPU µs"),
        ((*_row(rows, row), f"{row['cpu_us']:.0f}") for row in rows if row["group"] in groups),
    )


def _row(rows: list[dict[str, Any]], row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        f"{_ratio(rows, row):.2f}",
        row["against"],
        f"{statistics.median(row['rates']):,.0f}",
        ms(row["p50"]),
        ms(row["p99"]),
    )
