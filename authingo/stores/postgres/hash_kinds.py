"""Kinds of hashes in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from authingo.models import HashKind
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import read_hash_kind, select_hash_kinds

# In the order of families, so that two at the same moment do not deadlock. A kind that is just as
# slow is written again, so that a prune that is about to delete it as unused waits.
RECORD_KINDS = """
INSERT INTO authingo_hash_kinds (family, pattern, sample, work)
SELECT * FROM unnest(:families::text[], :patterns::text[], :samples::text[], :works::bigint[])
    AS new (family, pattern, sample, work)
ORDER BY family
ON CONFLICT (family) DO UPDATE SET pattern = excluded.pattern, sample = excluded.sample,
    work = excluded.work
WHERE excluded.work >= authingo_hash_kinds.work
"""
_DELETE = """
DELETE FROM authingo_hash_kinds WHERE (family, pattern) IN
    (SELECT * FROM unnest(:families::text[], :patterns::text[]))
"""


def kind_parameters(kinds: Sequence[HashKind]) -> dict[str, object]:
    """Return the parameters of `RECORD_KINDS`."""
    return {
        "families": [one.family for one in kinds],
        "patterns": [one.pattern for one in kinds],
        "samples": [one.sample for one in kinds],
        "works": [one.work for one in kinds],
    }


class HashKinds:
    """See authingo.stores.hash_kinds.HashKinds."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def find(self, *, unused: bool = False) -> list[HashKind]:
        """See HashKinds."""
        found = await self._connections.all(select_hash_kinds(unused=unused))
        return [read_hash_kind(row) for row in found]

    async def record(
        self, kinds: Sequence[HashKind], *, instead_of: Sequence[HashKind] = ()
    ) -> None:
        """See HashKinds."""
        async with self._connections.transaction() as connection:
            await connection.execute(*numbered(_DELETE, **kind_parameters(instead_of)))
            await connection.execute(*numbered(RECORD_KINDS, **kind_parameters(kinds)))
