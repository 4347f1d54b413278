"""Single-use secrets in SQLite. A transaction holds the one write lock from its beginning."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from authingo.stores.matters import MATTER, MATTER_OF, read_matter, stands
from authingo.stores.secrets import SWEPT, TOKENS_KEPT, Matter, NewMatter
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection

_STANDS = stands(":now")


class Secrets:
    """See authingo.stores.secrets.Secrets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self, new: NewMatter, *, token: bytes | None = None) -> Matter | None:
        """See Secrets."""

        def work(connection: sqlite3.Connection) -> Matter | None:
            opened = open_matter(connection, new)
            if opened is not None and token is not None:
                _draw(connection, opened, token)
            return opened

        return await self._connection.write(work)

    async def draw(self, purpose: str, matter: bytes, token: bytes) -> Matter | None:
        """See Secrets."""

        def work(connection: sqlite3.Connection) -> Matter | None:
            found = standing(connection, purpose, matter)
            if found is not None:
                connection.execute(_MAKE_ROOM, {"digest": found.digest})
                _draw(connection, found, token)
            return found

        return await self._connection.write(work)

    async def find(self, purpose: str, digest: bytes) -> Matter | None:
        """See Secrets."""
        return await self._connection.read(lambda connection: standing(connection, purpose, digest))

    async def open_about(self, purpose: str, subject: bytes) -> list[Matter]:
        """See Secrets."""
        parameters = {"purpose": purpose, "subject": subject, "now": rows.now()}
        return await self._connection.read(
            lambda connection: _matters(connection, _ABOUT, parameters)
        )

    async def count_try(self, purpose: str, digest: bytes, *, most: int) -> Matter | None:
        """See Secrets."""
        tried = await self._change(purpose, digest, _TRY, most=most, now=rows.now())
        return tried if tried is not None and tried.tries <= most else None

    async def put(self, purpose: str, digest: bytes, data: bytes) -> bool:
        """See Secrets."""
        return await self._change(purpose, digest, _PUT, data=data) is not None

    async def spend(self, purpose: str, digest: bytes) -> Matter | None:
        """See Secrets."""
        return await self._connection.write(lambda connection: spend(connection, purpose, digest))

    async def forget(self, purpose: str, digest: bytes) -> bool:
        """See Secrets."""
        return await self._connection.write(
            lambda connection: _delete_with_tokens(connection, purpose, digest)
        )

    async def forget_of(self, user_id: str, *, but: tuple[str, ...] = ()) -> int:
        """See Secrets."""
        return await self._connection.write(lambda connection: forget_of(connection, user_id, but))

    async def _change(
        self, purpose: str, digest: bytes, statement: str, **parameters: object
    ) -> Matter | None:
        """Change the matter that stands, and return it as it is then."""

        def work(connection: sqlite3.Connection) -> Matter | None:
            found = standing(connection, purpose, digest)
            if found is None:
                return None
            changed = connection.execute(statement, {"digest": found.digest, **parameters})
            return _by_digest(connection, found.digest) if changed.rowcount else None

        return await self._connection.write(work)


def open_matter(connection: sqlite3.Connection, new: NewMatter) -> Matter | None:
    """Open a matter in the caller's transaction. See Secrets.open."""
    _sweep(connection)
    at = rows.now()
    opened = connection.execute(
        _OPEN,
        {
            "now": at,
            "ends": rows.later(at, new.lifetime),
            "digest": new.digest,
            "purpose": new.purpose,
            "user_id": new.user_id,
            "version": new.version,
            "bound": new.bound and new.user_id is not None,
            "address": new.address,
            "subject": new.subject,
            "data": new.data,
        },
    )
    return _by_digest(connection, new.digest) if opened.rowcount else None


def spend(connection: sqlite3.Connection, purpose: str, digest: bytes) -> Matter | None:
    """End a matter in the caller's transaction. See Secrets."""
    found = standing(connection, purpose, digest)
    if found is not None:
        _delete_with_tokens(connection, found.purpose, found.digest)
    return found


def forget_of(connection: sqlite3.Connection, user_id: str, but: tuple[str, ...]) -> int:
    """Delete the secrets of a user in the caller's transaction. See Secrets."""
    return connection.execute(_FORGET_OF, {"user_id": user_id, "but": json.dumps(but)}).rowcount


def _delete_with_tokens(connection: sqlite3.Connection, purpose: str, digest: bytes) -> bool:
    """Delete a row and its tokens, in two statements, because one with an OR uses no index."""
    parameters = {"digest": digest, "purpose": purpose}
    gone = connection.execute(_DELETE, parameters)
    if gone.rowcount:
        connection.execute(_DELETE_TOKENS, parameters)
    return bool(gone.rowcount)


def standing(connection: sqlite3.Connection, purpose: str, digest: bytes) -> Matter | None:
    """Find a matter that stands, in the caller's transaction."""
    parameters = {"purpose": purpose, "digest": digest, "now": rows.now()}
    return next(iter(_matters(connection, _FIND, parameters)), None)


def _by_digest(connection: sqlite3.Connection, digest: bytes) -> Matter:
    (found,) = _matters(connection, _BY_DIGEST, {"digest": digest})
    return found


def _matters(
    connection: sqlite3.Connection, statement: str, parameters: dict[str, Any]
) -> list[Matter]:
    found = connection.execute(statement, parameters).fetchall()
    return [read_matter(row, rows.moment) for row in found]


def _draw(connection: sqlite3.Connection, matter: Matter, token: bytes) -> None:
    """Add a token to a matter."""
    _sweep(connection)
    connection.execute(_DRAW, {"digest": matter.digest, "token": token, "now": rows.now()})


def _sweep(connection: sqlite3.Connection) -> None:
    connection.execute(_SWEEP, {"now": rows.now()})


_OPEN = """
INSERT INTO authingo_secrets
    (digest, purpose, user_id, address, security_version, subject, data, created_at, expires_at)
SELECT :digest, :purpose, u.id, CASE WHEN :bound THEN u.email ELSE :address END,
    CASE WHEN :bound THEN u.password_version END, :subject, :data, :now, :ends
FROM (SELECT 1) LEFT JOIN authingo_users u ON u.id = :user_id AND u.disabled_at IS NULL
    AND u.password_version = coalesce(:version, u.password_version)
WHERE :user_id IS NULL OR u.id IS NOT NULL
"""
_MAKE_ROOM = f"""
DELETE FROM authingo_secrets WHERE rowid IN (
    SELECT rowid FROM authingo_secrets WHERE matter = :digest
    ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET {TOKENS_KEPT - 1})
"""
_DRAW = """
INSERT INTO authingo_secrets (digest, purpose, matter, user_id, created_at, expires_at)
SELECT :token, purpose, digest, user_id, :now, expires_at
FROM authingo_secrets WHERE digest = :digest
"""
_BY_DIGEST = f"SELECT {MATTER} FROM authingo_secrets m WHERE m.digest = :digest"
_FIND = f"SELECT {MATTER} FROM authingo_secrets m WHERE m.digest = {MATTER_OF} AND {_STANDS}"
_ABOUT = f"""
SELECT {MATTER} FROM authingo_secrets m
WHERE m.subject = :subject AND m.purpose = :purpose AND {_STANDS} ORDER BY m.expires_at, m.digest
"""
_TRY = """
UPDATE authingo_secrets SET tries = tries + 1,
    expires_at = CASE WHEN tries < :most THEN expires_at ELSE :now END
WHERE digest = :digest
"""
_PUT = "UPDATE authingo_secrets SET data = :data WHERE digest = :digest"
_DELETE = "DELETE FROM authingo_secrets WHERE digest = :digest AND purpose = :purpose"
_DELETE_TOKENS = "DELETE FROM authingo_secrets WHERE matter = :digest"
_FORGET_OF = """
DELETE FROM authingo_secrets
WHERE user_id = :user_id AND purpose NOT IN (SELECT value FROM json_each(:but))
"""
_SWEEP = f"""
DELETE FROM authingo_secrets WHERE rowid IN (
    SELECT rowid FROM authingo_secrets WHERE expires_at <= :now
    ORDER BY expires_at LIMIT {SWEPT})
"""
