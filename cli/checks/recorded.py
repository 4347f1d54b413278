"""What servers have recorded lately about something that an operator should look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from authingo.ids import first_id
from authingo.models import Event

if TYPE_CHECKING:
    from authingo.capabilities import CapabilityEvent
    from authingo.events import EventName
    from authingo.stores import Store

_RECENT = timedelta(days=1)
_EVENTS = 100  # of one name to look at; a process records one an hour


async def recorded(store: Store, name: EventName | CapabilityEvent) -> list[Event]:
    """Return the events of a name that were recorded during the last day, the newest first."""
    after = first_id("evt_", datetime.now(UTC) - _RECENT)
    return await store.events.page(name=name, after=after, limit=_EVENTS, newest=True)
