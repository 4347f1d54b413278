"""The verbs about what is recorded: events and attempts."""

from __future__ import annotations

from datetime import timedelta

from authingo.models import AttemptLimit, Event, Taken
from authingo.stores.postgres.connections import Connections
from authingo.stores.rows import EVENT, read_event

# $1 key, $2 allowed, $3 window, $4 first wait or NULL, $5 longest wait, $6 memory.
# `n` is the number of the attempt in hand; what decides is written out twice, once
# for a key that is new and once for one that is known, because both must be atomic.
# (least() alone would take a NULL for absent.)
_WAIT = (
    "CASE WHEN $4::interval IS NOT NULL"
    " THEN least($4 * power(2, least({n} - $2, 20)), $5::interval) END"
)
_KNOWN_N = "CASE WHEN a.expires_at <= now() THEN 1 ELSE a.count + 1 END"
_KNOWN_END = "CASE WHEN a.expires_at <= now() THEN now() + $3 ELSE a.expires_at END"
_TAKE = f"""
INSERT INTO authingo_attempts AS a (key_digest, count, blocked_until, expires_at)
VALUES ($1, 1,
    CASE WHEN 1 >= $2 THEN now() + coalesce({_WAIT.format(n="1")}, $3) END,
    now() + CASE WHEN 1 >= $2 AND $4 IS NOT NULL THEN $6::interval ELSE $3::interval END)
ON CONFLICT (key_digest) DO UPDATE SET
    count = {_KNOWN_N},
    blocked_until = CASE WHEN {_KNOWN_N} >= $2
        THEN coalesce(now() + {_WAIT.format(n=f"({_KNOWN_N})")}, {_KNOWN_END}) END,
    expires_at = CASE WHEN {_KNOWN_N} >= $2 AND $4 IS NOT NULL
        THEN now() + $6 ELSE {_KNOWN_END} END
WHERE a.blocked_until IS NULL OR a.blocked_until <= now()
RETURNING count >= $2
"""


class Records(Connections):
    """Events and attempts in PostgreSQL."""

    async def take_attempt(self, key_digest: bytes, limit: AttemptLimit) -> Taken:
        """See Store. Of any number at once each waits for the row, so none is missed."""
        taken = await self._one(
            _TAKE,
            key_digest,
            limit.allowed,
            limit.window,
            limit.first_wait,
            limit.longest_wait,
            limit.memory,
        )
        if taken is not None:
            return Taken(refused_for=None, last=taken[0])
        row = await self._one(
            "SELECT blocked_until - now() FROM authingo_attempts WHERE key_digest = $1", key_digest
        )
        wait = row[0] if row and row[0] else timedelta(0)
        return Taken(refused_for=max(wait, timedelta(seconds=1)), last=False)

    async def give_back_attempt(self, key_digest: bytes, limit: AttemptLimit) -> None:
        """See Store."""
        await self._one(
            "UPDATE authingo_attempts SET count = greatest(count - 1, 0),"
            "  blocked_until = CASE WHEN count > $2 THEN blocked_until END WHERE key_digest = $1",
            key_digest,
            limit.allowed,
        )

    async def forget_attempts(self, key_digest: bytes) -> None:
        """See Store."""
        await self._one("DELETE FROM authingo_attempts WHERE key_digest = $1", key_digest)

    async def add_event(self, event: Event) -> None:
        """See Store."""
        await self._one(
            "INSERT INTO authingo_events (id, at, name, user_id, session_id, ip)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            event.id,
            event.at,
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
            f"SELECT {EVENT} FROM authingo_events"
            " WHERE id > $1 AND ($2::text IS NULL OR id < $2)"
            " AND ($3::text IS NULL OR name = $3) AND ($4::text IS NULL OR user_id = $4)"
            f" ORDER BY id {'DESC' if newest else ''} LIMIT $5",
            after or "",
            before,
            name,
            user_id,
            limit,
        )
        return [read_event(row) for row in found]

    async def forget_records(self, batch_size: int, *, events_older_than: timedelta) -> int:
        """See Store."""
        attempts = await self._count(
            "DELETE FROM authingo_attempts WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_attempts WHERE expires_at <= now()"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
        )
        events = await self._count(
            "DELETE FROM authingo_events WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_events WHERE at <= now() - $2::interval"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
            events_older_than,
        )
        return max(attempts, events)
