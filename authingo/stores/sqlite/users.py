"""The verbs about users."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from authingo.errors import EmailTaken, UserReferenced
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
from authingo.stores.rows import FIRST, LAST, USER, after_which, like_pattern
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.failures import referring


class Users(Connection):
    """Users in SQLite."""

    async def add_user(self, user: NewUser) -> User:
        """See Store."""
        return await self._write(lambda connection: rows.insert_user(connection, user))

    async def add_user_with_session(
        self,
        user: NewUser,
        session: NewSession,
        *,
        ending: bytes | None,
        outcome: Outcome = NOTHING,
    ) -> Resumed:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Resumed:
            added = rows.insert_user(connection, user)
            rows.delete_session(connection, ending)
            rows.record(connection, outcome)
            return Resumed(added, rows.insert_session(connection, added.id, session))

        return await self._write(work)

    async def credentials(self, email: str) -> Credentials | None:
        """See Store."""
        row = await self._one(
            f"SELECT {USER}, u.password_hash, u.password_version"
            " FROM authingo_users u WHERE u.email = ?",
            email,
        )
        return rows.read.credentials(row) if row else None

    async def user(self, user_id: str) -> User | None:
        """See Store."""
        return await self._read(lambda connection: rows.find_user(connection, user_id))

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """See Store."""
        await self._count(
            "UPDATE authingo_users SET password_hash = ? WHERE id = ? AND password_hash = ?",
            new,
            user_id,
            old,
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
        """See Store."""

        def work(connection: sqlite3.Connection) -> Resumed | None:
            changed = connection.execute(
                "UPDATE authingo_users SET password_hash = ?1, updated_at = ?2,"
                "  password_version = password_version + 1"
                " WHERE id = ?3 AND password_version = ?4 AND disabled_at IS NULL"
                "  AND EXISTS (SELECT 1 FROM authingo_sessions WHERE id = ?5 AND user_id = ?3)",
                (new_hash, rows.now(), verified.user.id, verified.version, caller),
            )
            if changed.rowcount == 0:
                return None
            rows.delete_sessions(connection, verified.user.id)
            rows.record(connection, outcome)
            begun = rows.insert_session(connection, verified.user.id, session)
            return Resumed(rows.select_user(connection, begun.user_id), begun)

        return await self._write(work)

    async def set_password(self, user_id: str, new_hash: str) -> Altered | None:
        """See Store."""
        return await self._alter(
            "password_hash = ?3, password_version = password_version + 1", user_id, new_hash
        )

    async def set_disabled(self, user_id: str, *, disabled: bool) -> Altered | None:
        """See Store."""
        return await self._alter(
            "disabled_at = CASE WHEN ?3 THEN coalesce(disabled_at, ?2) END", user_id, disabled
        )

    async def _alter(self, change: str, user_id: str, value: object) -> Altered | None:
        """Change a user and end every session."""

        def work(connection: sqlite3.Connection) -> Altered | None:
            changed = connection.execute(
                f"UPDATE authingo_users SET updated_at = ?2, {change} WHERE id = ?1",
                (user_id, rows.now(), value),
            )
            if changed.rowcount == 0:
                return None
            ended = rows.delete_sessions(connection, user_id)
            return Altered(rows.select_user(connection, user_id), ended)

        return await self._write(work)

    async def update_user(
        self, user_id: str, *, name: str | None, email: str | None, verified: bool
    ) -> Altered | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Altered | None:
            before = rows.find_user(connection, user_id)
            if before is None:
                return None
            moves = email is not None and email != before.email
            if (
                moves
                and connection.execute(
                    "SELECT 1 FROM authingo_users WHERE email = ?", (email,)
                ).fetchone()
            ):
                raise EmailTaken
            connection.execute(_UPDATE, (user_id, rows.now(), name, email, moves, verified))
            ended = rows.delete_sessions(connection, user_id) if moves else 0
            return Altered(rows.select_user(connection, user_id), ended)

        return await self._write(work)

    async def verify_email(self, user_id: str) -> User | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> User | None:
            connection.execute(
                "UPDATE authingo_users SET email_verified = 1, updated_at = ?"
                " WHERE id = ? AND NOT email_verified",
                (rows.now(), user_id),
            )
            return rows.find_user(connection, user_id)

        return await self._write(work)

    async def delete_user(self, user_id: str) -> bool:
        """See Store. Their sessions go with them, by the foreign key.

        SQLite does not name the table that refuses, so it is looked for. What a constraint
        says that is deferred is only known at the commit: it is asked here already.
        """

        def work(connection: sqlite3.Connection) -> bool:
            try:
                deleted = connection.execute("DELETE FROM authingo_users WHERE id = ?", (user_id,))
            except sqlite3.IntegrityError as error:
                found = referring(connection, user_id)
                if found is None and error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                    raise
            else:
                found = referring(connection, user_id)
                if found is None:
                    return deleted.rowcount > 0
            table, column = found or (None, None)
            raise UserReferenced(table, column=column)

        return await self._write(work)

    async def list_users(
        self,
        *,
        search: str | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[User]:
        """See Store."""
        found = await self._all(
            f"SELECT {USER} FROM authingo_users u WHERE {after_which('u.id', '?1', newest=newest)}"
            " AND (?2 IS NULL OR u.email LIKE ?2 ESCAPE '\\' OR u.name LIKE ?2 ESCAPE '\\')"
            f" ORDER BY u.id {'DESC' if newest else ''} LIMIT ?3",
            after or (LAST if newest else FIRST),
            like_pattern(search),
            limit,
        )
        return [rows.read.user(row) for row in found]

    async def emails(self, user_ids: Sequence[str]) -> dict[str, str]:
        """See Store."""
        found = await self._all(
            "SELECT id, email FROM authingo_users WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps(list(user_ids)),
        )
        return dict(found)

    async def import_users(self, users: Sequence[Credentials]) -> set[str]:
        """See Store. Who is there is not even tried: a conflict would clear every cache."""

        def work(connection: sqlite3.Connection) -> set[str]:
            stored = set()
            for one in users:
                user = one.user
                inserted = connection.execute(
                    _IMPORT,
                    (
                        user.id,
                        user.email,
                        user.name,
                        user.email_verified,
                        one.password_hash,
                        one.version,
                        rows.microseconds(user.created_at),
                        rows.microseconds(user.updated_at),
                        rows.microseconds(user.disabled_at) if user.disabled_at else None,
                    ),
                )
                if inserted.rowcount:
                    stored.add(user.id)
            return stored

        return await self._write(work)

    async def emails_taken(self, emails: Sequence[str]) -> set[str]:
        """See Store."""
        found = await self._all(
            "SELECT email FROM authingo_users WHERE email IN (SELECT value FROM json_each(?))",
            json.dumps(list(emails)),
        )
        return {row[0] for row in found}

    async def export_users(self, *, after: str | None = None, limit: int) -> list[Credentials]:
        """See Store."""
        found = await self._all(
            f"SELECT {USER}, u.password_hash, u.password_version FROM authingo_users u"
            " WHERE u.id > ? ORDER BY u.id LIMIT ?",
            after or "",
            limit,
        )
        return [rows.read.credentials(row) for row in found]


_UPDATE = (
    "UPDATE authingo_users SET updated_at = ?2, name = coalesce(?3, name),"
    "  email = CASE WHEN ?5 THEN ?4 ELSE email END,"
    "  email_verified = CASE WHEN ?5 THEN ?6 ELSE email_verified END,"
    "  password_version = password_version + ?5 WHERE id = ?1"
)
_IMPORT = (
    "INSERT INTO authingo_users (id, email, name, email_verified, password_hash,"
    "  password_version, created_at, updated_at, disabled_at)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
    " WHERE NOT EXISTS (SELECT 1 FROM authingo_users WHERE id = ?1 OR email = ?2)"
)
