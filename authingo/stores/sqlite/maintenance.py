"""Looking after a SQLite file."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from authingo.findings import Finding
from authingo.models import Statistics
from authingo.stores.cursors import ABANDONED
from authingo.stores.mails import FAILED_KEPT
from authingo.stores.rows import read_days
from authingo.stores.sqlite import examination, rows
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.file_users import FileUsers

_DAY = timedelta(days=1)


class Maintenance:
    """See authingo.stores.maintenance.Maintenance."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._users = FileUsers()

    async def others(self) -> list[str] | None:
        """See Maintenance. It names one of the processes, even if there are several."""
        path = self._connection.path
        if not isinstance(path, Path):
            return []  # a database in memory is this program's own
        return await self._connection.read(lambda connection: self._users.of(path, connection))

    async def count_prunable(self) -> int:
        """See Maintenance."""
        now = rows.now()
        row = await self._connection.one(_COUNT_PRUNABLE, until=now, today=now // rows.DAY)
        return int(row["count"])

    async def prune(self, batch_size: int) -> int:
        """See Maintenance."""
        return await self._count(_PRUNE, batch_size)

    async def postpone_pruning(self, batch_size: int) -> int:
        """See Maintenance."""
        return await self._count(_POSTPONE, batch_size)

    async def forget_nonces(self, batch_size: int, *, after: str) -> tuple[int, str | None]:
        """See Maintenance."""
        part = {"after": after, "batch_size": batch_size, "now": rows.now()}

        def work(connection: sqlite3.Connection) -> tuple[int, str | None]:
            last: str | None = connection.execute(_LAST, part).fetchone()["last"]
            spent = connection.execute(_FORGET_NONCES, {**part, "last": last}).rowcount
            return spent, last

        return await self._connection.write(work)

    async def forget_records(self, batch_size: int, *, events_older_than: timedelta) -> int:
        """See Maintenance."""
        secrets = await self._count(_FORGET_SECRETS, batch_size)
        attempts = await self._count(_FORGET_ATTEMPTS, batch_size)
        events = await self._count(_FORGET_EVENTS, batch_size, age=events_older_than)
        mails = await self._count(_FORGET_MAILS, batch_size, age=FAILED_KEPT)
        return max(secrets, attempts, events, mails)

    async def statistics(self, *, days: int) -> Statistics:
        """See Maintenance."""
        users = await self._connection.one(_USERS)
        sessions = await self._connection.one(_SESSIONS, now=rows.now())
        events = await self._connection.read(lambda connection: _events(connection, days))
        return Statistics(
            users=users["users"],
            verified=users["verified"],
            disabled=users["disabled"],
            refreshable=sessions["refreshable"],
            active=sessions["active"],
            days=read_days(events),
        )

    async def examine(self, *, workers: int) -> list[Finding]:  # noqa: ARG002 - they share no limit
        """See Maintenance."""
        return await examination.examine(self._connection)

    async def _count(
        self, statement: str, batch_size: int, *, age: timedelta = timedelta(0)
    ) -> int:
        """Change at most `batch_size` rows that were over `age` ago; return how many."""
        until = rows.later(rows.now(), -age)
        today, abandoned = until // rows.DAY, rows.later(rows.now(), -ABANDONED)
        return await self._connection.count(
            statement, until=until, today=today, batch_size=batch_size, abandoned=abandoned
        )


def _events(connection: sqlite3.Connection, days: int) -> list[tuple[Any, ...]]:
    """Return rows of day, name and count. Each day is read as a range of the index on `at`."""
    today = rows.moment(rows.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[Any, ...]] = []
    for ago in range(days - 1, -1, -1):
        began = today - ago * _DAY
        day: date = began.date()
        bounds = {"began": rows.microseconds(began), "ended": rows.microseconds(began + _DAY)}
        counted = connection.execute(_EVENTS, bounds).fetchall()
        found += [(day, row["name"], row["count"]) for row in counted] or [(day, None, None)]
    return found


def _some(table: str, condition: str) -> str:
    """Return the condition that chooses some rows of a table."""
    return f"rowid IN (SELECT rowid FROM {table} WHERE {condition} LIMIT :batch_size)"


def _delete(table: str, condition: str) -> str:
    return f"DELETE FROM {table} WHERE {_some(table, condition)}"


_OVER = "prune_on <= :today AND refresh_expires_at <= :until"
_COUNT_PRUNABLE = f"SELECT count(*) AS count FROM authingo_sessions WHERE {_OVER}"
_PRUNE = _delete("authingo_sessions", _OVER)
_DAY_OF_END = f"refresh_expires_at / {rows.DAY}"
_REFRESHED = _some("authingo_sessions", f"prune_on <= :today AND prune_on < {_DAY_OF_END}")
_POSTPONE = f"UPDATE authingo_sessions SET prune_on = {_DAY_OF_END} WHERE {_REFRESHED}"
_LAST = """
SELECT max(id) AS last FROM (
    SELECT id FROM authingo_sessions WHERE id > :after ORDER BY id LIMIT :batch_size)
"""
_FORGET_NONCES = """
UPDATE authingo_sessions SET rotation_nonce = NULL
WHERE id > :after AND id <= :last AND rotation_nonce IS NOT NULL AND grace_expires_at <= :now
"""
_FORGET_SECRETS = _delete("authingo_secrets", "expires_at <= :until")
_FORGET_ATTEMPTS = _delete("authingo_attempts", "expires_at <= :until")
_FORGET_EVENTS = _delete(
    "authingo_events",
    """at <= :until AND NOT EXISTS (
        SELECT 1 FROM authingo_cursors c
        WHERE c.moved_at > :abandoned AND authingo_events.number > c.number)""",
)
_FORGET_MAILS = _delete("authingo_mails", "failed_at <= :until")
_USERS = """
SELECT count(*) AS users, coalesce(sum(email_verified), 0) AS verified,
    count(disabled_at) AS disabled
FROM authingo_users
"""
_SESSIONS = """
SELECT count(*) AS refreshable, coalesce(sum(expires_at > :now), 0) AS active
FROM authingo_sessions WHERE refresh_expires_at > :now
"""
_EVENTS = """
SELECT name, count(*) AS count FROM authingo_events
WHERE at >= :began AND at < :ended GROUP BY name
"""
