"""Credentials in SQLite. A transaction holds the one write lock from its beginning."""

from __future__ import annotations

import sqlite3

from authingo.stores.credential_rows import (
    CREDENTIAL,
    GROWS,
    MATCH,
    read_credential,
    read_match,
)
from authingo.stores.credentials import (
    Credential,
    CredentialMatch,
    CredentialUse,
    NewCredential,
)
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection


class Credentials:
    """See authingo.stores.credentials.Credentials."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(
        self, new: NewCredential, *, version: int | None = None, grow_version: bool
    ) -> Credential | None:
        """See Credentials."""

        def work(connection: sqlite3.Connection) -> Credential | None:
            added = connection.execute(
                _ADD,
                {
                    "id": new.id,
                    "kind": new.kind,
                    "subject": new.subject,
                    "user_id": new.user_id,
                    "label": new.label,
                    "data": new.data,
                    "counter": new.counter,
                    "version": version,
                    "now": rows.now(),
                },
            )
            if added.rowcount == 0:
                return None
            if grow_version:
                _grow_version(connection, new.user_id)
            return _by_id(connection, new.user_id, new.id)

        return await self._connection.write(work)

    async def find(self, kind: str, subject: bytes) -> CredentialMatch | None:
        """See Credentials."""
        row = await self._connection.one(_FIND, kind=kind, subject=subject)
        return read_match(row, rows.read, rows.moment) if row else None

    async def of_user(self, user_id: str, kind: str | None = None) -> list[Credential]:
        """See Credentials."""
        found = await self._connection.all(_OF_USER, user_id=user_id, kind=kind)
        return [read_credential(row, rows.moment) for row in found]

    async def use(self, user_id: str, credential_id: str, *, counter: int) -> CredentialUse | None:
        """See Credentials."""

        def work(connection: sqlite3.Connection) -> CredentialUse | None:
            used = connection.execute(
                _USE,
                {"id": credential_id, "user_id": user_id, "counter": counter, "now": rows.now()},
            )
            found = _by_id(connection, user_id, credential_id)
            return None if found is None else CredentialUse(found, accepted=used.rowcount > 0)

        return await self._connection.write(work)

    async def remove(
        self, user_id: str, credential_id: str, *, grow_version: bool
    ) -> Credential | None:
        """See Credentials."""

        def work(connection: sqlite3.Connection) -> Credential | None:
            found = _by_id(connection, user_id, credential_id)
            if found is not None:
                connection.execute(_REMOVE, {"id": found.id})
                if grow_version:
                    _grow_version(connection, user_id)
            return found

        return await self._connection.write(work)

    async def remove_all(self, user_id: str, *, kind: str | None = None) -> int:
        """See Credentials."""
        return await self._connection.count(_REMOVE_ALL, user_id=user_id, kind=kind)


def _by_id(connection: sqlite3.Connection, user_id: str, credential_id: str) -> Credential | None:
    row = connection.execute(_BY_ID, {"id": credential_id, "user_id": user_id}).fetchone()
    return read_credential(row, rows.moment) if row else None


def _grow_version(connection: sqlite3.Connection, user_id: str) -> None:
    connection.execute(_GROW_VERSION, {"user_id": user_id})


_ADD = """
INSERT INTO authingo_credentials (id, kind, subject, user_id, label, data, counter, created_at)
SELECT :id, :kind, :subject, id, :label, :data, :counter, :now FROM authingo_users
WHERE id = :user_id AND disabled_at IS NULL AND delete_at IS NULL
  AND password_version = coalesce(:version, password_version)
ON CONFLICT DO NOTHING
"""
_FIND = f"""
SELECT {MATCH} FROM authingo_credentials c JOIN authingo_users u ON u.id = c.user_id
WHERE c.kind = :kind AND c.subject = :subject
"""
_BY_ID = f"""
SELECT {CREDENTIAL} FROM authingo_credentials c WHERE c.id = :id AND c.user_id = :user_id
"""
_OF_USER = f"""
SELECT {CREDENTIAL} FROM authingo_credentials c
WHERE c.user_id = :user_id AND (:kind IS NULL OR c.kind = :kind)
ORDER BY c.created_at, c.id
"""
_USE = f"""
UPDATE authingo_credentials AS c SET counter = :counter, last_used_at = :now
WHERE c.id = :id AND c.user_id = :user_id AND {GROWS}
"""
_REMOVE = "DELETE FROM authingo_credentials WHERE id = :id"
_REMOVE_ALL = """
DELETE FROM authingo_credentials WHERE user_id = :user_id AND (:kind IS NULL OR kind = :kind)
"""
_GROW_VERSION = """
UPDATE authingo_users SET password_version = password_version + 1 WHERE id = :user_id
"""
