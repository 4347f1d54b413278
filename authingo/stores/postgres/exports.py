"""What PostgreSQL knows about one user."""

from __future__ import annotations

from authingo.stores.exports import PARTS, Rows, read, select
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import as_it_is


class Exports:
    """See authingo.stores.exports.Exports."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def of_user(self, user_id: str) -> dict[str, Rows]:
        """See Exports."""
        found: dict[str, Rows] = {}
        for table, part in PARTS.items():
            rows = await self._connections.all(*numbered(select(table, part), user_id=user_id))
            found[part.name] = read(part, rows, as_it_is)
        return found
