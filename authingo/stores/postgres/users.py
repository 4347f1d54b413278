"""Users in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from authingo import roles
from authingo.attempts import NOTHING, Outcome
from authingo.errors import EmailTaken
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
from authingo.stores.matters import is_held
from authingo.stores.postgres import devices, secrets
from authingo.stores.postgres.connections import Connections, Undo
from authingo.stores.postgres.failures import referenced
from authingo.stores.postgres.hash_kinds import RECORD_KINDS, kind_parameters
from authingo.stores.postgres.mails import add_mail, mail_parameters, queue
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import record
from authingo.stores.postgres.statements import BEGIN, session_parameters
from authingo.stores.rows import (
    CREDENTIALS,
    FIRST,
    LAST,
    MAY_SIGN_IN,
    USER,
    USER_COLUMNS,
    RowReader,
    after_which,
    like_pattern,
    read_started,
    user_values,
)
from authingo.stores.secrets import HOLDS_ADDRESS, address_digest
from authingo.stores.users import NO_EDIT, UserEdit

_read = RowReader()


class Users:
    """See authingo.stores.users.Users."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(
        self, user: NewUser, *, mails: Sequence[NewMail] = (), outcome: Outcome = NOTHING
    ) -> User:
        """See Users."""
        row = None
        async with self._connections.transaction() as connection:
            row = await connection.fetchrow(*numbered(_ADD, **add_parameters(user)))
            if row is not None:
                await queue(connection, mails)
                await record(connection, outcome)
                await self._connections.run_hooks("user_created", _read.user(row), connection)
        if row is None:
            raise EmailTaken
        return _read.user(row)

    async def add_with_session(
        self,
        user: NewUser,
        session: NewSession,
        *,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
        mail: NewMail | None = None,
    ) -> StartedSession:
        """See Users. One statement, with or without a mail; with hooks it is in a transaction."""
        statement, parameters = ADD_WITH_SESSION, session_parameters(session, ending, outcome)
        if mail is not None:
            statement = _ADD_WITH_SESSION_AND_MAIL
            parameters |= mail_parameters(mail)
        parameters |= add_parameters(user)
        if self._connections.within.has("user_created"):
            row = await self._add_with_hooks(statement, parameters)
        else:
            row = await self._one(statement, **parameters)
        if row is None:
            raise EmailTaken
        return self._connections.started(row)

    async def _add_with_hooks(self, statement: str, parameters: dict[str, object]) -> Any:
        row = None
        async with self._connections.transaction() as connection:
            row = await connection.fetchrow(*numbered(statement, **parameters))
            if row is not None:
                created = read_started(row).user
                await self._connections.run_hooks("user_created", created, connection)
        return row

    async def by_email(self, email: str) -> Credentials | None:
        """See Users."""
        row = await self._one(_BY_EMAIL, email=email)
        return _read.credentials(row) if row else None

    async def find(self, user_id: str) -> User | None:
        """See Users."""
        row = await self._one(_FIND, user_id=user_id)
        return _read.user(row) if row else None

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """See Users."""
        await self._one(_REPLACE_HASH, user_id=user_id, old=old, new=new)

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
        """See Users.

        The update waits for a sign-in that holds the share lock on the user. The deletion is a
        separate statement, so it then sees the session of this sign-in.
        """
        user_id, row = verified.user.id, None
        async with self._connections.transaction() as connection:
            changed = await connection.fetchrow(
                *numbered(
                    _CHANGE_PASSWORD, user_id=user_id, hash=new_hash, version=verified.version
                )
            )
            if changed is None or caller not in await end_sessions(connection, user_id):
                raise Undo
            await devices.forget_all(connection, user_id)
            await queue(connection, mails)
            parameters = session_parameters(session, None, outcome)
            row = await connection.fetchrow(*numbered(_BEGIN, user_id=user_id, **parameters))
        if row is None:
            return None
        self._connections.notify_watchers(user_id)
        return self._connections.started(row)

    async def set_password(
        self, user_id: str, new_hash: str, *, mails: Sequence[NewMail] = ()
    ) -> ChangedUser | None:
        """See Users."""
        return await self._alter(
            _SET_PASSWORD, user_id, forgets_devices=True, mails=mails, hash=new_hash
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
        """Change a user, then end every session, even that of a sign-in it had to wait for."""
        ended: dict[str, bool] = {}
        async with self._connections.transaction() as connection:
            row = await connection.fetchrow(*numbered(statement, user_id=user_id, **parameters))
            if row is not None:
                ended = await end_sessions(connection, user_id)
                if forgets_devices:
                    await devices.forget_all(connection, user_id)
                await queue(connection, mails)
        self._connections.notify_watchers(user_id)
        return ChangedUser(_read.user(row), sum(ended.values())) if row else None

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
        """See Users. The lock keeps the user from changing after the edit has read it.

        Whether the session has ended is asked in a separate statement, so that it sees the
        work of the transaction that held the lock before.
        """
        row, ended = None, {}
        async with self._connections.transaction() as connection:
            held = await connection.fetchrow(*numbered(_HOLD, user_id=user_id))
            asked = numbered(_IS_THEIRS, user_id=user_id, session_id=caller)
            if held is None or (caller is not None and not await connection.fetchval(*asked)):
                return None
            before = _read.user(held)
            after = edit(before) if edit else NO_EDIT
            moves = email is not None and email != before.email
            if not moves and not after.changes(before, held["profile"]):
                return ChangedUser(before, 0)
            try:
                row = await connection.fetchrow(
                    *numbered(
                        _UPDATE,
                        user_id=user_id,
                        name=after.name,
                        profile=after.profile,
                        email=email,
                        moves=moves,
                        verified=verified,
                    )
                )
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name != "authingo_users_email_key":
                    raise
                raise EmailTaken from None
            if moves:
                await refuse_held(connection, user_id, email or "")
                ended = await end_sessions(connection, user_id)
                await secrets.forget_of(connection, user_id, keep)
                await queue(connection, mails)
        self._connections.notify_watchers(user_id)
        return ChangedUser(_read.user(row), sum(ended.values())) if row else None

    async def change_roles(
        self,
        user_id: str,
        *,
        add: Sequence[str],
        remove: Sequence[str],
        outcome: Outcome = NOTHING,
    ) -> tuple[User, bool] | None:
        """See Users."""
        row, is_changed = None, False
        async with self._connections.transaction() as connection:
            before = await connection.fetchval(*numbered(_HOLD_ROLES, user_id=user_id))
            if before is not None:
                after = roles.changed(before, add=add, remove=remove)
                is_changed = after != before
                if is_changed:
                    await connection.execute(*numbered(_SET_ROLES, user_id=user_id, roles=after))
                    await record(connection, outcome)
                row = await connection.fetchrow(*numbered(_FIND, user_id=user_id))
        self._connections.notify_watchers(user_id)
        return (_read.user(row), is_changed) if row else None

    async def verify_email(self, user_id: str) -> User | None:
        """See Users. If the email is verified already, the database sends no notice."""
        row = await self._one(VERIFY_EMAIL, user_id=user_id)
        self._connections.notify_watchers(user_id)
        return _read.user(row) if row else None

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

        The lock comes first, so that the conditions are judged by what is there afterwards. A
        deferred constraint is checked before the end, to say which it is.
        """
        row = None
        async with self._connections.transaction() as connection:
            held = await connection.fetchrow(*numbered(_HOLD, user_id=user_id))
            asked = numbered(_MAY_DELETE, user_id=user_id, caller=caller, due=due)
            if await connection.fetchrow(*asked) is None:
                raise Undo
            try:
                await self._connections.run_hooks("user_deleted", _read.user(held), connection)
                row = await connection.fetchrow(*numbered(_DELETE, user_id=user_id))
                await queue(connection, mails)
                await record(connection, outcome)
                await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            except asyncpg.IntegrityConstraintViolationError as error:
                if not error.table_name or error.table_name.startswith("authingo_"):
                    raise
                raise referenced(error) from None
        self._connections.notify_watchers(user_id)
        return row is not None

    async def page(
        self,
        *,
        search: str | None = None,
        role: str | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[User]:
        """See Users. The columns have the collation C, so ILIKE ignores the case of ASCII only."""
        found = await self._all(
            _PAGE[newest, role is not None],
            after=after or (LAST if newest else FIRST),
            pattern=like_pattern(search),
            role=role,
            limit=limit,
        )
        return [_read.user(row) for row in found]

    async def emails(self, user_ids: Sequence[str]) -> dict[str, str]:
        """See Users."""
        found = await self._all(_EMAILS, ids=list(user_ids))
        return {row["id"]: row["email"] for row in found}

    async def import_many(
        self, users: Sequence[Credentials], *, kinds: Sequence[HashKind] = ()
    ) -> set[str]:
        """See Users. In the order of emails, so that two imports at once do not deadlock."""
        in_order = sorted(users, key=lambda one: one.user.email)
        values = [user_values(one.user) for one in in_order]
        found = await self._all(
            _IMPORT,
            **{column: [one[column] for one in values] for column in USER_COLUMNS},
            password_hash=[one.password_hash for one in in_order],
            password_version=[one.version for one in in_order],
            **kind_parameters(kinds),
        )
        return {row["id"] for row in found}

    async def emails_taken(self, emails: Sequence[str]) -> set[str]:
        """See Users."""
        found = await self._all(_EMAILS_TAKEN, emails=list(emails))
        return {row["email"] for row in found}

    async def export(self, *, after: str | None = None, limit: int) -> list[Credentials]:
        """See Users."""
        found = await self._all(_EXPORT, after=after or FIRST, limit=limit)
        return [_read.credentials(row) for row in found]

    async def _one(self, statement: str, **parameters: object) -> Any:
        return await self._connections.one(*numbered(statement, **parameters))

    async def _all(self, statement: str, **parameters: object) -> list[Any]:
        return await self._connections.all(*numbered(statement, **parameters))


_INSERT = f"""
INSERT INTO authingo_users (id, email, name, email_verified, password_hash, profile)
SELECT :user_id::text, :email::text, :name::text, :email_verified::boolean, :password_hash::text,
    :profile::text
WHERE NOT {is_held("now()")}
ON CONFLICT (email) DO NOTHING RETURNING *
"""


def add_parameters(user: NewUser) -> dict[str, object]:
    """Return the parameters of `_INSERT`."""
    return {
        "user_id": user.id,
        "email": user.email,
        "name": user.name,
        "email_verified": user.email_verified,
        "password_hash": user.password_hash,
        "profile": user.profile,
        "held": address_digest(user.email),
    }


_ADD = f"WITH u AS ({_INSERT}) SELECT {USER} FROM u"
ADD_WITH_SESSION = f"WITH owner AS ({_INSERT}) {BEGIN}"
_ADD_WITH_SESSION_AND_MAIL = (
    f"WITH owner AS ({_INSERT}), mailed AS ({add_mail(if_there_is='owner')}) {BEGIN}"
)
_BEGIN = f"WITH owner AS (SELECT * FROM authingo_users WHERE id = :user_id) {BEGIN}"
_BY_EMAIL = f"SELECT {CREDENTIALS} FROM authingo_users u WHERE u.email = :email"
_FIND = f"SELECT {USER} FROM authingo_users u WHERE u.id = :user_id"
_REPLACE_HASH = """
UPDATE authingo_users SET password_hash = :new WHERE id = :user_id AND password_hash = :old
"""
_CHANGE_HASH = """
UPDATE authingo_users u SET password_hash = :hash, updated_at = now(),
    password_version = password_version + 1
WHERE id = :user_id
"""
_CHANGE_PASSWORD = (
    f"{_CHANGE_HASH} AND password_version = :version AND disabled_at IS NULL RETURNING id"
)
_SET_PASSWORD = f"{_CHANGE_HASH} RETURNING {USER}"
_SET_DISABLED = f"""
UPDATE authingo_users u SET updated_at = now(),
    disabled_at = CASE WHEN :delete THEN now()
        WHEN :disabled THEN coalesce(disabled_at, now()) END,
    delete_at = CASE WHEN :delete THEN now() WHEN :disabled OR delete_at > now() THEN delete_at END,
    password_version = password_version + CASE WHEN :disabled THEN 1 ELSE 0 END
WHERE id = :user_id RETURNING {USER}
"""
_HOLD = f"SELECT {USER} FROM authingo_users u WHERE u.id = :user_id FOR UPDATE"
_IS_THEIRS = "SELECT true FROM authingo_sessions WHERE id = :session_id AND user_id = :user_id"
_UPDATE = f"""
UPDATE authingo_users u SET updated_at = now(), name = coalesce(:name, name),
    profile = coalesce(:profile, profile),
    email = CASE WHEN :moves THEN :email ELSE email END,
    email_verified = CASE WHEN :moves THEN :verified ELSE email_verified END,
    password_version = password_version + CASE WHEN :moves THEN 1 ELSE 0 END
WHERE id = :user_id RETURNING {USER}
"""
VERIFY_EMAIL = f"""
UPDATE authingo_users u SET email_verified = true,
    updated_at = CASE WHEN u.email_verified THEN u.updated_at ELSE now() END
WHERE u.id = :user_id RETURNING {USER}
"""
_HOLD_ROLES = "SELECT roles FROM authingo_users WHERE id = :user_id FOR NO KEY UPDATE"
_SET_ROLES = """
UPDATE authingo_users SET roles = :roles, updated_at = now() WHERE id = :user_id
"""
_MAY_DELETE = f"""
SELECT u.id FROM authingo_users u WHERE u.id = :user_id
    AND (NOT :due::boolean OR u.delete_at <= now())
    AND (:caller::text IS NULL OR {MAY_SIGN_IN}
        AND EXISTS (SELECT FROM authingo_sessions WHERE id = :caller AND user_id = :user_id)
        AND NOT EXISTS (SELECT FROM authingo_secrets WHERE user_id = :user_id
            AND purpose = '{HOLDS_ADDRESS}' AND expires_at > now()))
"""
_DELETE = "DELETE FROM authingo_users WHERE id = :user_id RETURNING id"
# A condition on the index of the users with roles, so that the others are not read.
_OF_ROLE = "AND u.roles <> '' AND :role = ANY(string_to_array(u.roles, ' '))"
_PAGE = {
    (newest, of_role): f"""
    SELECT {USER} FROM authingo_users u WHERE {after_which("u.id", ":after", newest=newest)}
        AND (:pattern::text IS NULL OR u.email ILIKE :pattern OR u.name ILIKE :pattern)
        {_OF_ROLE if of_role else ""}
    ORDER BY u.id {"DESC" if newest else ""} LIMIT :limit
    """
    for newest in (False, True)
    for of_role in (False, True)
}
_EMAILS = "SELECT id, email FROM authingo_users WHERE id = ANY(:ids::text[])"
_EMAILS_TAKEN = "SELECT email FROM authingo_users WHERE email = ANY(:emails::text[])"
_EXPORT = f"""
SELECT {CREDENTIALS} FROM authingo_users u WHERE u.id > :after ORDER BY u.id LIMIT :limit
"""
_IMPORTED = dict.fromkeys((*USER_COLUMNS, "password_hash", "password_version"), "text") | {
    "email_verified": "boolean",
    "password_version": "bigint",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "disabled_at": "timestamptz",
    "delete_at": "timestamptz",
}
_IMPORT = f"""
WITH kinds AS ({RECORD_KINDS})
INSERT INTO authingo_users ({", ".join(_IMPORTED)})
SELECT * FROM unnest({", ".join(f":{column}::{type_}[]" for column, type_ in _IMPORTED.items())})
ON CONFLICT DO NOTHING RETURNING id
"""
_IS_HELD = f"SELECT {is_held('now()')}"
_END_SESSIONS = """
DELETE FROM authingo_sessions WHERE user_id = :user_id AND id IS DISTINCT FROM :but::text
RETURNING id, refresh_expires_at > now() AS refreshable
"""


async def refuse_held(connection: Any, user_id: str, email: str) -> None:
    """Raise EmailTaken if a user may want an address back. See HOLDS_ADDRESS."""
    held = numbered(_IS_HELD, user_id=user_id, held=address_digest(email))
    if await connection.fetchval(*held):
        raise EmailTaken


async def end_sessions(connection: Any, user_id: str, *, but: str | None = None) -> dict[str, bool]:
    """End the sessions of a user, except one; return by id whether each was refreshable."""
    ended = await connection.fetch(*numbered(_END_SESSIONS, user_id=user_id, but=but))
    return {row["id"]: row["refreshable"] for row in ended}
