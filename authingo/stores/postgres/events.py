"""Events in PostgreSQL."""

from __future__ import annotations

from authingo.attempts import Outcome
from authingo.models import Event
from authingo.stores.event_rows import read_event, select_events
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import record
from authingo.stores.rows import FIRST, LAST, as_it_is


class Events:
    """See authingo.stores.events.Events."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def record(self, outcome: Outcome) -> None:
        """See Events."""
        async with self._connections.connection() as connection:
            await record(connection, outcome)

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
        found = await self._connections.all(
            *numbered(
                select_events(name=name, user_id=user_id, newest=newest),
                after=after or FIRST,
                before=before or LAST,
                name=name,
                user_id=user_id,
                limit=limit,
            )
        )
        return [read_event(row, as_it_is) for row in found]
