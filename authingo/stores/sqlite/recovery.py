"""Changes in SQLite that spend a single-use secret."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from authingo.models import ChangedUser
from authingo.stores.mails import NewMail
from authingo.stores.sqlite import rows, secrets
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.mails import queue


class Recovery:
    """See authingo.stores.recovery.Recovery."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reset_password(
        self,
        purpose: str,
        digest: bytes,
        new_hash: str,
        *,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
    ) -> ChangedUser | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            spent = secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None:
                return None
            user_id = spent.user_id
            verified = rows.select_user(connection, user_id).email_verified
            if not verified:
                connection.execute(_DELETE_CREDENTIALS, {"user_id": user_id})
            connection.execute(_RESET, {"user_id": user_id, "hash": new_hash, "now": rows.now()})
            ended = rows.delete_sessions(connection, user_id)
            secrets.forget_of(connection, user_id, keep)
            queue(connection, mails)
            user = rows.select_user(connection, user_id)
            return ChangedUser(user, ended, evicted=not verified)

        return await self._connection.write(work)


_DELETE_CREDENTIALS = "DELETE FROM authingo_credentials WHERE user_id = :user_id"
_RESET = """
UPDATE authingo_users SET password_hash = :hash, updated_at = :now,
    password_version = password_version + 1, email_verified = 1,
    name = CASE WHEN email_verified THEN name ELSE substr(email, 1, instr(email, '@') - 1) END
WHERE id = :user_id
"""
