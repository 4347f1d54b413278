"""How quickly `authingo mail send` empties a long queue, in how much memory, and who feels it.

Each mail has a link to choose a new password, whose token is drawn when it is sent. They go one
after the other to a mail server on the same machine. Meanwhile people sign in and their sessions
are checked, as for other commands of operators.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg

from authingo import Auth
from authingo.config import settings_from
from authingo.stores.mails import NewMail
from authingo.stores.postgres.mails import queue as queue_in_postgres
from authingo.stores.sqlite.mails import queue as queue_in_sqlite
from bench import cores, data
from bench.bench import Bench
from bench.operators import FELT, MEMORY, Task, command, felt, measure, medians
from bench.servers import Program, served
from bench.tables import Goal, at_most, table

NAME = "mails"

_MAIL_SERVER = Program((sys.executable, "-m", "bench.mail_server", "{port}"))


def run(bench: Bench) -> dict[str, Any]:
    """Queue mails in a copy of each database, and send them."""
    bench.place_database(cores.ALL)
    postgres = bench.server.create_database(bench.postgres)
    sqlite = f"{bench.sqlite}.mails"
    shutil.copy(*(url.removeprefix("sqlite:///") for url in (bench.sqlite, sqlite)))
    stores: dict[str, dict[str, Any]] = {}
    with served(_MAIL_SERVER, cores.ALL) as mail_server:
        for store, url in (("PostgreSQL", postgres), ("SQLite", sqlite)):
            bench.say(f"queueing {bench.scale.mails:,} mails in {store}")
            _queue(url, bench)
            send = Task(
                "send",
                "`mail send`",
                bench.scale.mails,
                lambda url: _send(url, mail_server.port),
            )
            idle, done = measure(bench, store, url, [send])
            stores[store] = {"idle": medians(idle), "tasks": done}
    bench.server.drop_database(postgres)
    return {"mails": bench.scale.mails, "stores": stores}


def _queue(url: str, bench: Bench) -> None:
    mails = [
        NewMail(
            kind="reset_password",
            address=data.email(number % bench.scale.size.users),
            user_id=data.user_id(number % bench.scale.size.users),
            lifetime=timedelta(days=1),
            facts=json.dumps({"version": None}).encode(),
        )
        for number in range(bench.scale.mails)
    ]
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            queue_in_sqlite(connection, mails)
        return

    async def add() -> None:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await queue_in_postgres(connection, mails)
        finally:
            await connection.close()

    asyncio.run(add())


def _send(url: str, port: int) -> tuple[int, float]:
    """Send them; give how many were delivered, by the record, and the peak in MB."""
    environment = {
        "AUTHINGO_PUBLIC_URL": "https://example.com",
        "AUTHINGO_MAIL__URL": f"smtp://127.0.0.1:{port}",
        "AUTHINGO_MAIL__FROM": "Example <no-reply@example.com>",
    }
    _, peak = command(url, "mail", "send", "--json", environment=environment)
    return asyncio.run(_sent(url)), peak


async def _sent(url: str) -> int:
    auth = Auth(settings_from({"database_url": url}))
    await auth.open()
    try:
        counted = await auth.store.maintenance.statistics(days=2)
        return sum(day.events.get("mail_sent", 0) for day in counted.days)
    finally:
        await auth.close()


def report(result: dict[str, Any]) -> list[str]:
    """Rates first, then what those felt who signed in meanwhile."""
    rates, others = [], []
    for store, measured in result["stores"].items():
        others.append((f"{store}, idle", *felt(measured["idle"])))
        for task in measured["tasks"]:
            seconds, peak = task["seconds"], task["peak_mb"]
            rate = task["rows"] / seconds
            rates.append((store, f"{seconds:.0f}", f"{rate:,.0f}", f"{peak:.0f}"))
            others.append((f"{store}, {task['name']}", *felt(task)))
    return [
        f"{result['mails']:,} mails are queued, each with a link whose token is drawn when it is",
        "sent. `authingo mail send` delivers them, one after the other, to a mail server on the",
        "same machine. Sign-ins and session checks meanwhile, as for operators.",
        "",
        *table(("`mail send`", ">seconds", ">mails/s", ">peak MB"), rates),
        "",
        *table(FELT, others),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """Compare with what was promised: the memory does not grow with the queue."""
    for store, measured in result["stores"].items():
        for task in measured["tasks"]:
            name = f"`mail send` of {result['mails']:,} mails, {store}"
            yield at_most(f"{name}: memory", MEMORY, task["peak_mb"], " MB")


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001 - every suite has it
    """Draw nothing: the tables say it."""
    return {}
