"""The verbs about users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from authingo.errors import EmailTaken
from authingo.models import (
    NOTHING,
    Altered,
    Credentials,
    NewSession,
    NewUser,
    Outcome,
    Resumed,
    User,
)
from authingo.stores.postgres.connections import Connections, Undo
from authingo.stores.postgres.failures import referenced
from authingo.stores.postgres.statements import (
    BEGIN,
    BEGIN_SIZE,
    insert_user,
    session_parameters,
    user_parameters,
)
from authingo.stores.rows import FIRST, LAST, USER, RowReader, after_which, like_pattern

_read = RowReader()


class Users(Connections):
    """Users in PostgreSQL."""

    async def add_user(self, user: NewUser) -> User:
        """See Store."""
        row = await self._one(
            f"WITH u AS ({insert_user(1)}) SELECT {USER} FROM u",
            *user_parameters(user),
        )
        if row is None:
            raise EmailTaken
        return _read.user(row)

    async def add_user_with_session(
        self,
        user: NewUser,
        session: NewSession,
        *,
        ending: bytes | None,
        outcome: Outcome = NOTHING,
    ) -> Resumed:
        """See Store."""
        row = await self._one(
            f"WITH owner AS ({insert_user(BEGIN_SIZE + 1)}) {BEGIN}",
            *session_parameters(session, ending, outcome),
            *user_parameters(user),
        )
        if row is None:
            raise EmailTaken
        self._forget(row[-1])
        return Resumed(*_read.user_and_session(row))

    async def credentials(self, email: str) -> Credentials | None:
        """See Store."""
        row = await self._one(
            f"SELECT {USER}, u.password_hash, u.password_version"
            " FROM authingo_users u WHERE u.email = $1",
            email,
        )
        return _read.credentials(row) if row else None

    async def user(self, user_id: str) -> User | None:
        """See Store."""
        row = await self._one(f"SELECT {USER} FROM authingo_users u WHERE u.id = $1", user_id)
        return _read.user(row) if row else None

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """See Store."""
        await self._one(
            "UPDATE authingo_users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
            user_id,
            old,
            new,
        )

    async def change_password(
        self,
        verified: Credentials,
        new_hash: str,
        *,
        caller: str,
        session: NewSession,
        outcome: Outcome = NOTHING,
    ) -> Resumed | None:
        """See Store.

        The update waits for a sign-in that holds the user's share lock; the
        deletion, a statement of its own, then sees the session it left.
        """
        user_id, row = verified.user.id, None
        async with self._transaction() as connection:
            changed = await connection.fetchrow(
                f"{_CHANGE_HASH} AND password_version = $3 AND disabled_at IS NULL RETURNING id",
                user_id,
                new_hash,
                verified.version,
            )
            if changed is None or caller not in await _end_sessions(connection, user_id):
                raise Undo
            row = await connection.fetchrow(
                f"WITH owner AS (SELECT * FROM authingo_users WHERE id = ${BEGIN_SIZE + 1})"
                + BEGIN,
                *session_parameters(session, None, outcome),
                user_id,
            )
        if row is None:
            return None
        self._forget(user_id)
        return Resumed(*_read.user_and_session(row))

    async def set_password(self, user_id: str, new_hash: str) -> Altered | None:
        """See Store."""
        return await self._alter(_CHANGE_HASH, user_id, new_hash)

    async def set_disabled(self, user_id: str, *, disabled: bool) -> Altered | None:
        """See Store."""
        return await self._alter(
            "UPDATE authingo_users u SET updated_at = now(),"
            "  disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, now()) END WHERE id = $1",
            user_id,
            disabled,
        )

    async def _alter(self, update: str, user_id: str, value: object) -> Altered | None:
        """Change a user, then end every session, those of a sign-in it waited for included."""
        ended: dict[str, bool] = {}
        async with self._transaction() as connection:
            row = await connection.fetchrow(f"{update} RETURNING {USER}", user_id, value)
            if row is not None:
                ended = await _end_sessions(connection, user_id)
        self._forget(user_id)
        return Altered(_read.user(row), sum(ended.values())) if row else None

    async def update_user(
        self, user_id: str, *, name: str | None, email: str | None, verified: bool
    ) -> Altered | None:
        """See Store. The lock makes the email that is compared the one that is replaced."""
        row, ended = None, {}
        async with self._transaction() as connection:
            before = await connection.fetchval(
                "SELECT email FROM authingo_users WHERE id = $1 FOR UPDATE", user_id
            )
            moves = email is not None and before is not None and email != before
            try:
                row = await connection.fetchrow(
                    f"{_UPDATE} RETURNING {USER}", user_id, name, email, moves, verified
                )
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name != "authingo_users_email_key":
                    raise
                raise EmailTaken from None
            if moves:
                ended = await _end_sessions(connection, user_id)
        self._forget(user_id)
        return Altered(_read.user(row), sum(ended.values())) if row else None

    async def verify_email(self, user_id: str) -> User | None:
        """See Store. A row written as it was notifies nobody."""
        row = await self._one(
            "UPDATE authingo_users u SET email_verified = true,"
            "  updated_at = CASE WHEN u.email_verified THEN u.updated_at ELSE now() END"
            f" WHERE u.id = $1 RETURNING {USER}",
            user_id,
        )
        self._forget(user_id)
        return _read.user(row) if row else None

    async def delete_user(self, user_id: str) -> bool:
        """See Store. Their sessions go with them, by the foreign key."""
        async with self._connection() as connection:
            try:
                row = await connection.fetchrow(
                    "DELETE FROM authingo_users WHERE id = $1 RETURNING id", user_id
                )
            except asyncpg.IntegrityConstraintViolationError as error:
                if not error.table_name or error.table_name.startswith("authingo_"):
                    raise
                raise referenced(error) from None
        self._forget(user_id)
        return row is not None

    async def list_users(
        self,
        *,
        search: str | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[User]:
        """See Store. The columns' collation is C, so ILIKE folds ASCII letters alone."""
        found = await self._all(
            f"SELECT {USER} FROM authingo_users u WHERE {after_which('u.id', '$1', newest=newest)}"
            " AND ($2::text IS NULL OR u.email ILIKE $2 OR u.name ILIKE $2)"
            f" ORDER BY u.id {'DESC' if newest else ''} LIMIT $3",
            after or (LAST if newest else FIRST),
            like_pattern(search),
            limit,
        )
        return [_read.user(row) for row in found]

    async def emails(self, user_ids: Sequence[str]) -> dict[str, str]:
        """See Store."""
        found = await self._all(
            "SELECT id, email FROM authingo_users WHERE id = ANY($1::text[])", list(user_ids)
        )
        return {row[0]: row[1] for row in found}

    async def import_users(self, users: Sequence[Credentials]) -> set[str]:
        """See Store. In the order of emails, so that two at once wait and do not deadlock."""
        in_order = sorted(users, key=lambda one: one.user.email)
        found = await self._all(
            _IMPORT,
            [one.user.id for one in in_order],
            [one.user.email for one in in_order],
            [one.user.name for one in in_order],
            [one.user.email_verified for one in in_order],
            [one.password_hash for one in in_order],
            [one.version for one in in_order],
            [one.user.created_at for one in in_order],
            [one.user.updated_at for one in in_order],
            [one.user.disabled_at for one in in_order],
        )
        return {row[0] for row in found}

    async def emails_taken(self, emails: Sequence[str]) -> set[str]:
        """See Store."""
        found = await self._all(
            "SELECT email FROM authingo_users WHERE email = ANY($1::text[])", list(emails)
        )
        return {row[0] for row in found}

    async def export_users(self, *, after: str | None = None, limit: int) -> list[Credentials]:
        """See Store."""
        found = await self._all(
            f"SELECT {USER}, u.password_hash, u.password_version FROM authingo_users u"
            " WHERE u.id > $1 ORDER BY u.id LIMIT $2",
            after or "",
            limit,
        )
        return [_read.credentials(row) for row in found]


_IMPORT = (
    "INSERT INTO authingo_users (id, email, name, email_verified, password_hash,"
    "  password_version, created_at, updated_at, disabled_at)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[],"
    "  $6::bigint[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[])"
    " ON CONFLICT DO NOTHING RETURNING id"
)
_CHANGE_HASH = (
    "UPDATE authingo_users u SET password_hash = $2, updated_at = now(),"
    "  password_version = password_version + 1 WHERE id = $1"
)

_UPDATE = (
    "UPDATE authingo_users u SET updated_at = now(), name = coalesce($2, name),"
    "  email = CASE WHEN $4 THEN $3 ELSE email END,"
    "  email_verified = CASE WHEN $4 THEN $5 ELSE email_verified END,"
    "  password_version = password_version + CASE WHEN $4 THEN 1 ELSE 0 END WHERE id = $1"
)


async def _end_sessions(connection: Any, user_id: str) -> dict[str, bool]:
    """End them all, and tell of each id whether it could still be refreshed."""
    ended = await connection.fetch(
        "DELETE FROM authingo_sessions WHERE user_id = $1 RETURNING id, refresh_expires_at > now()",
        user_id,
    )
    return {row[0]: row[1] for row in ended}
