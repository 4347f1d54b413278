"""What one session, sign-in, refresh and revocation costs: the constants of docs/scale.md.

On PostgreSQL: bytes, WAL, and CPU of the server and of the database, each on a core of its own,
so that a rate for each core follows. A million rotations show whether the tables stay as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg

from authingo.config.groups import StoreSettings
from authingo.passwords import hash_password
from bench import clients, cores, data, hashing, stores
from bench.bench import Bench, verify_users
from bench.clients import Clients
from bench.load import Load
from bench.memory import Asker, resident
from bench.rotation_costs import counted, wal_position, without_page_images
from bench.servers import served
from bench.systems import installed, with_settings
from bench.tables import Goal, at_least, at_most, table
from tests.postgres import BundledServer

NAME = "scale"

LISTENERS = (0, 1, 10, 100)
_USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Safari/537.36"
)
_CLIENTS = 32
_SIGNING_IN = 8  # clients: as many as two servers' hashing lines take
_REMEMBERED = 9_000  # sessions; a process remembers 10,000
_COST = 4  # of the hashes while sign-ins are measured: the hash itself is measured apart
_APART = 12  # sessions: about a page, as those are that are used in the same moment
_FLAT = 1.02  # what counts as flat: the allocation of a few pages

_SIZES = """
SELECT pg_table_size('authingo_users') AS users,
    pg_indexes_size('authingo_users') AS users_indexes,
    pg_table_size('authingo_sessions') AS sessions,
    pg_indexes_size('authingo_sessions') AS sessions_indexes,
    pg_total_relation_size('authingo_events') AS events,
    pg_total_relation_size('authingo_secrets') AS devices
"""

Costs = dict[str, float]


def run(bench: Bench) -> dict[str, Any]:
    """Measure everything on one database, which nothing else has used."""
    if not isinstance(bench.server, BundledServer):
        sys.exit("scale reads /proc of PostgreSQL: unset AUTHINGO_TEST_DATABASE_URL")
    bench.place_database(cores.LOAD)
    size = bench.scale.scaled
    url = bench.new_postgres(size, user_agent=_USER_AGENT)
    sizes = _sizes(url)
    # Whose tokens change, and who is ended, is measured in parts of its own.
    most = size.sessions * 3 // 4
    eighth = size.sessions // 8
    refreshed, ended = range(most, most + eighth), range(most + eighth, size.sessions)
    bench.say("scale: session checks")
    costs = {"check from memory": _checks(bench, url, cache=True)}
    costs["check"] = _checks(bench, url, cache=False)
    memory = _memory(bench, url)
    bench.say(f"scale: {bench.scale.rotations:,} rotations")
    rotations = _rotations(bench, url, range(most))
    bench.say("scale: refreshes, sign-ins, last uses, revocations")
    with without_page_images(url):
        costs["refresh"] = _refreshes(bench, url, refreshed)
        costs["last use"] = _last_uses(bench, url, range(most))
        costs["sign-in"], bcrypt_ms, stored = _sign_ins(bench, url)
        fifth = len(ended) // (len(LISTENERS) + 1)
        costs["revocation"] = _revocations(bench, url, ended[:fifth])
        notices = [
            _notices(bench, url, ended[fifth * number :][:fifth], listeners)
            for number, listeners in enumerate(LISTENERS, start=1)
        ]
    bench.server.drop_database(url)
    return {
        "users": size.users,
        "sessions": size.sessions,
        "bytes": {
            "user": (sizes["users"] + sizes["users_indexes"]) / size.users,
            "session": (sizes["sessions"] + sizes["sessions_indexes"]) / size.sessions,
            "session_indexes": sizes["sessions_indexes"] / size.sessions,
            **stored,
        },
        "costs": costs,
        "bcrypt_ms": bcrypt_ms,
        "memory": memory,
        "rotations": rotations,
        "notices": notices,
        "pool_size": StoreSettings().pool_size,
    }


def _cost(
    bench: Bench, url: str, work: Callable[[], float], server_cpu: Callable[[], float]
) -> Costs:
    """Measure what one of `work` takes, which returns how many it did: CPU in µs, WAL in bytes."""
    wal = wal_position(url)
    server, database, began = server_cpu(), bench.database_cpu, time.perf_counter()
    count = work()
    seconds = time.perf_counter() - began
    server, database = server_cpu() - server, bench.database_cpu - database
    return {
        "count": count,
        "seconds": seconds,
        "server_us": 1e6 * server / count,
        "database_us": 1e6 * database / count,
        "wal": (wal_position(url) - wal) / count,
    }


def _checks(bench: Bench, url: str, *, cache: bool) -> Costs:
    system = installed(url, cache=cache)
    cookies = bench.cookies(system)
    with served(system.program, cores.SERVER) as server:
        verify_users(server.port, system.check, cookies)
        file = bench.write_cookies(cookies)

        def load(seconds: int) -> int:
            wrk = Load(server.port, system.check, file, cores=cores.LOAD, seconds=seconds)
            return wrk.finish().requests

        load(max(1, bench.scale.warm))
        return _cost(bench, url, lambda: load(2 * bench.scale.seconds), lambda: server.cpu_seconds)


def _memory(bench: Bench, url: str) -> dict[str, float]:
    """Measure what one more session in the memory of a worker takes."""
    system = installed(url)
    sessions = min(_REMEMBERED, bench.scale.scaled.sessions // 2)
    every = [system.cookie(session) for session in range(sessions)]
    with served(system.program, cores.SERVER) as server:
        verify_users(server.port, system.check, every)
        asker = Asker(bench, system, server)
        asker.ask(bench.write_cookies(every[:1]), sessions)
        before = resident(server.pid)
        asker.ask(bench.write_cookies(every), sessions)
        after = resident(server.pid)
    return {
        "sessions": sessions,
        "worker_mb": before,
        "session_bytes": 1e6 * (after - before) / sessions,
    }


def _rotations(bench: Bench, url: str, sessions: range) -> dict[str, Any]:
    with counted(url) as costs, _on_the_servers_core():
        database = bench.database_cpu
        measured = stores.rotate(url, sessions, bench.scale.rotations)
        database = bench.database_cpu - database
    return {
        **measured,
        "rotations": bench.scale.rotations,
        "hot": costs.hot,
        "wal": costs.wal,
        "notices": costs.notices,
        "database_us": 1e6 * database / bench.scale.rotations,
    }


def _refreshes(bench: Bench, url: str, sessions: range) -> Costs:
    system = with_settings(installed(url), SESSIONS__SESSION_LIFETIME=data.SESSION_LIFETIME)
    # In no order: neighbours share a page, and are not refreshed at the same moment.
    order = random.Random(len(sessions)).sample(sessions, len(sessions))
    cookies = [f"authingo_refresh={data.refresh_token(session)}" for session in order]
    with served(system.program, cores.SERVER) as server:
        job = clients.refreshes(
            server.port,
            "/api/auth/refresh",
            cookies,
            clients=_CLIENTS,
            seconds=bench.scale.seconds,
        )
        return _cost(bench, url, lambda: _finish(job), lambda: server.cpu_seconds)


def _last_uses(bench: Bench, url: str, sessions: range) -> Costs:
    some = sessions[::_APART]
    with _on_the_servers_core():
        stores.note_uses(url, some)  # the first after a refresh also clears its nonce
        return _cost(bench, url, lambda: stores.note_uses(url, some), time.process_time)


def _sign_ins(bench: Bench, url: str) -> tuple[Costs, float, Costs]:
    """Give what a sign-in costs without its hash, the ms of the hash, and the bytes of its rows.

    Hashes at the lowest cost leave time for many sign-ins, each of another user.
    """
    some = min(5_000, bench.scale.scaled.users)
    _weaken(url, some)
    system = with_settings(installed(url), PASSWORDS__BCRYPT_COST=str(_COST))
    before = _sizes(url)
    with served(system.program, cores.SERVER) as server:
        requests = [system.sign_in_request(server.port, user) for user in range(some)]
        job = clients.sign_ins(
            server.port, requests, clients=_SIGNING_IN, seconds=4 * bench.scale.seconds
        )
        cost = _cost(bench, url, lambda: _finish(job), lambda: server.cpu_seconds)
    after = _sizes(url)
    cost["server_us"] -= 1e6 * hashing.seconds_of_a_core(_COST, times=1000)
    bcrypt_ms = 1000 * hashing.seconds_of_a_core(data.COST)
    stored = {
        "event": (after["events"] - before["events"]) / cost["count"],
        "device": (after["devices"] - before["devices"]) / cost["count"],
    }
    return cost, bcrypt_ms, stored


def _revocations(bench: Bench, url: str, sessions: range) -> Costs:
    users = bench.scale.scaled.users
    with _on_the_servers_core():
        return _cost(bench, url, lambda: stores.revoke(url, sessions, users), time.process_time)


def _notices(bench: Bench, url: str, sessions: range, listeners: int) -> Costs:
    took = 0.0

    def work() -> int:
        nonlocal took
        took = stores.end_heard(url, sessions, listeners)
        return len(sessions)

    with _on_the_servers_core():
        cost = _cost(bench, url, work, time.process_time)
    return {
        "listeners": listeners,
        "rate": len(sessions) / took,
        "database_us": cost["database_us"],
    }


def _finish(job: dict[str, Any]) -> int:
    """Let the clients do it, and give how often they succeeded: always."""
    answers = Clients(job, cores.LOAD).finish().answers
    if set(answers) != {"200"}:
        sys.exit(f"not only successes: {answers}")
    return answers["200"]


@contextlib.contextmanager
def _on_the_servers_core() -> Iterator[None]:
    """Let this process do the server's work, and where the server does it."""
    cores.place(0, cores.SERVER)
    try:
        yield
    finally:
        cores.place(0, cores.ALL)


def _weaken(url: str, users: int) -> None:
    async def update() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(
                "UPDATE authingo_users SET password_hash = $1 WHERE id = ANY($2::text[])",
                hash_password(data.PASSWORD, _COST),
                [data.user_id(user) for user in range(users)],
            )
            # Or each sign-in would take as long as the slowest hash that is recorded.
            await connection.execute("DELETE FROM authingo_hash_kinds")
        finally:
            await connection.close()

    asyncio.run(update())


def _sizes(url: str) -> dict[str, int]:
    async def fetch() -> dict[str, int]:
        connection = await asyncpg.connect(url)
        try:
            row = await connection.fetchrow(_SIZES)
            assert row is not None
            return dict(row)
        finally:
            await connection.close()

    return asyncio.run(fetch())


# What came of it


def report(result: dict[str, Any]) -> list[str]:
    """What one of each costs, the million rotations, and the notices."""
    rotations = result["rotations"]
    return [
        f"{result['users']:,} users and {result['sessions']:,} sessions in PostgreSQL, the server",
        "on one core, load and database on the other. CPU is what one takes of the server and of",
        "all processes of PostgreSQL; WAL is without page images. A last use is recorded in a",
        "batch of up to 1,000, a revocation is made by `auth.revoke`, and a sign-in is without its",
        f"hash, which takes {result['bcrypt_ms']:,.0f} ms of a core. A user takes"
        f" {result['bytes']['user']:,.0f} bytes with its indexes, a session",
        f"{result['bytes']['session']:,.0f}, of which {result['bytes']['session_indexes']:,.0f} are"
        f" indexes, and {result['memory']['session_bytes']:,.0f} in the memory of a worker.",
        "What follows for other numbers of sessions is in [docs/scale.md](../docs/scale.md).",
        "",
        *table(
            ("one", ">server CPU µs", ">PostgreSQL CPU µs", ">WAL bytes", ">measured"),
            (
                (
                    name,
                    f"{cost['server_us']:,.0f}",
                    f"{cost['database_us']:,.1f}",
                    f"{cost['wal']:,.0f}" if not name.startswith("check") else "",
                    f"{cost['count']:,.0f}",
                )
                for name, cost in result["costs"].items()
            ),
        ),
        "",
        f"{rotations['rotations']:,} rotations of {rotations['sessions']:,} sessions, each in its"
        f" turn, on {stores.CONNECTIONS} connections, by `auth.refresh` in",
        f"{rotations['seconds']:,.0f} s: {rotations['hot']:.1%} HOT,"
        f" {rotations['wal']:,.0f} bytes of WAL and {rotations['database_us']:,.0f} µs of"
        f" PostgreSQL's CPU each, {rotations['notices']} notices.",
        "",
        *table(
            (">rotations", ">table MB", ">indexes MB"),
            (
                (
                    f"{size['rotations']:,}",
                    f"{size['table'] / 1e6:,.1f}",
                    f"{size['indexes'] / 1e6:,.1f}",
                )
                for size in rotations["sizes"]
            ),
        ),
        "",
        f"Sessions that are deleted on {stores.CONNECTIONS} connections, each with a notice, until",
        "every listener has received it; the listeners are on the core of the server.",
        "",
        *table(
            (">listeners", ">notices sent/s", ">received/s", ">PostgreSQL CPU µs"),
            (
                (
                    f"{one['listeners']:.0f}",
                    f"{one['rate']:,.0f}",
                    f"{one['rate'] * one['listeners']:,.0f}",
                    f"{one['database_us']:,.0f}",
                )
                for one in result["notices"]
            ),
        ),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """A rotation is one small write, after which nothing is larger."""
    rotations = result["rotations"]
    done = f"{rotations['rotations']:,} rotations"
    first, last = rotations["sizes"][0], rotations["sizes"][-1]
    yield at_least(f"{done} that touch no index", 95, 100 * rotations["hot"], " %")
    yield at_most(f"{done}: WAL for one", 800, rotations["wal"], " bytes")
    growth = last["indexes"] / first["indexes"]
    yield at_most(f"{done}: indexes at the end, to the start", _FLAT, growth, "x")
    yield at_most(f"{done}: notices", 0, rotations["notices"])


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001 - every suite has it
    """Draw nothing: the tables say it."""
    return {}
