"""Kinds of hashes in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from authingo.models import HashKind
from authingo.stores.rows import read_hash_kind, select_hash_kinds
from authingo.stores.sqlite.connection import Connection

_RECORD = """
INSERT INTO authingo_hash_kinds (family, pattern, sample, work)
VALUES (:family, :pattern, :sample, :work)
ON CONFLICT (family) DO UPDATE SET pattern = excluded.pattern, sample = excluded.sample,
    work = excluded.work
WHERE excluded.work > work
"""
_DELETE = "DELETE FROM authingo_hash_kinds WHERE family = :family AND pattern = :pattern"


def record_kinds(connection: sqlite3.Connection, kinds: Sequence[HashKind]) -> None:
    """Record kinds, in the caller's transaction, except where a slower one is known."""
    connection.executemany(
        _RECORD,
        [
            {
                "family": one.family,
                "pattern": one.pattern,
                "sample": one.sample,
                "work": one.work,
            }
            for one in kinds
        ],
    )


class HashKinds:
    """See authingo.stores.hash_kinds.HashKinds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, *, unused: bool = False) -> list[HashKind]:
        """See HashKinds."""
        found = await self._connection.all(select_hash_kinds(unused=unused))
        return [read_hash_kind(row) for row in found]

    async def record(
        self, kinds: Sequence[HashKind], *, instead_of: Sequence[HashKind] = ()
    ) -> None:
        """See HashKinds."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                _DELETE,
                [{"family": one.family, "pattern": one.pattern} for one in instead_of],
            )
            record_kinds(connection, kinds)

        await self._connection.write(work)
