"""What the SQL adapters share about events: columns, finding them, and reading a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from authingo.models import Event

COLUMNS = ("id", "at", "name", "user_id", "session_id", "ip", "count")
EVENT = ", ".join(COLUMNS)


def select_events(*, name: str | None, user_id: str | None, newest: bool) -> str:
    """Return the statement that finds a page of events, all or those of a name or a user."""
    return (
        f"SELECT {EVENT} FROM authingo_events WHERE id > :after AND id < :before"
        f"{'' if name is None else ' AND name = :name'}"
        f"{'' if user_id is None else ' AND user_id = :user_id'}"
        f" ORDER BY id {'DESC' if newest else ''} LIMIT :limit"
    )


def read_event(row: Any, time: Callable[[Any], datetime]) -> Event:
    """Read a row of EVENT, by the names of its columns."""
    return Event(
        id=row["id"],
        at=time(row["at"]),
        name=row["name"],
        user_id=row["user_id"],
        session_id=row["session_id"],
        ip=row["ip"],
        count=row["count"],
    )
