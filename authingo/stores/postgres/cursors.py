"""Cursors in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from authingo.models import Event
from authingo.stores.cursors import Cursor, Lease, LeaseOver
from authingo.stores.event_rows import COLUMNS, read_event
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import as_it_is

_MARGIN = timedelta(minutes=5)  # for the clocks of two servers


class Cursors:
    """See authingo.stores.cursors.Cursors."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def take(self, name: str, *, lease: timedelta) -> Lease | None:
        """See Cursors."""
        row = await self._connections.one(*numbered(_TAKE, name=name, lease=lease))
        if row is None:
            return None
        if row["from_elsewhere"]:
            await self._bring_here(since=row["moved_at"] - _MARGIN)
        return Lease(name=name, fence=row["fence"])

    async def _bring_here(self, *, since: datetime) -> None:
        """Number the events again after a restore into another cluster, which counts from less.

        Those from before are forgotten by the hooks, because they were read; those since then get
        the number of a transaction of this cluster.
        """
        while await self._connections.count(*numbered(_FORGET, since=since)):
            pass
        async with self._connections.transaction() as connection:
            await connection.execute(*numbered(_RENUMBER, since=since))
            await connection.execute(_REWIND)

    async def read(self, lease: Lease, names: Sequence[str], *, renew: timedelta) -> Event | None:
        """See Cursors.

        One statement, so that the event and the end of what can be read are of one snapshot.
        """
        row = await self._connections.one(
            *numbered(_READ, name=lease.name, fence=lease.fence, names=list(names), renew=renew)
        )
        if row is None:
            raise LeaseOver
        return None if row["id"] is None else read_event(row, as_it_is)

    async def move(self, lease: Lease, event: Event) -> None:
        """See Cursors."""
        moved = numbered(_MOVE, name=lease.name, fence=lease.fence, event_id=event.id)
        if not await self._connections.count(*moved):
            raise LeaseOver

    async def release(self, lease: Lease) -> None:
        """See Cursors."""
        await self._connections.one(*numbered(_RELEASE, name=lease.name, fence=lease.fence))

    async def list(self) -> list[Cursor]:
        """See Cursors."""
        found = await self._connections.all(_LIST)
        return [Cursor(name=row["name"], moved_at=row["moved_at"]) for row in found]


_TAKE = """
INSERT INTO authingo_cursors AS c (name, xid, fence, leased_until)
VALUES (:name, pg_snapshot_xmin(pg_current_snapshot()), 1, now() + :lease::interval)
ON CONFLICT (name) DO UPDATE SET fence = c.fence + 1, leased_until = now() + :lease::interval
    WHERE c.leased_until IS NULL OR c.leased_until <= now()
RETURNING c.fence, c.moved_at, c.xid > pg_snapshot_xmax(pg_current_snapshot()) AS from_elsewhere
"""
_EVENTS = ", ".join(f"e.{column}" for column in COLUMNS)
# The cursor moves to the end where nothing is to be read. Events of transactions that still run, or
# began since, come later.
_READ = f"""
WITH mine AS (
    SELECT name, xid, event_id, pg_snapshot_xmin(pg_current_snapshot()) AS until
    FROM authingo_cursors WHERE name = :name AND fence = :fence FOR UPDATE
), unread AS (
    SELECT {_EVENTS}, e.xid FROM authingo_events e, mine m
    WHERE (e.xid, e.id) > (m.xid, m.event_id) AND e.xid < m.until AND e.name = ANY(:names::text[])
    ORDER BY e.xid, e.id LIMIT 1
), moved AS (
    UPDATE authingo_cursors c SET leased_until = now() + :renew::interval,
        xid = CASE WHEN there.one OR m.until <= c.xid THEN c.xid ELSE m.until END,
        event_id = CASE WHEN there.one OR m.until <= c.xid THEN c.event_id ELSE '' END,
        moved_at = CASE WHEN there.one THEN c.moved_at ELSE now() END
    FROM mine m, (SELECT EXISTS (SELECT FROM unread) AS one) there
    WHERE c.name = m.name RETURNING c.name
)
SELECT {_EVENTS} FROM moved LEFT JOIN unread e ON true ORDER BY e.xid, e.id
"""
_MOVE = """
UPDATE authingo_cursors c SET xid = e.xid, event_id = e.id, moved_at = now()
FROM authingo_events e WHERE c.name = :name AND c.fence = :fence AND e.id = :event_id
"""
_RELEASE = "UPDATE authingo_cursors SET leased_until = NULL WHERE name = :name AND fence = :fence"
_LIST = "SELECT name, moved_at FROM authingo_cursors ORDER BY name"
_FORGET = """
UPDATE authingo_events SET xid = NULL WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM authingo_events
    WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()) AND at <= :since LIMIT 5000))
"""
_RENUMBER = "UPDATE authingo_events SET xid = pg_current_xact_id() WHERE at > :since"
_REWIND = """
UPDATE authingo_cursors SET xid = pg_snapshot_xmin(pg_current_snapshot()), event_id = ''
WHERE xid > pg_snapshot_xmax(pg_current_snapshot())
"""
