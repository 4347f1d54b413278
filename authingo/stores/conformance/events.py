"""Events are kept in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from authingo.attempts import Outcome
from authingo.models import Event
from authingo.stores import Store


class EventsConformance:
    """Events are kept in order."""

    async def test_events_are_listed_as_they_happened(self, store: Store) -> None:
        """By name and user, in pages, from either end."""
        at = datetime.now(UTC).replace(microsecond=123456)
        events = [
            Event(
                id=f"evt_{number}",
                at=at + timedelta(seconds=number),
                name="sign_in" if number % 2 else "sign_out",
                user_id=f"usr_{number // 3}",
                session_id="ses_1",
                ip="192.0.2.7" if number else None,
                count=1_000_000 if number == 3 else None,
            )
            for number in range(6)
        ]
        for event in events:
            await store.events.record(Outcome(events=(event,)))
        assert await store.events.page(limit=9) == events
        assert await store.events.page(limit=2, after="evt_1") == events[2:4]
        assert await store.events.page(limit=2, newest=True) == [events[5], events[4]]
        assert await store.events.page(limit=9, newest=True, before="evt_2") == [
            events[1],
            events[0],
        ]
        assert await store.events.page(limit=9, name="sign_in") == events[1::2]
        assert await store.events.page(limit=9, user_id="usr_1") == events[3:]
