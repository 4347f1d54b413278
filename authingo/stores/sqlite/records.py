"""The verbs about what is recorded: attempts and events."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from authingo.models import AttemptLimit, Begun, Counted, Credentials, Event, Outcome, Taken
from authingo.stores.rows import EVENT, FIRST, LAST, USER, read_event
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection


class Records(Connection):
    """Attempts and events in SQLite."""

    async def begin_attempt(
        self, email: str | None, counting: Sequence[Counted], *, ip: str | None = None
    ) -> Begun:
        """See Store. The transaction holds the one write lock from its beginning."""

        def work(connection: sqlite3.Connection) -> Begun:
            row = connection.execute(_ACCOUNT, (email,)).fetchone()
            taken: list[Taken] = []
            for digest, limit in counting:
                taken.append(_take(connection, digest, limit))
                if taken[-1].refused_for is not None:
                    break
            refused = bool(taken) and taken[-1].refused_for is not None
            account = rows.read.credentials(row) if row else None
            at_home = refused and account is not None and _at_home(connection, account, ip)
            return Begun(account, tuple(taken), at_home=at_home)

        return await (self._write(work) if counting else self._read(work))

    async def record(self, outcome: Outcome) -> None:
        """See Store."""
        await self._write(lambda connection: rows.record(connection, outcome))

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
        about = "?4 IS NULL" if user_id is None else "user_id = ?4"
        found = await self._all(
            f"SELECT {EVENT} FROM authingo_events WHERE id > ?1 AND id < ?2"
            f" AND (?3 IS NULL OR name = ?3) AND {about}"
            f" ORDER BY id {'DESC' if newest else ''} LIMIT ?5",
            after or FIRST,
            before or LAST,
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


_ACCOUNT = (
    f"SELECT {USER}, u.password_hash, u.password_version FROM authingo_users u WHERE u.email = ?"
)


def _at_home(connection: sqlite3.Connection, account: Credentials, ip: str | None) -> bool:
    found = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM authingo_sessions"
        " WHERE user_id = ? AND ip = ? AND refresh_expires_at > ?)",
        (account.user.id, ip, rows.now()),
    ).fetchone()
    return bool(found[0])


def _take(connection: sqlite3.Connection, key_digest: bytes, limit: AttemptLimit) -> Taken:
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
