"""The verb that counts."""

from __future__ import annotations

from authingo.models import Statistics
from authingo.stores.postgres.connections import Connections
from authingo.stores.rows import read_days

_USERS = (
    "SELECT count(*), count(*) FILTER (WHERE email_verified), count(disabled_at)"
    " FROM authingo_users"
)
_SESSIONS = (
    "SELECT count(*), count(*) FILTER (WHERE expires_at > now())"
    " FROM authingo_sessions WHERE refresh_expires_at > now()"
)
# Each day by itself is a range of the index on `at`: half the time of grouping by a day
# that has to be computed for every row.
_EVENTS = """
SELECT d.day, e.name, e.count
FROM (SELECT (now() AT TIME ZONE 'UTC')::date - ago AS day
      FROM generate_series($1::integer - 1, 0, -1) AS ago) AS d
LEFT JOIN LATERAL (
    SELECT name, count(*) FROM authingo_events
    WHERE at >= d.day::timestamp AT TIME ZONE 'UTC'
      AND at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY name) AS e ON true
ORDER BY d.day, e.name
"""


class Counts(Connections):
    """Counting in PostgreSQL."""

    async def statistics(self, *, days: int) -> Statistics:
        """See Store. A million users are a parallel scan of 0.1 s: no index is worth its writes."""
        users = await self._one(_USERS)
        sessions = await self._one(_SESSIONS)
        events = await self._all(_EVENTS, days)
        return Statistics(
            users=users[0],
            verified=users[1],
            disabled=users[2],
            refreshable=sessions[0],
            live=sessions[1],
            days=read_days(events),
        )
