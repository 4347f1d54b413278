"""Changes in SQLite for somebody who has proved that a mailbox is theirs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from authingo.errors import EmailTaken
from authingo.models import (
    NOTHING,
    ChangedUser,
    NewSession,
    NewUser,
    Outcome,
    StartedSession,
    User,
)
from authingo.stores.mails import NewMail
from authingo.stores.sqlite import outcomes, rows, secrets
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.eviction import evict
from authingo.stores.sqlite.mails import queue
from authingo.stores.sqlite.users import VERIFY_EMAIL


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
        outcome: Outcome = NOTHING,
        eviction: Outcome = NOTHING,
    ) -> ChangedUser | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            spent = secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None:
                return None
            user_id = spent.user_id
            evicted = evict(connection, user_id, eviction, password_hash=new_hash)
            ended = evicted or 0
            if evicted is None:
                connection.execute(
                    _RESET, {"user_id": user_id, "hash": new_hash, "now": rows.now()}
                )
                ended = rows.delete_sessions(connection, user_id)
                secrets.forget_of(connection, user_id, keep)
            queue(connection, mails)
            outcomes.record(connection, outcome)
            user = rows.select_user(connection, user_id)
            return ChangedUser(user, ended, evicted=evicted is not None)

        return await self._connection.write(work)

    async def sign_in_by_code(
        self,
        purpose: str,
        digest: bytes,
        user_id: str,
        session: NewSession,
        *,
        version: int,
        ending: bytes | None,
        outcome: Outcome = NOTHING,
        eviction: Outcome = NOTHING,
    ) -> StartedSession | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> StartedSession | None:
            owner = {"user_id": user_id, "version": version}
            if connection.execute(_OWNER, owner).fetchone() is None:
                return None
            if secrets.spend(connection, purpose, digest) is None:
                return None
            evicted = evict(connection, user_id, eviction) is not None
            user = rows.select_user(connection, user_id)
            started = outcomes.start_session(
                connection, user, session, ending=ending, outcome=outcome
            )
            return replace(started, taken_over=eviction.events) if evicted else started

        return await self._connection.write(work)

    async def evict(
        self, user_id: str, *, mails: Sequence[NewMail] = (), eviction: Outcome = NOTHING
    ) -> ChangedUser | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            ended = evict(connection, user_id, eviction)
            if ended is None:
                return None
            queue(connection, mails)
            return ChangedUser(rows.select_user(connection, user_id), ended, evicted=True)

        return await self._connection.write(work)

    async def verify_email(
        self, purpose: str, digest: bytes, *, outcome: Outcome = NOTHING
    ) -> User | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> User | None:
            spent = secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None:
                return None
            connection.execute(VERIFY_EMAIL, {"user_id": spent.user_id, "now": rows.now()})
            outcomes.record(connection, outcome)
            return rows.select_user(connection, spent.user_id)

        return await self._connection.write(work)

    async def sign_up(
        self,
        purpose: str,
        digest: bytes,
        user: NewUser,
        session: NewSession,
        *,
        waiting: str,
        ending: bytes | None,
        outcome: Outcome = NOTHING,
    ) -> StartedSession | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> StartedSession | None:
            spent = secrets.spend(connection, purpose, digest)
            if spent is None or spent.data is None:
                return None
            proved = secrets.spend(connection, waiting, spent.data)
            if proved is None:
                raise EmailTaken  # by the first to prove it; and the transaction is rolled back
            added = rows.insert_user(connection, user)
            of_sign_up = {"purpose": waiting, "subject": proved.subject}
            connection.execute(_END_WAITING, of_sign_up)
            return outcomes.start_session(
                connection, added, session, ending=ending, outcome=outcome
            )

        try:
            return await self._connection.write(work)
        except EmailTaken:
            return None


_END_WAITING = "DELETE FROM authingo_secrets WHERE purpose = :purpose AND subject = :subject"
_OWNER = """
SELECT 1 FROM authingo_users
WHERE id = :user_id AND disabled_at IS NULL AND password_version = :version
"""
_RESET = """
UPDATE authingo_users SET password_hash = :hash, updated_at = :now,
    password_version = password_version + 1
WHERE id = :user_id
"""
