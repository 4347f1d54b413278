"""What the SQL adapters share: the columns they read, and how a row becomes models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from authingo.models import Credentials, Day, Event, Resumed, Session, StoredSession, User

USER = "u.id, u.email, u.name, u.email_verified, u.created_at, u.updated_at, u.disabled_at"
SESSION = (
    "s.id, s.user_id, s.created_at, s.last_used_at, s.expires_at, s.refresh_expires_at,"
    " s.ip, s.user_agent"
)
FIRST, LAST = "", "\U0010ffff"  # texts that sort before and behind every id
EVENT = "id, at, name, user_id, session_id, ip, count"
USER_SIZE = 7  # columns of USER
_BOTH = USER_SIZE + 8  # and of SESSION
_KEPT = 10_000  # sessions, some two kilobytes each


def _as_it_is(value: Any) -> datetime:
    return value  # type: ignore[no-any-return]  # a driver's row is untyped


class RowReader:
    """Reads rows that begin with USER, SESSION, or both; what follows is the verb's own."""

    def __init__(self, time: Callable[[Any], datetime] = _as_it_is) -> None:
        self._time = time

    def user(self, row: Sequence[Any]) -> User:
        """Read a row that begins with USER."""
        return User(
            id=row[0],
            email=row[1],
            name=row[2],
            email_verified=bool(row[3]),
            created_at=self._time(row[4]),
            updated_at=self._time(row[5]),
            disabled_at=None if row[6] is None else self._time(row[6]),
        )

    def credentials(self, row: Sequence[Any]) -> Credentials:
        """Read a row that begins with USER, the password's hash and its version."""
        return Credentials(self.user(row), row[USER_SIZE], row[USER_SIZE + 1])

    def session(self, row: Sequence[Any]) -> Session:
        """Read a row that begins with SESSION."""
        return Session(
            id=row[0],
            user_id=row[1],
            created_at=self._time(row[2]),
            last_used_at=self._time(row[3]),
            expires_at=self._time(row[4]),
            refresh_expires_at=self._time(row[5]),
            ip=row[6],
            user_agent=row[7],
        )

    def user_and_session(self, row: Sequence[Any]) -> tuple[User, Session]:
        """Read a row that begins with USER, SESSION."""
        return self.user(row), self.session(row[USER_SIZE:])

    def stored_session(self, row: Sequence[Any]) -> StoredSession:
        """Read a row of USER, SESSION, and whether it can still be refreshed."""
        return StoredSession(*self.user_and_session(row), live=bool(row[-1]))


class Resumptions:
    """What was made of the rows of sessions, each for as long as it reads the same.

    It spares nobody the reading: that is how a check knows. But a session is read again
    and again, and to make models and an answer of a row takes longer than to read it.
    """

    def __init__(self, read: RowReader) -> None:
        self._read = read
        self._made: dict[str, tuple[Sequence[Any], Resumed]] = {}  # by the session's id

    def of(self, row: Sequence[Any]) -> Resumed:
        """Read a row that begins with USER, SESSION."""
        columns = row[:_BOTH]
        known = self._made.get(row[USER_SIZE])
        if known is not None and known[0] == columns:
            return known[1]
        if len(self._made) >= _KEPT:
            self._made.clear()
        resumed = Resumed(*self._read.user_and_session(row))
        self._made[row[USER_SIZE]] = columns, resumed
        return resumed


def read_event(row: Sequence[Any], time: Callable[[Any], datetime] = _as_it_is) -> Event:
    """Read a row of EVENT."""
    return Event(
        id=row[0],
        at=time(row[1]),
        name=row[2],
        user_id=row[3],
        session_id=row[4],
        ip=row[5],
        count=row[6],
    )


def read_days(rows: Iterable[Sequence[Any]]) -> tuple[Day, ...]:
    """Read rows of day, name and count, ordered by day. A day without events has no name."""
    days: dict[date, dict[str, int]] = {}
    for day, name, count in rows:
        events = days.setdefault(day, {})
        if name is not None:
            events[name] = count
    return tuple(Day(day, events) for day, events in days.items())


def after_which(column: str, parameter: str, *, newest: bool) -> str:
    """Return the condition of a page that begins after an id, in either order.

    It is one comparison, with FIRST or LAST where there is no id: with "or none is given"
    the database would read from the end of the table to each page.
    """
    return f"{column} {'<' if newest else '>'} {parameter}"


def like_pattern(search: str | None) -> str | None:
    r"""Turn a part of a text into a LIKE pattern whose escape is a backslash."""
    if not search:
        return None
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
