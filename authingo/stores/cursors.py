"""Cursors: how far a durable hook has read the events, and which process reads on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from authingo.models import Event

# A cursor that has not moved for so long belongs to a hook that is gone, and keeps no event.
ABANDONED = timedelta(days=30)


class LeaseOver(Exception):
    """Another process has taken the cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to read on from a cursor, for some time.

    Args:
        name: of the cursor.
        fence: the number of this lease. A later one ends it.
    """

    name: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A cursor, and when it was last at the end or moved."""

    name: str
    moved_at: datetime


class Cursors(Protocol):
    """The cursors of a store.

    Events are read in an order in which none can come later before one that was read: not even
    the event of a transaction that took longer than others.
    """

    async def take(self, name: str, *, lease: timedelta) -> Lease | None:
        """Take the lease of a cursor for `lease`; None if it is another's at this moment.

        A cursor that does not exist is made, behind all events that there are.
        """

    async def read(self, lease: Lease, names: Sequence[str], *, renew: timedelta) -> Event | None:
        """Return the next event with one of these names after the cursor, and renew the lease.

        If there is none, the cursor moves to the end.

        Raises:
            LeaseOver: another process has the cursor now.
        """

    async def move(self, lease: Lease, event: Event) -> None:
        """Move a cursor behind an event that `read` returned.

        Raises:
            LeaseOver: another process has the cursor now.
        """

    async def release(self, lease: Lease) -> None:
        """Let another process take the cursor at once; do nothing if the lease is over."""

    async def list(self) -> list[Cursor]:
        """Return all cursors, in the order of their names."""
