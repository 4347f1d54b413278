"""Users in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from authingo import roles
from authingo.attempts import NOTHING, Outcome
from authingo.errors import UserReferenced
from authingo.models import (
    ChangedUser,
    Credentials,
    HashKind,
    NewSession,
    NewUser,
    StartedSession,
    TokenKey,
    User,
)
from authingo.stores.mails import NewMail
from authingo.stores.rows import (
    CREDENTIALS,
    FIRST,
    LAST,
    MAY_SIGN_IN,
    USER,
    USER_COLUMNS,
    after_which,
    like_pattern,
    user_values,
)
from authingo.stores.secrets import HOLDS_ADDRESS
from authingo.stores.sqlite import devices, outcomes, rows, secrets
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.failures import referring
from authingo.stores.sqlite.hash_kinds import record_kinds
from authingo.stores.sqlite.mails import queue
from authingo.stores.users import NO_EDIT, UserEdit


class Users:
    """See authingo.stores.users.Users."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(
        self, user: NewUser, *, mails: Sequence[NewMail] = (), outcome: Outcome = NOTHING
    ) -> User:
        """See Users."""
        run_hooks = self._connection.hooks()

        def work(connection: sqlite3.Connection) -> User:
            added = rows.insert_user(connection, user)
            queue(connection, mails)
            outcomes.record(connection, outcome)
            run_hooks("user_created", added, connection)
            return added

        return await self._connection.write(work)

    async def add_with_session(
        self,
        user: NewUser,
        session: NewSession,
        *,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
        mail: NewMail | None = None,
    ) -> StartedSession:
        """See Users."""
        run_hooks = self._connection.hooks()

        def work(connection: sqlite3.Connection) -> StartedSession:
            added = rows.insert_user(connection, user)
            queue(connection, [mail] if mail else [])
            started = outcomes.start_session(
                connection, added, session, ending=ending, outcome=outcome
            )
            run_hooks("user_created", added, connection)
            return started

        return await self._connection.write(work)

    async def by_email(self, email: str) -> Credentials | None:
        """See Users."""
        row = await self._connection.one(_BY_EMAIL, email=email)
        return rows.read.credentials(row) if row else None

    async def find(self, user_id: str) -> User | None:
        """See Users."""
        return await self._connection.read(lambda connection: rows.find_user(connection, user_id))

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """See Users."""
        await self._connection.count(_REPLACE_HASH, user_id=user_id, old=old, new=new)

    async def change_password(
        self,
        verified: Credentials,
        new_hash: str,
        *,
        caller: str,
        session: NewSession,
        outcome: Outcome = NOTHING,
        mails: Sequence[NewMail] = (),
    ) -> StartedSession | None:
        """See Users."""

        def work(connection: sqlite3.Connection) -> StartedSession | None:
            changed = connection.execute(
                _CHANGE_PASSWORD,
                {
                    "hash": new_hash,
                    "now": rows.now(),
                    "user_id": verified.user.id,
                    "version": verified.version,
                    "caller": caller,
                },
            )
            if changed.rowcount == 0:
                return None
            rows.delete_sessions(connection, verified.user.id)
            devices.forget_all(connection, verified.user.id)
            queue(connection, mails)
            user = rows.select_user(connection, verified.user.id)
            return outcomes.start_session(connection, user, session, ending=None, outcome=outcome)

        return await self._connection.write(work)

    async def set_password(
        self, user_id: str, new_hash: str, *, mails: Sequence[NewMail] = ()
    ) -> ChangedUser | None:
        """See Users."""
        return await self._alter(
            _CHANGE_HASH, user_id, forgets_devices=True, mails=mails, hash=new_hash
        )

    async def set_disabled(
        self, user_id: str, *, disabled: bool, delete: bool = False
    ) -> ChangedUser | None:
        """See Users."""
        return await self._alter(_SET_DISABLED, user_id, disabled=disabled, delete=delete)

    async def _alter(
        self,
        statement: str,
        user_id: str,
        *,
        forgets_devices: bool = False,
        mails: Sequence[NewMail] = (),
        **parameters: object,
    ) -> ChangedUser | None:
        """Change a user and end every session."""

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            changed = connection.execute(
                statement, {"user_id": user_id, "now": rows.now(), **parameters}
            )
            if changed.rowcount == 0:
                return None
            ended = rows.delete_sessions(connection, user_id)
            if forgets_devices:
                devices.forget_all(connection, user_id)
            queue(connection, mails)
            return ChangedUser(rows.select_user(connection, user_id), ended)

        return await self._connection.write(work)

    async def update(
        self,
        user_id: str,
        *,
        edit: Callable[[User], UserEdit] | None = None,
        caller: str | None = None,
        email: str | None = None,
        verified: bool = False,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
    ) -> ChangedUser | None:
        """See Users."""

        def work(connection: sqlite3.Connection) -> ChangedUser | None:
            row = connection.execute(_HELD, {"user_id": user_id}).fetchone()
            before = rows.read.user(row) if row else None
            theirs = {"user_id": user_id, "session_id": caller}
            ended = caller is not None and not connection.execute(_IS_THEIRS, theirs).fetchone()
            if before is None or ended:
                return None
            after = edit(before) if edit else NO_EDIT
            moves = email is not None and email != before.email
            if not moves and not after.changes(before, row["profile"]):
                return ChangedUser(before, 0)
            parameters = {
                "user_id": user_id,
                "now": rows.now(),
                "name": after.name,
                "profile": after.profile,
                "email": email,
                "moves": moves,
                "verified": verified,
            }
            if moves:
                rows.refuse_held(connection, user_id, email or "")
            connection.execute(_UPDATE, parameters)
            count = 0
            if moves:
                count = rows.delete_sessions(connection, user_id)
                secrets.forget_of(connection, user_id, keep)
                queue(connection, mails)
            return ChangedUser(rows.select_user(connection, user_id), count)

        return await self._connection.write(work)

    async def change_roles(
        self,
        user_id: str,
        *,
        add: Sequence[str],
        remove: Sequence[str],
        outcome: Outcome = NOTHING,
    ) -> tuple[User, bool] | None:
        """See Users."""

        def work(connection: sqlite3.Connection) -> tuple[User, bool] | None:
            row = connection.execute(_ROLES, {"user_id": user_id}).fetchone()
            if row is None:
                return None
            after = roles.changed(row["roles"], add=add, remove=remove)
            if is_changed := after != row["roles"]:
                parameters = {"user_id": user_id, "roles": after, "now": rows.now()}
                connection.execute(_SET_ROLES, parameters)
                outcomes.record(connection, outcome)
            return rows.select_user(connection, user_id), is_changed

        return await self._connection.write(work)

    async def verify_email(self, user_id: str) -> User | None:
        """See Users."""

        def work(connection: sqlite3.Connection) -> User | None:
            connection.execute(VERIFY_EMAIL, {"user_id": user_id, "now": rows.now()})
            return rows.find_user(connection, user_id)

        return await self._connection.write(work)

    async def delete(
        self,
        user_id: str,
        *,
        caller: str | None = None,
        due: bool = False,
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> bool:
        """See Users. Foreign keys delete what belongs to them.

        SQLite does not name the table that does not let the user be deleted, so it is searched
        for. A deferred constraint would fail only at the commit, so this looks for references
        after the deletion too.
        """
        run_hooks = self._connection.hooks()

        def work(connection: sqlite3.Connection) -> bool:
            asked = {"user_id": user_id, "caller": caller, "due": due, "now": rows.now()}
            if connection.execute(_MAY_DELETE, asked).fetchone() is None:
                return False
            run_hooks("user_deleted", rows.select_user(connection, user_id), connection)
            try:
                deleted = connection.execute(_DELETE, {"user_id": user_id})
            except sqlite3.IntegrityError as error:
                found = referring(connection, user_id)
                if found is None and error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                    raise
            else:
                found = referring(connection, user_id)
                if found is None:
                    queue(connection, mails)
                    outcomes.record(connection, outcome)
                    return deleted.rowcount > 0
            table, column = found or (None, None)
            raise UserReferenced(table, column=column)

        return await self._connection.write(work)

    async def page(
        self,
        *,
        search: str | None = None,
        role: str | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[User]:
        """See Users."""
        found = await self._connection.all(
            _PAGE[newest, role is not None],
            after=after or (LAST if newest else FIRST),
            pattern=like_pattern(search),
            role=role,
            limit=limit,
        )
        return [rows.read.user(row) for row in found]

    async def emails(self, user_ids: Sequence[str]) -> dict[str, str]:
        """See Users."""
        found = await self._connection.all(_EMAILS, ids=json.dumps(list(user_ids)))
        return {row["id"]: row["email"] for row in found}

    async def import_many(
        self, users: Sequence[Credentials], *, kinds: Sequence[HashKind] = ()
    ) -> set[str]:
        """See Users. An existing user is not inserted: even a conflict would clear every cache.

        Those with different ids and emails are given in one text, because each call of SQLite lets
        another thread run first.
        """
        seen, different, alike = set[str](), list[list[object]](), list[list[object]]()
        for one in users:
            is_new = seen.isdisjoint((one.user.id, one.user.email))
            (different if is_new else alike).append(_imported(one))
            seen.update((one.user.id, one.user.email))
        given = [different, *([one] for one in alike)]

        def work(connection: sqlite3.Connection) -> set[str]:
            stored = set[str]()
            for some in given:
                new = {"users": json.dumps(some, ensure_ascii=False)}
                stored.update(row["id"] for row in connection.execute(_IMPORT, new))
            record_kinds(connection, kinds)
            return stored

        return await self._connection.write(work)

    async def emails_taken(self, emails: Sequence[str]) -> set[str]:
        """See Users."""
        found = await self._connection.all(_EMAILS_TAKEN, emails=json.dumps(list(emails)))
        return {row["email"] for row in found}

    async def export(self, *, after: str | None = None, limit: int) -> list[Credentials]:
        """See Users."""
        found = await self._connection.all(_EXPORT, after=after or FIRST, limit=limit)
        return [rows.read.credentials(row) for row in found]


_BY_EMAIL = f"SELECT {CREDENTIALS} FROM authingo_users u WHERE u.email = :email"
_REPLACE_HASH = """
UPDATE authingo_users SET password_hash = :new WHERE id = :user_id AND password_hash = :old
"""
_CHANGE_HASH = """
UPDATE authingo_users SET password_hash = :hash, updated_at = :now,
    password_version = password_version + 1
WHERE id = :user_id
"""
_CHANGE_PASSWORD = f"""{_CHANGE_HASH}
    AND password_version = :version AND disabled_at IS NULL
    AND EXISTS (SELECT 1 FROM authingo_sessions WHERE id = :caller AND user_id = :user_id)
"""
_SET_DISABLED = """
UPDATE authingo_users SET updated_at = :now,
    disabled_at = CASE WHEN :delete THEN :now
        WHEN :disabled THEN coalesce(disabled_at, :now) END,
    delete_at = CASE WHEN :delete THEN :now WHEN :disabled OR delete_at > :now THEN delete_at END,
    password_version = password_version + CASE WHEN :disabled THEN 1 ELSE 0 END
WHERE id = :user_id
"""
_UPDATE = """
UPDATE authingo_users SET updated_at = :now, name = coalesce(:name, name),
    profile = coalesce(:profile, profile),
    email = CASE WHEN :moves THEN :email ELSE email END,
    email_verified = CASE WHEN :moves THEN :verified ELSE email_verified END,
    password_version = password_version + :moves
WHERE id = :user_id
"""
VERIFY_EMAIL = """
UPDATE authingo_users SET email_verified = 1, updated_at = :now
WHERE id = :user_id AND NOT email_verified
"""
_HELD = f"SELECT {USER} FROM authingo_users u WHERE u.id = :user_id"
_IS_THEIRS = "SELECT 1 FROM authingo_sessions WHERE id = :session_id AND user_id = :user_id"
_ROLES = "SELECT roles FROM authingo_users WHERE id = :user_id"
_SET_ROLES = "UPDATE authingo_users SET roles = :roles, updated_at = :now WHERE id = :user_id"
_MAY_DELETE = f"""
SELECT 1 FROM authingo_users u WHERE u.id = :user_id AND (NOT :due OR u.delete_at <= :now)
    AND (:caller IS NULL OR {MAY_SIGN_IN}
        AND EXISTS (SELECT 1 FROM authingo_sessions WHERE id = :caller AND user_id = :user_id)
        AND NOT EXISTS (SELECT 1 FROM authingo_secrets WHERE user_id = :user_id
            AND purpose = '{HOLDS_ADDRESS}' AND expires_at > :now))
"""
_DELETE = "DELETE FROM authingo_users WHERE id = :user_id"
# A condition on the index of the users with roles, so that the others are not read.
_OF_ROLE = "AND u.roles <> '' AND instr(' ' || u.roles || ' ', ' ' || :role || ' ')"
_PAGE = {
    (newest, of_role): rf"""
    SELECT {USER} FROM authingo_users u WHERE {after_which("u.id", ":after", newest=newest)}
        AND (:pattern IS NULL
             OR u.email LIKE :pattern ESCAPE '\' OR u.name LIKE :pattern ESCAPE '\')
        {_OF_ROLE if of_role else ""}
    ORDER BY u.id {"DESC" if newest else ""} LIMIT :limit
    """
    for newest in (False, True)
    for of_role in (False, True)
}
_EMAILS = "SELECT id, email FROM authingo_users WHERE id IN (SELECT value FROM json_each(:ids))"
_EMAILS_TAKEN = """
SELECT email FROM authingo_users WHERE email IN (SELECT value FROM json_each(:emails))
"""
_EXPORT = f"""
SELECT {CREDENTIALS} FROM authingo_users u WHERE u.id > :after ORDER BY u.id LIMIT :limit
"""
_IMPORTED = (*USER_COLUMNS, "password_hash", "password_version")

_IMPORT = f"""
INSERT INTO authingo_users ({", ".join(_IMPORTED)})
SELECT {", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(_IMPORTED)))}
FROM json_each(:users) given
WHERE NOT EXISTS (
    SELECT 1 FROM authingo_users u
    WHERE u.id = json_extract(given.value, '$[{_IMPORTED.index("id")}]')
        OR u.email = json_extract(given.value, '$[{_IMPORTED.index("email")}]'))
RETURNING id
"""


def _imported(one: Credentials) -> list[object]:
    """Return what is stored of a user who is imported, in the order of `_IMPORTED`."""
    hashed = {"password_hash": one.password_hash, "password_version": one.version}
    values = user_values(one.user) | hashed
    return [
        rows.microseconds(value) if isinstance(value, datetime) else value
        for value in map(values.get, _IMPORTED)
    ]
