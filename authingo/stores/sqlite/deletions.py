"""Scheduled deletions in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from authingo.attempts import NOTHING, Outcome
from authingo.models import User
from authingo.stores.mails import NewMail
from authingo.stores.rows import FIRST, MAY_SIGN_IN, USER
from authingo.stores.secrets import HOLDS_ADDRESS
from authingo.stores.sqlite import outcomes, rows, secrets
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.mails import queue


class Deletions:
    """See authingo.stores.deletions.Deletions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def schedule(
        self,
        user_id: str,
        *,
        caller: str,
        grace: timedelta,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> User | None:
        """See Deletions."""

        def work(connection: sqlite3.Connection) -> User | None:
            at = rows.now()
            scheduled = connection.execute(
                _SCHEDULE,
                {"user_id": user_id, "caller": caller, "now": at, "at": rows.later(at, grace)},
            )
            if scheduled.rowcount == 0:
                return None
            rows.delete_sessions(connection, user_id)
            secrets.forget_of(connection, user_id, keep)
            queue(connection, mails)
            outcomes.record(connection, outcome)
            return rows.select_user(connection, user_id)

        return await self._connection.write(work)

    async def undo(self, purpose: str, digest: bytes, *, outcome: Outcome = NOTHING) -> User | None:
        """See Deletions."""

        def work(connection: sqlite3.Connection) -> User | None:
            spent = secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None:
                return None
            return _cancel(connection, spent.user_id, outcome)

        return await self._connection.write(work)

    async def cancel(self, user_id: str, *, outcome: Outcome = NOTHING) -> User | None:
        """See Deletions."""
        return await self._connection.write(
            lambda connection: _cancel(connection, user_id, outcome)
        )

    async def due(self, *, after: str | None = None, limit: int) -> list[User]:
        """See Deletions."""
        found = await self._connection.all(_DUE, after=after or FIRST, limit=limit, now=rows.now())
        return [rows.read.user(row) for row in found]


def _cancel(connection: sqlite3.Connection, user_id: str, outcome: Outcome) -> User | None:
    cancelled = connection.execute(_CANCEL, {"user_id": user_id, "now": rows.now()})
    if cancelled.rowcount == 0:
        return None
    outcomes.record(connection, outcome)
    return rows.select_user(connection, user_id)


_SCHEDULE = f"""
UPDATE authingo_users AS u SET updated_at = :now, password_version = password_version + 1,
    delete_at = max(:at, coalesce((
        SELECT max(expires_at) FROM authingo_secrets
        WHERE user_id = :user_id AND purpose = '{HOLDS_ADDRESS}' AND matter IS NULL), 0))
WHERE u.id = :user_id AND {MAY_SIGN_IN}
    AND EXISTS (SELECT 1 FROM authingo_sessions WHERE id = :caller AND user_id = :user_id)
"""
_CANCEL = """
UPDATE authingo_users SET updated_at = :now, delete_at = NULL
WHERE id = :user_id AND delete_at IS NOT NULL
"""
_DUE = f"""
SELECT {USER} FROM authingo_users u
WHERE u.delete_at IS NOT NULL AND u.delete_at <= :now AND u.id > :after ORDER BY u.id LIMIT :limit
"""
