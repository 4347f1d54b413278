"""Single-use secrets in PostgreSQL.

Every transaction locks the user first, then the matter, then its tokens. So no two
transactions wait for each other.
"""

from __future__ import annotations

from typing import Any

from authingo.stores.matters import MATTER, MATTER_OF, SAME_USER, read_matter, stands
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import as_it_is
from authingo.stores.secrets import SWEPT, TOKENS_KEPT, Matter, NewMatter

_STANDS = stands("now()")


class Secrets:
    """See authingo.stores.secrets.Secrets."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def open(self, new: NewMatter, *, token: bytes | None = None) -> Matter | None:
        """See Secrets."""
        async with self._connections.connection() as connection:
            return await open_matter(connection, new, token=token)

    async def draw(self, purpose: str, matter: bytes, token: bytes) -> Matter | None:
        """See Secrets. Two statements, so that the second sees a token drawn at the same moment."""
        row = None
        async with self._connections.transaction() as connection:
            row = await connection.fetchrow(*numbered(_HOLD, purpose=purpose, digest=matter))
            if row is not None:
                await connection.execute(*numbered(_DRAW, digest=row["digest"], token=token))
        return _read(row)

    async def find(self, purpose: str, digest: bytes) -> Matter | None:
        """See Secrets."""
        return await self._matter(_FIND, purpose=purpose, digest=digest)

    async def open_about(self, purpose: str, subject: bytes) -> list[Matter]:
        """See Secrets."""
        rows = await self._connections.all(*numbered(_ABOUT, purpose=purpose, subject=subject))
        return [read_matter(row, as_it_is) for row in rows]

    async def count_try(self, purpose: str, digest: bytes, *, most: int) -> Matter | None:
        """See Secrets."""
        tried = await self._matter(_TRY, purpose=purpose, digest=digest, most=most)
        return tried if tried is not None and tried.tries <= most else None

    async def put(self, purpose: str, digest: bytes, data: bytes) -> bool:
        """See Secrets."""
        return await self._matter(_PUT, purpose=purpose, digest=digest, data=data) is not None

    async def spend(self, purpose: str, digest: bytes) -> Matter | None:
        """See Secrets."""
        async with self._connections.connection() as connection:
            return await spend(connection, purpose, digest)

    async def forget(self, purpose: str, digest: bytes) -> bool:
        """See Secrets."""
        statement = numbered(_FORGET, purpose=purpose, digest=digest)
        return await self._connections.one(*statement) is not None

    async def forget_of(self, user_id: str, *, but: tuple[str, ...] = ()) -> int:
        """See Secrets."""
        async with self._connections.transaction() as connection:
            await connection.execute(*numbered(_LOCK_USER, user_id=user_id))
            return await forget_of(connection, user_id, but)
        return 0

    async def _matter(self, statement: str, **parameters: object) -> Matter | None:
        return _read(await self._connections.one(*numbered(statement, **parameters)))


async def open_matter(
    connection: Any, new: NewMatter, *, token: bytes | None = None
) -> Matter | None:
    """Open a matter in the caller's transaction. See Secrets.open."""
    parameters = {
        "digest": new.digest,
        "purpose": new.purpose,
        "lifetime": new.lifetime,
        "user_id": new.user_id,
        "version": new.version,
        "bound": new.bound and new.user_id is not None,
        "address": new.address,
        "subject": new.subject,
        "data": new.data,
        "token": token,
    }
    return _read(await connection.fetchrow(*numbered(_OPEN, **parameters)))


async def spend(connection: Any, purpose: str, digest: bytes) -> Matter | None:
    """End a matter in the caller's transaction. See Secrets.

    The user stays locked until the transaction ends. With share locks, two transactions that
    spend for one user and then change the user would wait for each other.
    """
    return _read(await connection.fetchrow(*numbered(_SPEND, purpose=purpose, digest=digest)))


async def forget_of(connection: Any, user_id: str, but: tuple[str, ...]) -> int:
    """Delete the secrets of a user in the caller's transaction, which has locked the user."""
    return len(await connection.fetch(*numbered(_FORGET_OF, user_id=user_id, but=list(but))))


def _read(row: Any) -> Matter | None:
    return None if row is None else read_matter(row, as_it_is)


def _sweep(added: str) -> str:
    """Return the statement that deletes expired secrets, for as many as are added.

    Rows that another transaction has locked are left for the next time.
    """
    return f"""
    DELETE FROM authingo_secrets WHERE digest IN (
        SELECT digest FROM authingo_secrets WHERE expires_at <= now()
        ORDER BY expires_at LIMIT {SWEPT} * ({added}) FOR UPDATE SKIP LOCKED)
    """


_OPEN = f"""
WITH u AS MATERIALIZED (
    SELECT id, email, password_version FROM authingo_users
    WHERE id = :user_id::text AND disabled_at IS NULL
      AND password_version = coalesce(:version::bigint, password_version)
    FOR SHARE
), swept AS ({_sweep("1 + (:token::bytea IS NOT NULL)::integer")}), opened AS (
INSERT INTO authingo_secrets AS m
    (digest, purpose, user_id, address, security_version, subject, data, expires_at)
SELECT :digest::bytea, :purpose::text, u.id,
    CASE WHEN :bound::boolean THEN u.email ELSE :address::text END,
    CASE WHEN :bound THEN u.password_version END,
    :subject::bytea, :data::bytea, now() + :lifetime::interval
FROM (SELECT) AS one LEFT JOIN u ON true
WHERE :user_id IS NULL OR u.id IS NOT NULL
RETURNING {MATTER}
), drawn AS (
INSERT INTO authingo_secrets (digest, purpose, matter, user_id, created_at, expires_at)
SELECT :token, purpose, digest, user_id, clock_timestamp(), expires_at
FROM opened WHERE :token IS NOT NULL
)
SELECT * FROM opened
"""

# This waits for the lock on the user before it looks for the matter, so that it judges the user as
# they are then.
_KNOWN = f"""
WITH known AS MATERIALIZED (
    SELECT m.digest, m.user_id, m.address, m.security_version FROM authingo_secrets m
    WHERE m.digest = {MATTER_OF} AND {_STANDS}
), owner AS MATERIALIZED (
    SELECT u.id FROM known m JOIN authingo_users u ON {SAME_USER} FOR {{lock}} OF u
), standing AS MATERIALIZED (
    SELECT digest FROM known
    WHERE user_id IS NULL OR EXISTS (SELECT FROM owner)
)"""
_HOLD = f"""{_KNOWN.format(lock="SHARE")}
SELECT {MATTER} FROM authingo_secrets m WHERE m.digest = (SELECT digest FROM standing) FOR UPDATE
"""
_DRAW = f"""
WITH ended AS (
    DELETE FROM authingo_secrets WHERE digest IN (
        SELECT digest FROM authingo_secrets WHERE matter = :digest::bytea
        ORDER BY created_at DESC OFFSET {TOKENS_KEPT - 1})
), swept AS ({_sweep("1")})
INSERT INTO authingo_secrets (digest, purpose, matter, user_id, created_at, expires_at)
SELECT :token::bytea, purpose, digest, user_id, clock_timestamp(), expires_at
FROM authingo_secrets WHERE digest = :digest
"""
_FIND = f"SELECT {MATTER} FROM authingo_secrets m WHERE m.digest = {MATTER_OF} AND {_STANDS}"
_ABOUT = f"""
SELECT {MATTER} FROM authingo_secrets m
WHERE m.subject = :subject AND m.purpose = :purpose AND {_STANDS} ORDER BY m.expires_at, m.digest
"""
_TRY = f"""
UPDATE authingo_secrets m SET tries = m.tries + 1,
    expires_at = CASE WHEN m.tries < :most::integer THEN m.expires_at ELSE now() END
WHERE m.digest = {MATTER_OF} AND {_STANDS} RETURNING {MATTER}
"""
_PUT = f"""
UPDATE authingo_secrets m SET data = :data
WHERE m.digest = {MATTER_OF} AND {_STANDS} RETURNING {MATTER}
"""
_SPEND = f"""{_KNOWN.format(lock="NO KEY UPDATE")}
, spent AS (
    DELETE FROM authingo_secrets m WHERE m.digest = (SELECT digest FROM standing)
    RETURNING {MATTER}
), tokens AS (
    DELETE FROM authingo_secrets WHERE matter = (SELECT digest FROM spent)
)
SELECT * FROM spent
"""
_FORGET = """
WITH owner AS MATERIALIZED (
    SELECT u.id FROM authingo_secrets s JOIN authingo_users u ON u.id = s.user_id
    WHERE s.digest = :digest FOR KEY SHARE OF u
), gone AS (
    DELETE FROM authingo_secrets WHERE digest = :digest AND purpose = :purpose
      AND (SELECT count(*) FROM owner) >= 0
    RETURNING digest
), tokens AS (
    DELETE FROM authingo_secrets WHERE matter = (SELECT digest FROM gone)
)
SELECT digest FROM gone
"""
_LOCK_USER = "SELECT FROM authingo_users WHERE id = :user_id FOR NO KEY UPDATE"
_FORGET_OF = """
DELETE FROM authingo_secrets
WHERE user_id = :user_id AND purpose <> ALL(:but::text[]) RETURNING digest
"""
