"""Cursors in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from authingo.models import Event
from authingo.stores.cursors import Cursor, Lease, LeaseOver
from authingo.stores.event_rows import EVENT, read_event
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection


class Cursors:
    """See authingo.stores.cursors.Cursors."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, name: str, *, lease: timedelta) -> Lease | None:
        """See Cursors."""

        def work(connection: sqlite3.Connection) -> Lease | None:
            now = rows.now()
            values = {"name": name, "now": now, "until": rows.later(now, lease)}
            taken = connection.execute(_TAKE, values).fetchone()
            return None if taken is None else Lease(name=name, fence=taken["fence"])

        return await self._connection.write(work)

    async def read(self, lease: Lease, names: Sequence[str], *, renew: timedelta) -> Event | None:
        """See Cursors."""

        def work(connection: sqlite3.Connection) -> Event | None:
            now = rows.now()
            mine = {"name": lease.name, "fence": lease.fence}
            renewed = connection.execute(_RENEW, {**mine, "until": rows.later(now, renew)})
            if renewed.rowcount == 0:
                raise LeaseOver
            wanted = {**mine, "names": json.dumps(list(names))}
            row = connection.execute(_UNREAD, wanted).fetchone()
            if row is None:
                connection.execute(_TO_THE_END, {**mine, "now": now})
                return None
            return read_event(row, rows.moment)

        return await self._connection.write(work)

    async def move(self, lease: Lease, event: Event) -> None:
        """See Cursors."""
        moved = await self._connection.count(
            _MOVE, name=lease.name, fence=lease.fence, event_id=event.id, now=rows.now()
        )
        if not moved:
            raise LeaseOver

    async def release(self, lease: Lease) -> None:
        """See Cursors."""
        await self._connection.count(_RELEASE, name=lease.name, fence=lease.fence)

    async def list(self) -> list[Cursor]:
        """See Cursors."""
        found = await self._connection.all(_LIST)
        return [Cursor(name=row["name"], moved_at=rows.moment(row["moved_at"])) for row in found]


_END = "(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'authingo_events')"
_TAKE = f"""
INSERT INTO authingo_cursors AS c (name, number, moved_at, fence, leased_until)
VALUES (:name, {_END}, :now, 1, :until)
ON CONFLICT (name) DO UPDATE SET fence = c.fence + 1, leased_until = :until
    WHERE c.leased_until IS NULL OR c.leased_until <= :now
RETURNING fence
"""
_MINE = "name = :name AND fence = :fence"
_RENEW = f"UPDATE authingo_cursors SET leased_until = :until WHERE {_MINE}"
_UNREAD = f"""
SELECT {EVENT} FROM authingo_events
WHERE number > (SELECT number FROM authingo_cursors WHERE {_MINE})
    AND name IN (SELECT value FROM json_each(:names))
ORDER BY number LIMIT 1
"""
_TO_THE_END = f"UPDATE authingo_cursors SET number = {_END}, moved_at = :now WHERE {_MINE}"
_MOVE = f"""
UPDATE authingo_cursors SET moved_at = :now,
    number = (SELECT number FROM authingo_events WHERE id = :event_id)
WHERE {_MINE} AND EXISTS (SELECT 1 FROM authingo_events WHERE id = :event_id)
"""
_RELEASE = f"UPDATE authingo_cursors SET leased_until = NULL WHERE {_MINE}"
_LIST = "SELECT name, moved_at FROM authingo_cursors ORDER BY name"
