"""How quickly `authingo mail send` delivers a long queue, in how much memory, and who feels it.

Each mail has a link to choose a new password, whose token is drawn when it is sent. They go one
after the other to a mail server on the same machine. Meanwhile people sign in and their sessions
are checked, as for other commands of operators.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from authingo import Auth
from authingo.config import settings_from
from authingo.stores.mails import NewMail
from bench import cores, data
from bench.bench import Bench
from bench.cores import placed
from bench.operators import FELT, MEMORY, Task, felt, measure, medians
from bench.servers import Program, end, served
from bench.tables import Goal, at_most, table
from tests.database import execute

NAME = "mails"

_MAIL_SERVER = Program((sys.executable, "-m", "bench.mail_server", "{port}"))
_GROWTH = 1.1  # of the peak, from a tenth of the time to the end


def run(bench: Bench) -> dict[str, Any]:
    """Queue mails in a copy of each database, and deliver them for some time."""
    load, _, _ = os.getloadavg()
    bench.place_database(cores.ALL)
    postgres = bench.server.create_database(bench.postgres)
    sqlite = f"{bench.sqlite}.mails"
    shutil.copy(*(url.removeprefix("sqlite:///") for url in (bench.sqlite, sqlite)))
    stores: dict[str, dict[str, Any]] = {}
    with served(_MAIL_SERVER, cores.ALL) as mail_server:
        for store, url in (("PostgreSQL", postgres), ("SQLite", sqlite)):
            bench.say(f"queueing {bench.scale.mails:,} mails in {store}")
            asyncio.run(_queue(url, bench.scale.mails))
            sending = _Sending(mail_server.port, bench.scale.mail_seconds)
            idle, (done,) = measure(
                bench, store, url, [Task("send", "`mail send`", None, sending.send)]
            )
            stores[store] = {
                "idle": medians(idle),
                "tasks": [{**done, "early_mb": sending.early_mb}],
            }
    bench.server.drop_database(postgres)
    return {
        "mails": bench.scale.mails,
        "seconds": bench.scale.mail_seconds,
        "load": load,
        "stores": stores,
    }


async def _queue(url: str, mails: int) -> None:
    """Queue a mail for each of the first users: one by the store, which the others are like."""
    auth = Auth(settings_from({"database_url": url}))
    await auth.open()
    await auth.store.mails.add(
        NewMail(
            kind="reset_password",
            address=data.email(0),
            user_id=data.user_id(0),
            lifetime=timedelta(days=1),
            facts=json.dumps({"version": None}).encode(),
        )
    )
    await auth.close()
    same = "kind, language, facts, due, lifetime, due_at, deadline"
    execute(
        url,
        f"INSERT INTO authingo_mails (id, address, user_id, created_at, {same})"
        f" SELECT 'mail_' || u.id, u.email, u.id, m.created_at, {same}"
        " FROM authingo_mails m JOIN authingo_users u ON u.id <> m.user_id"
        f" ORDER BY u.id LIMIT {mails - 1}",
    )


class _Sending:
    """Delivers mails for some seconds, or until none is left."""

    def __init__(self, port: int, seconds: int) -> None:
        self._port = port
        self._seconds = seconds
        self.early_mb = 0.0  # the peak at a tenth of the time

    def send(self, url: str) -> tuple[int, float]:
        """Return how many were delivered, by the record, and the peak in MB."""
        environment = {
            "AUTHINGO_DATABASE_URL": url,
            "AUTHINGO_PUBLIC_URL": "https://example.com",
            "AUTHINGO_MAIL__URL": f"smtp://127.0.0.1:{self._port}",
            "AUTHINGO_MAIL__FROM": "Example <no-reply@example.com>",
        }
        process = subprocess.Popen(
            [Path(sys.executable).with_name("authingo"), "mail", "send", "--json"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            preexec_fn=placed(cores.ALL),  # noqa: PLW1509 - no thread holds a lock that it needs
            start_new_session=True,
        )
        try:
            self.early_mb = _peak_after(process, self._seconds / 10)
            late_mb = _peak_after(process, self._seconds * 9 / 10)
        finally:
            end(process)
        return asyncio.run(_sent(url)), late_mb


def _peak_after(process: subprocess.Popen[bytes], seconds: float) -> float:
    """Return the most memory in MB that a process has had when it has run for some seconds."""
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        status = Path(f"/proc/{process.pid}/status")  # Linux only, else 0
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        return int(found[1]) * 1024 / 1e6 if found else 0.0
    sys.exit(f"`mail send` ended too early, with {code}: queue more mails")


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
            rate = task["rows"] / task["seconds"]
            peaks = (f"{task[key]:.0f}" for key in ("early_mb", "peak_mb"))
            rates.append((store, f"{task['rows']:,}", f"{rate:,.0f}", *peaks))
            others.append((f"{store}, {task['name']}", *felt(task)))
    return [
        f"{result['mails']:,} mails wait, each with a link whose token is drawn when it is sent.",
        f"`authingo mail send` delivers them for {result['seconds']} s, one after the other, to a",
        "mail server on the same machine, which is written in Python as well; its start counts.",
        "Sign-ins and session checks meanwhile, as for operators. What else ran on the machine is",
        f"in all figures: its load average was {result['load']:.1f} before.",
        "",
        *table(
            ("`mail send`", ">mails", ">mails/s", ">peak MB, a tenth", ">peak MB, the end"), rates
        ),
        "",
        *table(FELT, others),
    ]


def goals(result: dict[str, Any]) -> Iterator[Goal]:
    """Compare with what was promised: the memory is small and does not grow."""
    for store, measured in result["stores"].items():
        for task in measured["tasks"]:
            name = f"`mail send`, {result['mails']:,} mails in {store}"
            yield at_most(f"{name}: memory", MEMORY, task["peak_mb"], " MB")
            growth = task["peak_mb"] / task["early_mb"]
            yield at_most(f"{name}: memory at the end, to a tenth", _GROWTH, growth, "x")


def plot(result: dict[str, Any]) -> dict[str, str]:  # noqa: ARG001 - every suite has it
    """Draw nothing: the tables say it."""
    return {}
