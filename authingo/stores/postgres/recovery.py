"""Changes in PostgreSQL for somebody who has proved that a mailbox is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg

from authingo.attempts import NOTHING, Outcome
from authingo.errors import EmailTaken
from authingo.models import ChangedUser, NewSession, NewUser, StartedSession, TokenKey, User
from authingo.stores.mails import NewMail
from authingo.stores.postgres import secrets
from authingo.stores.postgres.connections import Connections, Undo
from authingo.stores.postgres.eviction import evict
from authingo.stores.postgres.mails import queue
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import record
from authingo.stores.postgres.statements import BEGIN, session_parameters
from authingo.stores.postgres.users import (
    ADD_WITH_SESSION,
    VERIFY_EMAIL,
    add_parameters,
    end_sessions,
    refuse_held,
)
from authingo.stores.recovery import Move
from authingo.stores.rows import USER, RowReader, read_started

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
        outcome: Outcome = NOTHING,
        eviction: Outcome = NOTHING,
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
            user_id = spent.user_id
            evicted = await evict(connection, user_id, eviction, password_hash=new_hash)
            ended = evicted or 0
            if evicted is None:
                await connection.execute(*numbered(_RESET, user_id=user_id, hash=new_hash))
                ended = sum((await end_sessions(connection, user_id)).values())
                await secrets.forget_of(connection, user_id, keep)
            await queue(connection, mails)
            await record(connection, outcome)
            row = await connection.fetchrow(*numbered(_FIND, user_id=user_id))
            changed = ChangedUser(_read.user(row), ended, evicted=evicted is not None)
            if changed.evicted:
                await self._connections.run_hooks("user_evicted", changed.user, connection)
        if changed is not None:
            self._connections.notify_watchers(changed.user.id)
        return changed

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
        """See Recovery. It locks the user before the matter, as every verb does."""
        row, evicted, parameters = None, None, session_parameters(session, ending, outcome)
        async with self._connections.transaction() as connection:
            owner = numbered(_LOCK, user_id=user_id, version=version)
            if await connection.fetchrow(*owner) is None:
                raise Undo
            if await secrets.spend(connection, purpose, digest) is None:
                raise Undo
            evicted = await evict(connection, user_id, eviction)
            row = await connection.fetchrow(*numbered(_BEGIN, user_id=user_id, **parameters))
            if row is not None and evicted is not None:
                user = read_started(row).user
                await self._connections.run_hooks("user_evicted", user, connection)
        if row is None:
            return None
        started = self._connections.started(row)
        if evicted is None:
            return started
        self._connections.notify_watchers(user_id)
        return replace(started, taken_over=eviction.events)

    async def evict(
        self, user_id: str, *, mails: Sequence[NewMail] = (), eviction: Outcome = NOTHING
    ) -> ChangedUser | None:
        """See Recovery."""
        changed = None
        async with self._connections.transaction() as connection:
            ended = await evict(connection, user_id, eviction)
            if ended is not None:
                await queue(connection, mails)
                row = await connection.fetchrow(*numbered(_FIND, user_id=user_id))
                changed = ChangedUser(_read.user(row), ended, evicted=True)
                await self._connections.run_hooks("user_evicted", changed.user, connection)
        self._connections.notify_watchers(user_id)
        return changed

    async def verify_email(
        self, purpose: str, digest: bytes, *, outcome: Outcome = NOTHING
    ) -> User | None:
        """See Recovery."""
        row = None
        async with self._connections.transaction() as connection:
            spent = await secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None:
                raise Undo
            row = await connection.fetchrow(*numbered(VERIFY_EMAIL, user_id=spent.user_id))
            await record(connection, outcome)
        if row is None:
            return None
        user = _read.user(row)
        self._connections.notify_watchers(user.id)
        return user

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
        row = None
        async with self._connections.transaction() as connection:
            if await secrets.spend(connection, purpose, digest) is None:
                raise Undo
            waited = await secrets.spend(connection, waiting, proved)
            if waited is None:
                raise Undo
            parameters = add_parameters(user) | session_parameters(session, ending, outcome)
            row = await connection.fetchrow(*numbered(ADD_WITH_SESSION, **parameters))
            if row is None:
                raise Undo
            await connection.execute(
                *numbered(_END_WAITING, purpose=waiting, subject=waited.subject)
            )
            created = read_started(row).user
            await self._connections.run_hooks("user_created", created, connection)
        return None if row is None else self._connections.started(row)

    async def change_email(
        self,
        move: Move,
        *,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> ChangedUser | None:
        """See Recovery."""
        changed = None
        async with self._connections.transaction() as connection:
            spent = await secrets.spend(connection, move.purpose, move.digest)
            if spent is None or spent.user_id is None or spent.data is None:
                raise Undo
            if await secrets.spend(connection, move.request, spent.data) is None:
                raise Undo
            user = await self._move(connection, spent.user_id, move.email)
            ended = await end_sessions(connection, user.id, but=move.session)
            await secrets.forget_of(connection, user.id, keep)
            if move.undo is not None:
                await secrets.open_matter(connection, move.undo)
            await queue(connection, mails)
            await record(connection, outcome)
            changed = ChangedUser(user, sum(ended.values()))
        if changed is not None:
            self._connections.notify_watchers(changed.user.id)
        return changed

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
        changed = None
        async with self._connections.transaction() as connection:
            spent = await secrets.spend(connection, purpose, digest)
            if spent is None or spent.user_id is None or spent.address is None:
                raise Undo
            user = await self._move(connection, spent.user_id, spent.address, password_hash)
            ended = await end_sessions(connection, user.id)
            undone = {"user_id": user.id, "ends": spent.expires_at, "purpose": purpose}
            await connection.execute(*numbered(_DELETE_ADDED, added=added, **undone))
            await connection.execute(*numbered(_DELETE_LATER, **undone))
            await queue(connection, mails)
            await record(connection, outcome)
            changed = ChangedUser(user, sum(ended.values()))
        if changed is not None:
            self._connections.notify_watchers(changed.user.id)
        return changed

    async def _move(
        self, connection: Any, user_id: str, email: str, password_hash: str | None = None
    ) -> User:
        """Store an address that was proved, and another password hash if there is one."""
        await refuse_held(connection, user_id, email)
        parameters = {"user_id": user_id, "email": email, "hash": password_hash}
        try:
            return _read.user(await connection.fetchrow(*numbered(_MOVE, **parameters)))
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "authingo_users_email_key":
                raise
            raise EmailTaken from None


_LOCK = """
SELECT id FROM authingo_users
WHERE id = :user_id AND disabled_at IS NULL AND password_version = :version
    AND (delete_at IS NULL OR NOT email_verified)
FOR NO KEY UPDATE
"""
_BEGIN = f"WITH owner AS (SELECT * FROM authingo_users WHERE id = :user_id) {BEGIN}"
_FIND = f"SELECT {USER} FROM authingo_users u WHERE u.id = :user_id"
# One that another transaction has locked is being spent, which fails because the email is taken. To
# wait for it would be a deadlock.
_END_WAITING = """
DELETE FROM authingo_secrets WHERE digest IN (
    SELECT digest FROM authingo_secrets WHERE purpose = :purpose AND subject = :subject
    FOR UPDATE SKIP LOCKED)
"""
_MOVE = f"""
UPDATE authingo_users u SET email = :email, email_verified = true, updated_at = now(),
    delete_at = NULL, password_version = password_version + 1,
    password_hash = coalesce(:hash::text, password_hash)
WHERE id = :user_id RETURNING {USER}
"""
_DELETE_ADDED = """
DELETE FROM authingo_credentials
WHERE user_id = :user_id AND created_at > :ends::timestamptz - :added::interval
"""
_DELETE_LATER = """
DELETE FROM authingo_secrets
WHERE user_id = :user_id AND (purpose <> :purpose OR expires_at >= :ends::timestamptz)
"""
_RESET = """
UPDATE authingo_users SET password_hash = :hash, updated_at = now(),
    password_version = password_version + 1
WHERE id = :user_id
"""
