"""Scheduled deletions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from authingo.attempts import NOTHING, Outcome
from authingo.models import User
from authingo.stores.mails import NewMail
from authingo.stores.postgres import secrets
from authingo.stores.postgres.connections import Connections, Undo
from authingo.stores.postgres.mails import queue
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import record
from authingo.stores.postgres.users import end_sessions
from authingo.stores.rows import FIRST, MAY_SIGN_IN, USER, RowReader
from authingo.stores.secrets import HOLDS_ADDRESS

_read = RowReader()


class Deletions:
    """See authingo.stores.deletions.Deletions."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

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
        """See Deletions. The lock waits for a sign-in, whose session then ends too."""
        row = None
        async with self._connections.transaction() as connection:
            await connection.execute(*numbered(_HOLD, user_id=user_id))
            row = await connection.fetchrow(
                *numbered(_SCHEDULE, user_id=user_id, caller=caller, grace=grace)
            )
            if row is None:
                raise Undo
            await end_sessions(connection, user_id)
            await secrets.forget_of(connection, user_id, keep)
            await queue(connection, mails)
            await record(connection, outcome)
        self._connections.notify_watchers(user_id)
        return _read.user(row) if row else None

    async def undo(self, purpose: str, digest: bytes, *, outcome: Outcome = NOTHING) -> User | None:
        """See Deletions."""
        row = None
        async with self._connections.transaction() as connection:
            spent = await secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None:
                raise Undo
            row = await connection.fetchrow(*numbered(_CANCEL, user_id=spent.user_id))
            if row is None:
                raise Undo
            await record(connection, outcome)
        return _read.user(row) if row else None

    async def cancel(self, user_id: str, *, outcome: Outcome = NOTHING) -> User | None:
        """See Deletions."""
        row = None
        async with self._connections.transaction() as connection:
            row = await connection.fetchrow(*numbered(_CANCEL, user_id=user_id))
            if row is None:
                raise Undo
            await record(connection, outcome)
        return _read.user(row) if row else None

    async def due(self, *, after: str | None = None, limit: int) -> list[User]:
        """See Deletions."""
        found = await self._connections.all(*numbered(_DUE, after=after or FIRST, limit=limit))
        return [_read.user(row) for row in found]


_HOLD = "SELECT FROM authingo_users WHERE id = :user_id FOR NO KEY UPDATE"
_SCHEDULE = f"""
UPDATE authingo_users u SET updated_at = now(), password_version = password_version + 1,
    delete_at = greatest(now() + :grace::interval, (
        SELECT max(expires_at) FROM authingo_secrets
        WHERE user_id = :user_id AND purpose = '{HOLDS_ADDRESS}' AND matter IS NULL))
WHERE u.id = :user_id AND {MAY_SIGN_IN}
    AND EXISTS (SELECT FROM authingo_sessions WHERE id = :caller AND user_id = :user_id)
RETURNING {USER}
"""
_CANCEL = f"""
UPDATE authingo_users u SET updated_at = now(), delete_at = NULL
WHERE u.id = :user_id AND u.delete_at IS NOT NULL RETURNING {USER}
"""
_DUE = f"""
SELECT {USER} FROM authingo_users u
WHERE u.delete_at IS NOT NULL AND u.delete_at <= now() AND u.id > :after ORDER BY u.id LIMIT :limit
"""
