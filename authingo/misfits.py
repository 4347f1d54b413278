"""Record whose profile no longer fits the model: one event for each user."""

from __future__ import annotations

from authingo import events
from authingo.errors import StoreUnavailable
from authingo.stores import Store

_KEPT = 10_000  # ids of users whose event this process need not look for


class Misfits:
    """Records the event `profile_left_out` once for each user."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorded: set[str] = set()

    async def record(self, user_id: str) -> None:
        """Record the event, unless it is there already. Never fails, since nobody waits for it."""
        if user_id in self._recorded:
            return
        if len(self._recorded) >= _KEPT:
            self._recorded.clear()
        self._recorded.add(user_id)
        name: events.EventName = "profile_left_out"
        try:
            known = await self._store.events.page(user_id=user_id, name=name, limit=1)
        except StoreUnavailable:
            self._recorded.discard(user_id)
            return
        if not known:
            await events.record(self._store, events.happened(name, user_id=user_id))
