"""How much memory one worker takes: at start, in use, and while strangers guess tokens."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import cores, plots
from bench.bench import Bench, verify_users
from bench.load import CONNECTIONS, RANDOM, Load
from bench.servers import Server, served
from bench.systems import System, installed
from bench.tables import Goal, at_most, table

NAME = "memory"

_RECONNECTS = 20  # times that all connections are made anew
_GROWTH = 2.0  # MB that count as flat: the allocator's own ups and downs


def run(bench: Bench) -> dict[str, Any]:
    """Measure authingo, and the peers at start and in use."""
    bench.place_database(cores.LOAD)
    system = installed(bench.postgres)
    size, scale = bench.scale.size, bench.scale
    some = bench.cookies(system)
    every = [system.cookie(session) for session in range(size.sessions)]
    in_use = scale.random_checks // 100
    bench.say(f"memory: {in_use:,} checks of active tokens")
    with served(system.program, cores.SERVER) as server:
        start = _start(server)
        verify_users(server.port, system.check, some)
        asker = Asker(bench, system, server)
        asker.ask(bench.write_cookies(some), in_use)
        used = resident(server.pid)
        bench.say(f"memory: {scale.random_checks:,} checks of random tokens")
        curve = [(0, used), *_guesses(bench, system, server)]
        bench.say("memory: new connections")
        reconnected = []
        for times in range(1, 2 * _RECONNECTS + 1):
            Load(server.port, system.check, RANDOM, cores=cores.LOAD, seconds=1).finish()
            if times % _RECONNECTS == 0:
                reconnected.append((times * CONNECTIONS, resident(server.pid)))
        asker.ask(bench.write_cookies(every), size.sessions)
        distinct = resident(server.pid)
        verify_users(server.port, system.check, some)
    peers = [bench.peers.fastapi_users, bench.peers.better_auth] if bench.peers else []
    return {
        "start": start,
        "in_use": in_use,
        "used": used,
        "curve": curve,
        "reconnected": reconnected,
        "sessions": size.sessions,
        "distinct": distinct,
        "peers": {peer.name: _measure_peer(bench, peer) for peer in peers},
    }


def _guesses(bench: Bench, system: System, server: Server) -> list[tuple[int, float]]:
    """Check random tokens, and look at the memory meanwhile: MB after how many.

    On connections that stay. What a server keeps of those that are closed, until the
    collector comes for it, is another question, and is asked afterwards.
    """
    asked, seconds = 0, max(1, bench.scale.seconds)
    curve = []
    while asked < bench.scale.random_checks:
        load = Load(
            server.port, system.check, RANDOM, cores=cores.LOAD, seconds=seconds, offset=asked
        )
        pause = seconds / bench.scale.random_steps
        looks = []
        for _ in range(bench.scale.random_steps - 1):
            time.sleep(pause)  # between two looks, while wrk runs
            looks.append(resident(server.pid))
        counted = load.finish()
        curve += [
            (asked + counted.requests * number // bench.scale.random_steps, mb)
            for number, mb in enumerate(looks, start=1)
        ]
        asked += counted.requests
        curve.append((asked, resident(server.pid)))
        left = bench.scale.random_checks - asked
        seconds = max(1, math.ceil(1.02 * left / counted.rate))
    return curve


def _measure_peer(bench: Bench, peer: System) -> dict[str, float]:
    bench.say(f"memory: {peer.name}")
    with served(peer.program, cores.SERVER) as server:
        start = _start(server)
        verify_users(server.port, peer.check, bench.cookies(peer))
        asker = Asker(bench, peer, server)
        asker.ask(bench.write_cookies(bench.cookies(peer)), bench.scale.random_checks // 1000)
        return {"start": start, "used": resident(server.pid)}


class Asker:
    """Asks at least as often as it is to: wrk counts seconds, not requests."""

    def __init__(self, bench: Bench, system: System, server: Server) -> None:
        self._seconds = max(1, bench.scale.seconds)
        self._system = system
        self._server = server
        self.asked: dict[Path, int] = {}

    def ask(self, cookies: Path, count: int) -> None:
        ends = self.asked.get(cookies, 0) + count
        while (asked := self.asked.get(cookies, 0)) < ends:
            load = Load(
                self._server.port,
                self._system.check,
                cookies,
                cores=cores.LOAD,
                seconds=self._seconds,
                offset=asked,
            )
            self.asked[cookies] = asked + load.finish().requests


def _start(server: Server) -> float:
    time.sleep(1)  # the port is open before everything has been imported
    return resident(server.pid)


def resident(process: int) -> float:
    """Return what is resident, in MB of a million bytes. Linux only."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(
        int(line.split()[1]) * 1024 / 1e6
        for line in status.splitlines()
        if line.startswith("VmRSS:")
    )


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """One table."""
    asked, last = result["curve"][-1]
    rows = [
        ("authingo, at start", result["start"]),
        (f"after {result['in_use']:,} checks of active tokens", result["used"]),
        (f"after {asked:,} more, of random tokens", last),
        *((f"after {made:,} new connections", mb) for made, mb in result["reconnected"]),
        (f"after checks of all {result['sessions']:,} active tokens", result["distinct"]),
    ]
    for name, measured in result["peers"].items():
        rows += [(f"{name}, at start", measured["start"]), (f"{name}, in use", measured["used"])]
    return [
        "Resident memory of one worker (a FastAPI application with `auth.install`, PostgreSQL,",
        "cached), in MB of a million bytes. A random token is well-formed, and nobody's, and comes",
        f"on one of {CONNECTIONS} connections that stay. What new connections add is what uvicorn",
        "keeps of closed ones until Python's collector comes for it.",
        "",
        "![Memory over ten million checks of random tokens](memory.svg)",
        "",
        *table(
            ("memory", ">ratio to the start", ">MB"),
            ((name, f"{mb / result['start']:.2f}", f"{mb:.1f}") for name, mb in rows),
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """Compare with what was promised. What is flat: no growth after the first tenth."""
    yield at_most("memory of one worker at start", 80, result["start"], " MB")
    asked, last = result["curve"][-1]
    since, first = next(point for point in result["curve"] if point[0] >= asked / 10)
    growth = max(0.0, last - first)
    text = f"memory gained from {since:,} to {asked:,} random tokens"
    yield at_most(text, _GROWTH, growth, " MB")


def plot(result: dict[str, Any]) -> dict[str, str]:
    """Draw memory over checks."""
    points = [(asked / 1e6, mb) for asked, mb in result["curve"]]
    title = "Memory of one worker while strangers try random tokens"
    return {"memory.svg": plots.curve(title, points, "million checks", "MB resident")}
