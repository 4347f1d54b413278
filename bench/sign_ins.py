"""Sign-ins: as many as bcrypt alone could make, and session checks meanwhile.

Both cores are for everything: server, hashing, database, load. The three hash by
different means (bcrypt, Argon2id, scrypt), so how many sign-ins each makes says
little; how long a session check waits meanwhile says a lot.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import clients, cores, hashing, plots
from bench.bench import Bench, verify_users
from bench.clients import Clients, Served
from bench.load import Counted, Load
from bench.servers import Server, served
from bench.systems import System, installed, with_settings
from bench.tables import Goal, at_least, at_most, ms, ratio, table

NAME = "sign-ins"

_CLIENTS = 64
_CONNECTIONS = 16  # of the session checks
_PAUSE = 32  # ms: about 500 session checks a second
_PEER_ROUNDS = 3
_USERS = 1000


def run(bench: Bench) -> dict[str, Any]:
    """Measure bcrypt alone and every system in each round."""
    bench.place_database(cores.ALL)
    authingo = installed(bench.postgres)
    peers = [bench.peers.fastapi_users, bench.peers.better_auth] if bench.peers else []
    alone = []
    measured: dict[str, list[dict[str, Any]]] = {}
    for number in range(1, bench.scale.rounds + 1):
        bench.say(f"sign-ins, round {number} of {bench.scale.rounds}")
        alone.append(hashing.alone(bench.scale.sign_in_seconds))
        for system in [authingo, *(peers if number <= _PEER_ROUNDS else [])]:
            measured.setdefault(system.name, []).append(_measure(bench, system))
    return {
        "alone": alone,
        "systems": measured,
        "attacked": _attacked(bench, authingo),
        "seconds": bench.scale.sign_in_seconds,
    }


def _attacked(bench: Bench, system: System) -> dict[str, dict[str, int]]:
    """Return the answers to one network that floods the line, and to the others meanwhile."""
    system = with_settings(system, TRUSTED_PROXIES="127.0.0.1")
    seconds = max(6, bench.scale.sign_in_seconds)
    with served(system.program, cores.ALL) as server:
        port = server.port
        flood = [
            system.sign_in_request(port, -1 - n, address=f"2001:db8:0:{n % 256:x}::1")
            for n in range(_USERS)
        ]
        honest = [
            system.sign_in_request(port, n, address=f"10.0.{n // 256}.{n % 256}")
            for n in range(_USERS)
        ]
        job = clients.sign_ins(port, flood, clients=_CLIENTS, seconds=seconds, patient=False)
        attackers = Clients(job, cores.ALL)
        time.sleep(1)
        job = clients.sign_ins(
            port, honest, clients=4, seconds=seconds - 2, pause=0.5, patient=False
        )
        others = Clients(job, cores.ALL).finish()
        attacking = attackers.finish(also=frozenset({"401"}), now=True)
    return {"attacking": attacking.answers, "others": others.answers}


def _measure(bench: Bench, system: System) -> dict[str, Any]:
    seconds = bench.scale.sign_in_seconds
    half = max(2, seconds // 2)
    cookies = bench.cookies(system)
    file = bench.write_cookies(cookies)
    with served(system.program, cores.ALL) as server:
        verify_users(server.port, system.check, cookies)
        idle = _checks(system, server, file, half)
        # One that runs out of connections says so with a 500: that is how it does.
        also = frozenset() if system.name == "authingo" else frozenset({"500"})
        sign_ins = _sign_ins(system, server, seconds if system.name == "authingo" else half).finish(
            also=also
        )
        crowd = _sign_ins(system, server, seconds + 3)
        time.sleep(2)
        beside = _checks(system, server, file, seconds)
        meanwhile = crowd.finish(also=also)
        verify_users(server.port, system.check, cookies)
    return {
        **_told("sign_in", sign_ins),
        **_told("meanwhile", meanwhile),
        "idle_p50": idle.p50,
        "idle_p99": idle.p99,
        "beside_p50": beside.p50,
        "beside_p99": beside.p99,
        "beside_rate": beside.rate,
    }


def _told(name: str, served: Served) -> dict[str, Any]:
    return {
        f"{name}_rate": served.rate,
        f"{name}_p50": served.p50,
        f"{name}_p99": served.p99,
        f"{name}_answers": served.answers,
    }


def _sign_ins(system: System, server: Server, seconds: int) -> Clients:
    requests = [system.sign_in_request(server.port, user) for user in range(_USERS)]
    job = clients.sign_ins(server.port, requests, clients=_CLIENTS, seconds=seconds)
    return Clients(job, cores.ALL)


def _checks(system: System, server: Server, file: Path, seconds: int) -> Counted:
    return Load(
        server.port,
        system.check,
        file,
        cores=cores.ALL,
        seconds=seconds,
        connections=_CONNECTIONS,
        pause=_PAUSE,
    ).finish()


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """Tables, ratios first."""
    rounds = result["systems"]["authingo"]
    return [
        f"{_CLIENTS} clients sign in as fast as they can for {result['seconds']} s (the others",
        "half as long), each as one user after the other; who is told to come back later (503 with",
        "`Retry-After`) does. bcrypt alone: as many threads as cores verify the same hash. Both",
        f"cores are for everything. {len(rounds)} rounds, {_PEER_ROUNDS} of the others.",
        "",
        *table(
            (
                "sign-ins",
                ">ratio",
                ">a second",
                ">p50 s",
                ">p99 s",
                ">signed in",
                ">come back later",
            ),
            [
                (
                    "bcrypt alone",
                    "1.00",
                    f"{statistics.median(result['alone']):.1f}",
                    "",
                    "",
                    "",
                    "",
                ),
                *(_row(result, name) for name in result["systems"]),
            ],
        ),
        "",
        "The others hash by other means (Argon2id, scrypt), so they have no ratio.",
        "",
        "Session checks (cached, one every 2 ms or so) beside that, against the same server idle:",
        "",
        "![p99 of session checks, idle and while 64 clients sign in](sign_ins.svg)",
        "",
        *table(
            (
                "session checks",
                ">p99 ms, sign-ins beside",
                ">p50 ms",
                ">p99 ms, idle",
                ">p50 ms",
                ">checks/s beside",
                ">sign-ins/s beside",
            ),
            (
                (
                    name,
                    ms(_median(runs, "beside_p99")),
                    ms(_median(runs, "beside_p50")),
                    ms(_median(runs, "idle_p99")),
                    ms(_median(runs, "idle_p50")),
                    f"{_median(runs, 'beside_rate'):,.0f}",
                    f"{_median(runs, 'meanwhile_rate'):,.1f}",
                )
                for name, runs in result["systems"].items()
            ),
        ),
        "",
        f"{_CLIENTS} clients of one IPv6 /56 try accounts that do not exist, as fast as they can,",
        "whatever they are answered, while others sign in, each from a network of their own:",
        "",
        *table(
            ("sign-ins", ">signed in", ">wrong", ">come back later"),
            [
                (
                    {"attacking": "the network that attacks", "others": "all others"}[name],
                    *(
                        f"{sum(answers.get(status, 0) for status in statuses):,}"
                        for statuses in (("200",), ("401",), ("429", "503"))
                    ),
                )
                for name, answers in result["attacked"].items()
            ],
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """Compare with what was promised."""
    rounds = result["systems"]["authingo"]
    share = ratio([run["sign_in_rate"] for run in rounds], result["alone"])
    yield at_least("sign-ins a second, to bcrypt alone", 0.95, share)
    p99 = _median(rounds, "beside_p99")
    others = result["attacked"]["others"]
    served = others.get("200", 0) / sum(others.values())
    yield at_least("sign-ins that succeed while one network floods the line", 1.0, served)
    yield at_most(f"p99 of session checks while {_CLIENTS} clients sign in", 15, p99, " ms")


def plot(result: dict[str, Any]) -> dict[str, str]:
    """Draw the p99 of all, idle and beside sign-ins."""
    bars = []
    for name, runs in result["systems"].items():
        for when, label in (("beside", name), ("idle", "")):
            p99 = _median(runs, f"{when}_p99")
            group = {"idle": "idle", "beside": "busy"}[when]
            bars.append(plots.Bar(label, p99, f"{ms(p99)} ms", group))
    legend = {"busy": f"while {_CLIENTS} clients sign in", "idle": "idle"}
    title = "How long session checks take: 99 in 100 are answered within"
    return {"sign_ins.svg": plots.bars(title, bars, legend)}


def _row(result: dict[str, Any], name: str) -> tuple[str, ...]:
    runs = result["systems"][name]
    answers = [run["sign_in_answers"] for run in runs]
    later = sum(count for told in answers for status, count in told.items() if int(status) >= 300)
    signed_in = sum(count for told in answers for count in told.values()) - later
    share = "-"
    if name == "authingo":
        share = f"{ratio([run['sign_in_rate'] for run in runs], result['alone']):.2f}"
    return (
        name,
        share,
        f"{_median(runs, 'sign_in_rate'):.1f}",
        f"{_median(runs, 'sign_in_p50') / 1000:.2f}",
        f"{_median(runs, 'sign_in_p99') / 1000:.2f}",
        f"{signed_in:,}",
        f"{later:,}",
    )


def _median(runs: list[dict[str, Any]], key: str) -> float:
    values: list[float] = [run[key] for run in runs]
    return statistics.median(values)
