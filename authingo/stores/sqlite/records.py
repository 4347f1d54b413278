"""The verbs about what is recorded: events and attempts."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from authingo.models import AttemptLimit, Event, Taken
from authingo.stores.rows import EVENT, read_event
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection


class Records(Connection):
    """Events and attempts in SQLite."""

    async def take_attempt(self, key_digest: bytes, limit: AttemptLimit) -> Taken:
        """See Store. The transaction holds the one write lock from its beginning."""

        def work(connection: sqlite3.Connection) -> Taken:
            at = rows.now()
            count, blocked_until, expires_at = connection.execute(
                "SELECT count, coalesce(blocked_until, 0), expires_at FROM authingo_attempts"
                " WHERE key_digest = ? AND expires_at > ?",
                (key_digest, at),
            ).fetchone() or (0, 0, rows.later(at, limit.window))
            if blocked_until > at:
                left = timedelta(microseconds=blocked_until - at)
                return Taken(refused_for=max(left, timedelta(seconds=1)), last=False)
            count += 1
            last = count >= limit.allowed
            wait = limit.wait_after(count) if last else None
            until = rows.later(at, wait) if wait else (expires_at if last else None)
            connection.execute(
                "INSERT OR REPLACE INTO authingo_attempts"
                " (key_digest, count, blocked_until, expires_at) VALUES (?, ?, ?, ?)",
                (key_digest, count, until, rows.later(at, limit.memory) if wait else expires_at),
            )
            return Taken(refused_for=None, last=last)

        return await self._write(work)

    async def give_back_attempt(self, key_digest: bytes, limit: AttemptLimit) -> None:
        """See Store."""
        await self._count(
            "UPDATE authingo_attempts SET count = max(count - 1, 0),"
            "  blocked_until = CASE WHEN count > ?2 THEN blocked_until END WHERE key_digest = ?1",
            key_digest,
            limit.allowed,
        )

    async def forget_attempts(self, key_digest: bytes) -> None:
        """See Store."""
        await self._count("DELETE FROM authingo_attempts WHERE key_digest = ?", key_digest)

    async def add_event(self, event: Event) -> None:
        """See Store."""
        await self._count(
            "INSERT INTO authingo_events (id, at, name, user_id, session_id, ip)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            event.id,
            rows.microseconds(event.at),
            event.name,
            event.user_id,
            event.session_id,
            event.ip,
        )

    async def list_events(
        self,
        *,
        after: str | None = None,
        before: str | None = None,
        name: str | None = None,
        user_id: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[Event]:
        """See Store."""
        found = await self._all(
            f"SELECT {EVENT} FROM authingo_events WHERE id > ?1 AND (?2 IS NULL OR id < ?2)"
            " AND (?3 IS NULL OR name = ?3) AND (?4 IS NULL OR user_id = ?4)"
            f" ORDER BY id {'DESC' if newest else ''} LIMIT ?5",
            after or "",
            before,
            name,
            user_id,
            limit,
        )
        return [read_event(row, rows.moment) for row in found]

    async def forget_records(self, batch_size: int, *, events_older_than: timedelta) -> int:
        """See Store."""
        attempts = await self._count(
            "DELETE FROM authingo_attempts WHERE rowid IN (SELECT rowid FROM authingo_attempts"
            " WHERE expires_at <= ? LIMIT ?)",
            rows.now(),
            batch_size,
        )
        events = await self._count(
            "DELETE FROM authingo_events WHERE rowid IN (SELECT rowid FROM authingo_events"
            " WHERE at <= ? LIMIT ?)",
            rows.later(rows.now(), -events_older_than),
            batch_size,
        )
        return max(attempts, events)
