"""What SQLite knows about one user."""

from __future__ import annotations

from authingo.stores.exports import PARTS, Rows, read, select
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection


class Exports:
    """See authingo.stores.exports.Exports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of_user(self, user_id: str) -> dict[str, Rows]:
        """See Exports."""
        found: dict[str, Rows] = {}
        for table, part in PARTS.items():
            rows_of_part = await self._connection.all(select(table, part), user_id=user_id)
            found[part.name] = read(part, rows_of_part, rows.moment)
        return found
