"""The record of events, and of the outcomes of attempts."""

from __future__ import annotations

from typing import Protocol

from authingo.attempts import Outcome
from authingo.models import Event


class Events(Protocol):
    """The events of a store. The verbs that begin a session record an outcome as well."""

    async def record(self, outcome: Outcome) -> None:
        """Record an outcome by itself, in one transaction.

        If a count that it would reduce has been deleted, no new one is made.
        """

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
        """Return up to `limit` events in the order of their ids, which is that of time.

        They are after the id `after` and before the id `before`. With `newest`, the last ones
        come first.
        """
