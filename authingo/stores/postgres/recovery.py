"""Changes in PostgreSQL that spend a single-use secret."""

from __future__ import annotations

from collections.abc import Sequence

from authingo.models import ChangedUser
from authingo.stores.mails import NewMail
from authingo.stores.postgres import secrets
from authingo.stores.postgres.connections import Connections, Undo
from authingo.stores.postgres.mails import queue
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.users import end_sessions
from authingo.stores.rows import USER, RowReader

_read = RowReader()


class Recovery:
    """See authingo.stores.recovery.Recovery."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def reset_password(
        self,
        purpose: str,
        digest: bytes,
        new_hash: str,
        *,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
    ) -> ChangedUser | None:
        """See Recovery.

        Spending the matter locks the user. So a sign-in that holds the share lock has committed
        its session before the sessions end.
        """
        changed = None
        async with self._connections.transaction() as connection:
            spent = await secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None:
                raise Undo
            user = {"user_id": spent.user_id}
            verified = await connection.fetchval(*numbered(_IS_VERIFIED, **user))
            if not verified:
                await connection.execute(*numbered(_DELETE_CREDENTIALS, **user))
            row = await connection.fetchrow(*numbered(_RESET, hash=new_hash, **user))
            ended = await end_sessions(connection, spent.user_id)
            await secrets.forget_of(connection, spent.user_id, keep)
            await queue(connection, mails)
            changed = ChangedUser(_read.user(row), sum(ended.values()), evicted=not verified)
        if changed is not None:
            self._connections.notify_watchers(changed.user.id)
        return changed


_IS_VERIFIED = "SELECT email_verified FROM authingo_users WHERE id = :user_id"
_DELETE_CREDENTIALS = "DELETE FROM authingo_credentials WHERE user_id = :user_id"
_RESET = f"""
UPDATE authingo_users u SET password_hash = :hash, updated_at = now(),
    password_version = password_version + 1, email_verified = true,
    name = CASE WHEN email_verified THEN name ELSE split_part(email, '@', 1) END
WHERE id = :user_id RETURNING {USER}
"""
