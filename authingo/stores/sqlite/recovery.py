"""Changes in SQLite for somebody who has proved that a mailbox is theirs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from authingo.attempts import NOTHING, Outcome
from authingo.errors import EmailTaken
from authingo.models import ChangedUser, NewSession, NewUser, StartedSession, TokenKey, User
from authingo.stores.mails import NewMail
from authingo.stores.recovery import Move
from authingo.stores.secrets import Matter
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
        run_hooks = self._connection.hooks()

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
            if evicted is not None:
                run_hooks("user_evicted", user, connection)
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
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
        eviction: Outcome = NOTHING,
    ) -> StartedSession | None:
        """See Recovery."""
        run_hooks = self._connection.hooks()

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
            if not evicted:
                return started
            run_hooks("user_evicted", user, connection)
            return replace(started, taken_over=eviction.events)

        return await self._connection.write(work)

    async def evict(
        self, user_id: str, *, mails: Sequence[NewMail] = (), eviction: Outcome = NOTHING
    ) -> ChangedUser | None:
        """See Recovery."""
        run_hooks = self._connection.hooks()

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            ended = evict(connection, user_id, eviction)
            if ended is None:
                return None
            queue(connection, mails)
            user = rows.select_user(connection, user_id)
            run_hooks("user_evicted", user, connection)
            return ChangedUser(user, ended, evicted=True)

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
        proved: bytes,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
    ) -> StartedSession | None:
        """See Recovery."""
        run_hooks = self._connection.hooks()

        def work(connection: sqlite3.Connection) -> StartedSession | None:
            spent = _spend_both(connection, (purpose, digest), (waiting, proved))
            if spent is None:
                return None
            added = rows.insert_user(connection, user)
            of_sign_up = {"purpose": waiting, "subject": spent[1].subject}
            connection.execute(_END_WAITING, of_sign_up)
            started = outcomes.start_session(
                connection, added, session, ending=ending, outcome=outcome
            )
            run_hooks("user_created", added, connection)
            return started

        try:
            return await self._connection.write(work)
        except EmailTaken:
            return None

    async def change_email(
        self,
        move: Move,
        *,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> ChangedUser | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            link = secrets.standing(connection, move.purpose, move.digest)
            if link is None or link.user_id is None:
                return None
            asked = (move.request, link.data or b"")
            if _spend_both(connection, (move.purpose, move.digest), asked) is None:
                return None
            user_id = link.user_id
            _move(connection, user_id, move.email)
            ended = rows.delete_sessions(connection, user_id, but=move.session)
            secrets.forget_of(connection, user_id, keep)
            if move.undo is not None:
                secrets.open_matter(connection, move.undo)
            queue(connection, mails)
            outcomes.record(connection, outcome)
            return ChangedUser(rows.select_user(connection, user_id), ended)

        return await self._connection.write(work)

    async def undo_email_change(
        self,
        purpose: str,
        digest: bytes,
        *,
        password_hash: str,
        added: timedelta,
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> ChangedUser | None:
        """See Recovery."""

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            spent = secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None or spent.address is None:
                return None
            user_id, ends = spent.user_id, rows.microseconds(spent.expires_at)
            _move(connection, user_id, spent.address, password_hash)
            ended = rows.delete_sessions(connection, user_id)
            undone = {"user_id": user_id, "purpose": purpose, "ends": ends}
            since = rows.later(ends, -added)
            connection.execute(_DELETE_ADDED, {"user_id": user_id, "since": since})
            connection.execute(_DELETE_LATER, undone)
            queue(connection, mails)
            outcomes.record(connection, outcome)
            return ChangedUser(rows.select_user(connection, user_id), ended)

        return await self._connection.write(work)


def _spend_both(
    connection: sqlite3.Connection, link: tuple[str, bytes], about: tuple[str, bytes]
) -> tuple[Matter, Matter] | None:
    """Spend the matter of a link and that of what it is about, or neither.

    Both are given by their purpose and a digest.
    """
    proof, proved = secrets.standing(connection, *link), secrets.standing(connection, *about)
    if proof is None or proved is None:
        return None
    for one in (proof, proved):
        secrets.spend(connection, one.purpose, one.digest)
    return proof, proved


def _move(
    connection: sqlite3.Connection, user_id: str, email: str, password_hash: str | None = None
) -> None:
    """Store an address that was proved, and another password hash if there is one."""
    rows.refuse_held(connection, user_id, email)
    parameters = {"user_id": user_id, "email": email, "hash": password_hash, "now": rows.now()}
    connection.execute(_MOVE, parameters)


_END_WAITING = "DELETE FROM authingo_secrets WHERE purpose = :purpose AND subject = :subject"
_OWNER = """
SELECT 1 FROM authingo_users
WHERE id = :user_id AND disabled_at IS NULL AND password_version = :version
    AND (delete_at IS NULL OR NOT email_verified)
"""
_MOVE = """
UPDATE authingo_users SET email = :email, email_verified = 1, updated_at = :now,
    delete_at = NULL, password_version = password_version + 1,
    password_hash = coalesce(:hash, password_hash)
WHERE id = :user_id
"""
_DELETE_ADDED = """
DELETE FROM authingo_credentials WHERE user_id = :user_id AND created_at > :since
"""
_DELETE_LATER = """
DELETE FROM authingo_secrets
WHERE user_id = :user_id AND (purpose <> :purpose OR expires_at >= :ends)
"""
_RESET = """
UPDATE authingo_users SET password_hash = :hash, updated_at = :now,
    password_version = password_version + 1
WHERE id = :user_id
"""
