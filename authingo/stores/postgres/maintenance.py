"""Looking after a PostgreSQL database."""

from __future__ import annotations

from datetime import timedelta

from authingo.findings import Finding
from authingo.models import Statistics
from authingo.stores.cursors import ABANDONED
from authingo.stores.mails import FAILED_KEPT
from authingo.stores.postgres import examination
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.statements import day
from authingo.stores.rows import read_days


class Maintenance:
    """See authingo.stores.maintenance.Maintenance."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def others(self) -> list[str] | None:
        """See Maintenance. A server always has a connection on which it listens."""
        return [row["name"] for row in await self._connections.all(_OTHERS)]

    async def count_prunable(self) -> int:
        """See Maintenance."""
        row = await self._connections.one(_COUNT_PRUNABLE)
        return int(row["count"])

    async def prune(self, batch_size: int) -> int:
        """See Maintenance."""
        return await self._count(_PRUNE, batch_size=batch_size)

    async def postpone_pruning(self, batch_size: int) -> int:
        """See Maintenance."""
        return await self._count(_POSTPONE, batch_size=batch_size)

    async def forget_nonces(self, batch_size: int, *, after: str) -> tuple[int, str | None]:
        """See Maintenance."""
        row = await self._connections.one(
            *numbered(_FORGET_NONCES, batch_size=batch_size, after=after)
        )
        return row["spent"], row["last"]

    async def forget_records(self, batch_size: int, *, events_older_than: timedelta) -> int:
        """See Maintenance."""
        secrets = await self._count(_FORGET_SECRETS, batch_size=batch_size)
        attempts = await self._count(_FORGET_ATTEMPTS, batch_size=batch_size)
        events = await self._count(
            _FORGET_EVENTS, batch_size=batch_size, age=events_older_than, abandoned=ABANDONED
        )
        mails = await self._count(_FORGET_MAILS, batch_size=batch_size, age=FAILED_KEPT)
        return max(secrets, attempts, events, mails)

    async def statistics(self, *, days: int) -> Statistics:
        """See Maintenance.

        To count a million users, a parallel scan takes 0.1 s. An index would slow down writes
        for little.
        """
        users = await self._connections.one(_USERS)
        sessions = await self._connections.one(_SESSIONS)
        events = await self._connections.all(*numbered(_EVENTS, days=days))
        return Statistics(
            users=users["users"],
            verified=users["verified"],
            disabled=users["disabled"],
            refreshable=sessions["refreshable"],
            active=sessions["active"],
            days=read_days((row["day"], row["name"], row["count"]) for row in events),
        )

    async def examine(self, *, workers: int) -> list[Finding]:
        """See Maintenance."""
        return await examination.examine(self._connections, workers=workers)

    async def _count(self, statement: str, **parameters: object) -> int:
        return await self._connections.count(*numbered(statement, **parameters))


def _some(table: str, condition: str) -> str:
    """Return the condition that chooses and locks some rows that no other transaction has locked.

    It chooses them by ctid, which is thirty times as quick as by primary key.
    """
    return f"""ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE {condition} LIMIT :batch_size FOR UPDATE SKIP LOCKED))"""


def _delete(table: str, condition: str) -> str:
    return f"DELETE FROM {table} WHERE {_some(table, condition)}"


# A role that may not see what others do still sees that they are connected. Then the kind of their
# process is hidden, but hardly any of the server's own processes has a role.
_OTHERS = """
SELECT application_name AS name FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
    AND coalesce(backend_type, 'client backend') = 'client backend'
ORDER BY name
"""
_DUE = f"prune_on <= {day('now()')}"
_OVER = f"{_DUE} AND refresh_expires_at <= now()"
_COUNT_PRUNABLE = f"SELECT count(*) FROM authingo_sessions WHERE {_OVER}"
_PRUNE = _delete("authingo_sessions", _OVER)
_REFRESHED = _some("authingo_sessions", f"{_DUE} AND prune_on < {day('refresh_expires_at')}")
_POSTPONE = f"""
UPDATE authingo_sessions SET prune_on = {day("refresh_expires_at")} WHERE {_REFRESHED}
"""
_FORGET_NONCES = """
WITH part AS MATERIALIZED (
    SELECT id FROM authingo_sessions WHERE id > :after ORDER BY id LIMIT :batch_size
), forgotten AS (
    UPDATE authingo_sessions SET rotation_nonce = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM authingo_sessions WHERE id > :after AND id <= (SELECT max(id) FROM part)
            AND rotation_nonce IS NOT NULL AND grace_expires_at <= now()
        FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING id
)
SELECT max(id) AS last, (SELECT count(*) FROM forgotten) AS spent FROM part
"""
_FORGET_SECRETS = _delete("authingo_secrets", "expires_at <= now()")
_FORGET_ATTEMPTS = _delete("authingo_attempts", "expires_at <= now()")
_FORGET_EVENTS = _delete(
    "authingo_events",
    """at <= now() - :age::interval AND NOT EXISTS (
        SELECT FROM authingo_cursors c WHERE c.moved_at > now() - :abandoned::interval
            AND (authingo_events.xid, authingo_events.id) > (c.xid, c.event_id))""",
)
_FORGET_MAILS = _delete("authingo_mails", "failed_at <= now() - :age::interval")
_USERS = """
SELECT count(*) AS users, count(*) FILTER (WHERE email_verified) AS verified,
    count(disabled_at) AS disabled
FROM authingo_users
"""
_SESSIONS = """
SELECT count(*) AS refreshable, count(*) FILTER (WHERE expires_at > now()) AS active
FROM authingo_sessions WHERE refresh_expires_at > now()
"""
# Each day is counted by itself, as a range of the index on `at`. This takes half the time of
# grouping by a day that must be computed for every row.
_EVENTS = """
SELECT d.day, e.name, e.count
FROM (SELECT (now() AT TIME ZONE 'UTC')::date - ago AS day
      FROM generate_series(:days::integer - 1, 0, -1) AS ago) AS d
LEFT JOIN LATERAL (
    SELECT name, count(*) FROM authingo_events
    WHERE at >= d.day::timestamp AT TIME ZONE 'UTC'
      AND at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY name) AS e ON true
ORDER BY d.day, e.name
"""
