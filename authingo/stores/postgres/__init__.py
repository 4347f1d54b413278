"""The store for production: PostgreSQL through asyncpg.

A verb is one statement wherever that is correct. Where a lock has to be held
before other rows are looked at (a change of password must see the session that a
sign-in has just committed) it is a transaction of several, because a statement
sees the snapshot it began with.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg

from authingo.errors import EmailTaken, StoreUnavailable
from authingo.models import (
    Credentials,
    NewSession,
    NewUser,
    RefreshMatch,
    Resumed,
    Rotation,
    TokenMatch,
    User,
)
from authingo.stores import migrations
from authingo.stores.migrations import Applied, SchemaStatus
from authingo.stores.postgres.failures import translated
from authingo.stores.rows import SESSION, USER, RowReader, like_pattern

_read = RowReader()
_MIGRATION_LOCK = 0x61757468696E676F  # "authingo": the key of an advisory lock
_MIGRATIONS_TABLE = """\
CREATE TABLE IF NOT EXISTS authingo_migrations (
    number         integer PRIMARY KEY,
    name           text NOT NULL,
    checksum       text NOT NULL,
    oldest_program integer NOT NULL,
    applied_at     timestamptz NOT NULL DEFAULT now()
)"""

# Parameters $1 to $4 of a new session are its id and three digests, $5 to $7 its
# lifetimes, $8 the token digest of one to end; `owner` is the user's row.
_BEGIN = f"""
, ended AS (
    DELETE FROM authingo_sessions
    WHERE (token_digest = $8 OR previous_token_digest = $8) AND EXISTS (SELECT FROM owner)
), s AS (
    INSERT INTO authingo_sessions (id, user_id, token_digest, selector_digest, verifier_digest,
        created_at, last_used_at, expires_at, refresh_expires_at, absolute_expires_at)
    SELECT $1, owner.id, $2, $3, $4, now(), now(),
        now() + least($5::interval, $7), now() + least($6::interval, $7), now() + $7::interval
    FROM owner
    RETURNING *
)
SELECT {USER}, {SESSION} FROM s, owner u
"""


class PostgresStore:
    """A `Store` on a PostgreSQL server."""

    embedded = False

    def __init__(self, url: str, *, timeout: timedelta, pool_size: int) -> None:
        self._url = url
        self._timeout = timeout.total_seconds()
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._schema_fits = False

    # Opening and closing

    async def open(self, *, create: bool) -> None:  # noqa: ARG002 - servers are only migrated by hand
        """See Store. The server need not be up: each verb connects where it has to."""
        if self._pool is None:
            try:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._pool_size,
                    timeout=self._timeout,
                    command_timeout=self._timeout,
                    server_settings={"application_name": "authingo"},
                )
            except (ValueError, asyncpg.InterfaceError, asyncpg.ClientConfigurationError):
                # The library's message can repeat the URL, password and all.
                raise StoreUnavailable(
                    "database_url is not a PostgreSQL URL that can be used",
                    hint="postgresql://user:password@host:5432/database",
                ) from None

    async def close(self) -> None:
        """See Store."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            self._schema_fits = False
            try:
                async with asyncio.timeout(self._timeout):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def ping(self) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    # Schema

    async def schema(self) -> SchemaStatus:
        """See Store."""
        async with self._connection(any_schema=True) as connection:
            return await self._status(connection)

    async def migrate(self) -> list[str]:
        """See Store. A migration may take as long as it needs: no command timeout."""
        names = []
        async with translated():
            connection = await asyncpg.connect(self._url, timeout=self._timeout)
            try:
                while step := await self._migrate_once(connection):
                    names.append(step)
            finally:
                await connection.close()
        return names

    async def _migrate_once(self, connection: asyncpg.Connection) -> str | None:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
            status = await self._status(connection)
            if not status.pending:
                return None
            step = status.pending[0]
            await connection.execute(_MIGRATIONS_TABLE)
            await connection.execute(step.sql)
            await connection.execute(step.record())
        return step.name

    @staticmethod
    async def _status(connection: Any) -> SchemaStatus:
        recorded = []
        if await connection.fetchval("SELECT to_regclass('authingo_migrations') IS NOT NULL"):
            recorded = await connection.fetch(
                "SELECT number, checksum, oldest_program FROM authingo_migrations"
            )
        return migrations.compare(
            migrations.bundled(__name__),
            [Applied(*row) for row in recorded],
            table=_MIGRATIONS_TABLE,
        )

    # Users

    async def add_user(self, user: NewUser) -> User:
        """See Store."""
        row = await self._one(
            f"WITH u AS ({_insert_user(1)}) SELECT {USER} FROM u",
            *_user_parameters(user),
        )
        if row is None:
            raise EmailTaken
        return _read.user(row)

    async def add_user_with_session(
        self, user: NewUser, session: NewSession, *, ending: bytes | None
    ) -> Resumed:
        """See Store."""
        row = await self._one(
            f"WITH owner AS ({_insert_user(9)}) {_BEGIN}",
            *_session_parameters(session, ending),
            *_user_parameters(user),
        )
        if row is None:
            raise EmailTaken
        return Resumed(*_read.user_and_session(row))

    async def credentials(self, email: str) -> Credentials | None:
        """See Store."""
        return await self._credentials("email", email)

    async def credentials_by_id(self, user_id: str) -> Credentials | None:
        """See Store."""
        return await self._credentials("id", user_id)

    async def _credentials(self, column: str, value: str) -> Credentials | None:
        row = await self._one(
            f"SELECT {USER}, u.password_hash, u.password_version"
            f" FROM authingo_users u WHERE u.{column} = $1",
            value,
        )
        return Credentials(_read.user(row), row[-2], row[-1]) if row else None

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """See Store."""
        await self._one(
            "UPDATE authingo_users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
            user_id,
            old,
            new,
        )

    async def change_password(
        self, verified: Credentials, new_hash: str, *, caller: str, session: NewSession
    ) -> Resumed | None:
        """See Store.

        The update waits for a sign-in that holds the user's share lock; the
        deletion, a statement of its own, then sees the session it left.
        """
        user_id = verified.user.id
        async with self._connection() as connection, connection.transaction():
            changed = await connection.fetchrow(
                "UPDATE authingo_users u SET password_hash = $1, updated_at = now(),"
                "  password_version = password_version + 1"
                " WHERE id = $2 AND password_version = $3 AND disabled_at IS NULL RETURNING id",
                new_hash,
                user_id,
                verified.version,
            )
            if changed is None:
                return None
            ended = await connection.fetch(
                "DELETE FROM authingo_sessions WHERE user_id = $1 RETURNING id", user_id
            )
            if caller not in {row[0] for row in ended}:
                raise _Undo
            row = await connection.fetchrow(
                "WITH owner AS (SELECT * FROM authingo_users WHERE id = $9)" + _BEGIN,
                *_session_parameters(session, None),
                user_id,
            )
            return Resumed(*_read.user_and_session(row))
        return None

    async def list_users(
        self, *, search: str | None = None, after: str | None = None, limit: int
    ) -> list[User]:
        """See Store. The columns' collation is C, so ILIKE folds ASCII letters alone."""
        async with self._connection() as connection:
            found = await connection.fetch(
                f"SELECT {USER} FROM authingo_users u WHERE u.id > $1"
                " AND ($2::text IS NULL OR u.email ILIKE $2 OR u.name ILIKE $2)"
                " ORDER BY u.id LIMIT $3",
                after or "",
                like_pattern(search),
                limit,
            )
        return [_read.user(row) for row in found]

    # Sessions

    async def begin_session(
        self, user_id: str, session: NewSession, *, version: int | None, ending: bytes | None
    ) -> Resumed | None:
        """See Store."""
        row = await self._one(
            "WITH owner AS (SELECT * FROM authingo_users WHERE id = $9 AND disabled_at IS NULL"
            " AND password_version = coalesce($10, password_version) FOR SHARE)" + _BEGIN,
            *_session_parameters(session, ending),
            user_id,
            version,
        )
        return Resumed(*_read.user_and_session(row)) if row else None

    async def session_and_user(self, token_digest: bytes) -> TokenMatch | None:
        """See Store."""
        if row := await self._one(_BY_TOKEN, token_digest):
            return TokenMatch(*_read.user_and_session(row), current=True, live=row[-1])
        if row := await self._one(_BY_PREVIOUS_TOKEN, token_digest):
            return TokenMatch(*_read.user_and_session(row), current=False, live=row[-1])
        return None

    async def session_by_refresh(
        self, selector_digest: bytes, verifier_digest: bytes
    ) -> RefreshMatch | None:
        """See Store."""
        row = await self._one(
            f"SELECT {USER}, {SESSION}, s.verifier_digest = $2, s.refresh_expires_at > now(),"
            " CASE WHEN s.previous_verifier_digest = $2 AND s.grace_expires_at > now()"
            "  THEN s.rotation_nonce END"
            " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
            " WHERE s.selector_digest = $1 AND u.disabled_at IS NULL",
            selector_digest,
            verifier_digest,
        )
        if row is None:
            return None
        return RefreshMatch(
            *_read.user_and_session(row), current=row[-3], live=row[-2], nonce=row[-1]
        )

    async def rotate(self, rotation: Rotation) -> Resumed | None:
        """See Store. Of several at once one locks the row; the others then miss its verifier."""
        lives = rotation.lifetimes
        row = await self._one(
            "UPDATE authingo_sessions s SET"
            "  previous_token_digest = s.token_digest, token_digest = $3,"
            "  previous_verifier_digest = s.verifier_digest, verifier_digest = $4,"
            "  rotation_nonce = $5, grace_expires_at = now() + $6::interval, last_used_at = now(),"
            "  expires_at = least(now() + $7::interval, s.absolute_expires_at),"
            "  refresh_expires_at = least(now() + $8::interval, s.absolute_expires_at)"
            " FROM authingo_users u"
            " WHERE s.selector_digest = $1 AND s.verifier_digest = $2"
            "  AND s.refresh_expires_at > now() AND u.id = s.user_id AND u.disabled_at IS NULL"
            f" RETURNING {USER}, {SESSION}",
            rotation.selector_digest,
            rotation.verifier_digest,
            rotation.new_token_digest,
            rotation.new_verifier_digest,
            rotation.nonce,
            lives.grace,
            lives.session,
            lives.refresh,
        )
        return Resumed(*_read.user_and_session(row)) if row else None

    async def end_session(self, token_digest: bytes) -> Resumed | None:
        """See Store. A rotation that commits meanwhile turns current into previous: still ours."""
        row = await self._one(
            "DELETE FROM authingo_sessions s USING authingo_users u"
            " WHERE (s.token_digest = $1 OR s.previous_token_digest = $1) AND u.id = s.user_id"
            f" RETURNING {USER}, {SESSION}",
            token_digest,
        )
        return Resumed(*_read.user_and_session(row)) if row else None

    async def end_reused(self, selector_digest: bytes, verifier_digest: bytes) -> bool:
        """See Store."""
        row = await self._one(
            "DELETE FROM authingo_sessions"
            " WHERE selector_digest = $1 AND verifier_digest <> $2 AND refresh_expires_at > now()"
            "  AND (previous_verifier_digest = $2 AND grace_expires_at > now()) IS NOT TRUE"
            " RETURNING id",
            selector_digest,
            verifier_digest,
        )
        return row is not None

    async def count_prunable(self) -> int:
        """See Store."""
        row = await self._one(
            "SELECT count(*) FROM authingo_sessions WHERE refresh_expires_at <= now()"
        )
        return int(row[0])

    async def prune(self, batch_size: int) -> int:
        """See Store. By ctid, thirty times as quick as by primary key; the rows are locked."""
        return await self._count(
            "DELETE FROM authingo_sessions WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_sessions WHERE refresh_expires_at <= now()"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
        )

    async def forget_nonces(self, batch_size: int) -> int:
        """See Store."""
        return await self._count(
            "UPDATE authingo_sessions SET rotation_nonce = NULL WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_sessions"
            " WHERE rotation_nonce IS NOT NULL AND grace_expires_at <= now()"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
        )

    # Running

    async def _one(self, statement: str, *parameters: object) -> Any:
        async with self._connection() as connection:
            return await connection.fetchrow(statement, *parameters)

    async def _count(self, statement: str, *parameters: object) -> int:
        async with self._connection() as connection:
            status: str = await connection.execute(statement, *parameters)
        return int(status.rpartition(" ")[2])  # "DELETE 5000"

    @contextlib.asynccontextmanager
    async def _connection(self, *, any_schema: bool = False) -> AsyncIterator[Any]:
        """Lend a connection; everything done with it shares one deadline."""
        if self._pool is None:
            raise StoreUnavailable("the store is not open")
        with contextlib.suppress(_Undo):
            async with (
                translated(),
                asyncio.timeout(self._timeout),
                self._pool.acquire() as connection,
            ):
                if not (self._schema_fits or any_schema):
                    (await self._status(connection)).require_current()
                    self._schema_fits = True
                yield connection


class _Undo(Exception):
    """Leave the transaction without a trace."""


_BY_TOKEN = (
    f"SELECT {USER}, {SESSION}, s.expires_at > now()"
    " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
    " WHERE s.token_digest = $1 AND u.disabled_at IS NULL"
)
_BY_PREVIOUS_TOKEN = (
    f"SELECT {USER}, {SESSION}, least(s.grace_expires_at, s.expires_at) > now()"
    " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
    " WHERE s.previous_token_digest = $1 AND u.disabled_at IS NULL"
)


def _insert_user(first: int) -> str:
    return (
        "INSERT INTO authingo_users (id, email, name, email_verified, password_hash)"
        f" VALUES (${first}, ${first + 1}, ${first + 2}, ${first + 3}, ${first + 4})"
        " ON CONFLICT (email) DO NOTHING RETURNING *"
    )


def _user_parameters(user: NewUser) -> tuple[object, ...]:
    return user.id, user.email, user.name, user.email_verified, user.password_hash


def _session_parameters(session: NewSession, ending: bytes | None) -> tuple[object, ...]:
    lives = session.lifetimes
    return (
        session.id,
        session.token_digest,
        session.selector_digest,
        session.verifier_digest,
        lives.session,
        lives.refresh,
        lives.absolute,
        ending,
    )
