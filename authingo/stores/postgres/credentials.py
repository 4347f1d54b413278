"""Credentials in PostgreSQL. Every statement locks the user first, then the credential."""

from __future__ import annotations

from typing import Any

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
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import RowReader, as_it_is

_reader = RowReader()


class Credentials:
    """See authingo.stores.credentials.Credentials."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(
        self, new: NewCredential, *, version: int | None = None, grow_version: bool
    ) -> Credential | None:
        """See Credentials."""
        row = await self._one(
            _ADD,
            id=new.id,
            kind=new.kind,
            subject=new.subject,
            user_id=new.user_id,
            label=new.label,
            data=new.data,
            counter=new.counter,
            version=version,
            grow_version=grow_version,
        )
        return _read(row) if row else None

    async def find(self, kind: str, subject: bytes) -> CredentialMatch | None:
        """See Credentials."""
        row = await self._one(_FIND, kind=kind, subject=subject)
        return read_match(row, _reader, as_it_is) if row else None

    async def of_user(self, user_id: str, kind: str | None = None) -> list[Credential]:
        """See Credentials."""
        found = await self._connections.all(*numbered(_OF_USER, user_id=user_id, kind=kind))
        return [_read(row) for row in found]

    async def use(self, user_id: str, credential_id: str, *, counter: int) -> CredentialUse | None:
        """See Credentials. An update that waited for another looks at the counter again."""
        row = await self._one(_USE, id=credential_id, user_id=user_id, counter=counter)
        return CredentialUse(_read(row), accepted=row["accepted"]) if row else None

    async def remove(
        self, user_id: str, credential_id: str, *, grow_version: bool
    ) -> Credential | None:
        """See Credentials."""
        row = await self._one(_REMOVE, id=credential_id, user_id=user_id, grow_version=grow_version)
        return _read(row) if row else None

    async def remove_all(self, user_id: str, *, kind: str | None = None) -> int:
        """See Credentials."""
        row = await self._one(_REMOVE_ALL, user_id=user_id, kind=kind)
        return int(row["count"])

    async def _one(self, statement: str, **parameters: object) -> Any:
        return await self._connections.one(*numbered(statement, **parameters))


def _read(row: Any) -> Credential:
    return read_credential(row, as_it_is)


_ADD = f"""
WITH owner AS MATERIALIZED (
    SELECT id FROM authingo_users
    WHERE id = :user_id AND disabled_at IS NULL AND delete_at IS NULL
      AND password_version = coalesce(:version::bigint, password_version)
    FOR NO KEY UPDATE
), added AS (
    INSERT INTO authingo_credentials AS c (id, kind, subject, user_id, label, data, counter)
    SELECT :id::text, :kind::text, :subject::bytea, owner.id, :label::text, :data::bytea,
        :counter::bigint
    FROM owner
    ON CONFLICT DO NOTHING
    RETURNING {CREDENTIAL}
), grown AS (
    UPDATE authingo_users SET password_version = password_version + 1
    WHERE id = (SELECT user_id FROM added) AND :grow_version::boolean
)
SELECT * FROM added
"""
_FIND = f"""
SELECT {MATCH} FROM authingo_credentials c JOIN authingo_users u ON u.id = c.user_id
WHERE c.kind = :kind AND c.subject = :subject
"""
_OF_USER = f"""
SELECT {CREDENTIAL} FROM authingo_credentials c
WHERE c.user_id = :user_id AND (:kind::text IS NULL OR c.kind = :kind)
ORDER BY c.created_at, c.id
"""
_USE = f"""
WITH used AS (
    UPDATE authingo_credentials c SET counter = :counter::bigint, last_used_at = now()
    WHERE c.id = :id AND c.user_id = :user_id AND {GROWS.replace(":counter", ":counter::bigint")}
    RETURNING {CREDENTIAL}
)
SELECT *, true AS accepted FROM used
UNION ALL
SELECT {CREDENTIAL}, false FROM authingo_credentials c
WHERE c.id = :id AND c.user_id = :user_id AND NOT EXISTS (SELECT FROM used)
"""
_REMOVE = f"""
WITH owner AS MATERIALIZED (
    SELECT id FROM authingo_users WHERE id = :user_id FOR NO KEY UPDATE
), removed AS (
    DELETE FROM authingo_credentials c
    WHERE c.id = :id AND c.user_id = (SELECT id FROM owner)
    RETURNING {CREDENTIAL}
), grown AS (
    UPDATE authingo_users SET password_version = password_version + 1
    WHERE id = (SELECT user_id FROM removed) AND :grow_version::boolean
)
SELECT * FROM removed
"""
_REMOVE_ALL = """
WITH owner AS MATERIALIZED (
    SELECT id FROM authingo_users WHERE id = :user_id FOR NO KEY UPDATE
), removed AS (
    DELETE FROM authingo_credentials
    WHERE user_id = (SELECT id FROM owner) AND (:kind::text IS NULL OR kind = :kind)
    RETURNING id
)
SELECT count(*) AS count FROM removed
"""
