"""The verb that counts."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from typing import Any

from authingo.models import Statistics
from authingo.stores.rows import read_days
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection

_DAY = timedelta(days=1)
_USERS = "SELECT count(*), coalesce(sum(email_verified), 0), count(disabled_at) FROM authingo_users"
# The plus keeps the index on refresh_expires_at out: most sessions are refreshable, and
# fetching a million rows in its order took eight seconds where a scan takes two.
_SESSIONS = (
    "SELECT count(*), coalesce(sum(expires_at > ?1), 0)"
    " FROM authingo_sessions WHERE +refresh_expires_at > ?1"
)
_EVENTS = "SELECT name, count(*) FROM authingo_events WHERE at >= ? AND at < ? GROUP BY name"


class Counts(Connection):
    """Counting in SQLite."""

    async def statistics(self, *, days: int) -> Statistics:
        """See Store."""
        users = await self._one(_USERS)
        sessions = await self._one(_SESSIONS, rows.now())
        events = await self._read(lambda connection: _events(connection, days))
        return Statistics(
            users=users[0],
            verified=users[1],
            disabled=users[2],
            refreshable=sessions[0],
            live=sessions[1],
            days=read_days(events),
        )


def _events(connection: sqlite3.Connection, days: int) -> list[tuple[Any, ...]]:
    """Return day, name and count. Each day by itself is a range of the index on `at`."""
    today = rows.moment(rows.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[Any, ...]] = []
    for ago in range(days - 1, -1, -1):
        began = today - ago * _DAY
        day: date = began.date()
        bounds = rows.microseconds(began), rows.microseconds(began + _DAY)
        counted = connection.execute(_EVENTS, bounds).fetchall()
        found += [(day, *row) for row in counted or [(None, None)]]
    return found
