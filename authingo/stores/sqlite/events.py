"""Events in SQLite."""

from __future__ import annotations

from authingo.attempts import Outcome
from authingo.models import Event
from authingo.stores.event_rows import read_event, select_events
from authingo.stores.rows import FIRST, LAST
from authingo.stores.sqlite import outcomes, rows
from authingo.stores.sqlite.connection import Connection


class Events:
    """See authingo.stores.events.Events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def record(self, outcome: Outcome) -> None:
        """See Events."""
        await self._connection.write(lambda connection: outcomes.record(connection, outcome))

    async def page(
        self,
        *,
        after: str | None = None,
        before: str | None = None,
        name: str | None = None,
        user_id: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[Event]:
        """See Events."""
        found = await self._connection.all(
            select_events(name=name, user_id=user_id, newest=newest),
            after=after or FIRST,
            before=before or LAST,
            name=name,
            user_id=user_id,
            limit=limit,
        )
        return [read_event(row, rows.moment) for row in found]
