"""Write rows to SQLite and read them, in the caller's transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from authingo.errors import EmailTaken
from authingo.models import Event, NewSession, NewUser, Session, TokenKey, User, UserAndSession
from authingo.stores.event_rows import COLUMNS, EVENT
from authingo.stores.matters import is_held
from authingo.stores.rows import (
    SESSION,
    SESSION_COLUMNS,
    USER,
    USER_AS_OWNER,
    USER_COLUMNS,
    RowReader,
    has_token,
    token_parameters,
    write_methods,
)
from authingo.stores.secrets import address_digest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000  # microseconds


def now() -> int:
    """Return the microseconds since 1970. An embedded database uses its machine's clock."""
    return time.time_ns() // 1000


def later(at: int, lifetime: timedelta) -> int:
    """Return the time that is a lifetime after `at`."""
    return at + lifetime // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Read a stored time."""
    return _EPOCH + microseconds * _MICROSECOND


def span(microseconds: int) -> timedelta:
    """Read the difference between two stored times."""
    return microseconds * _MICROSECOND


def length(lifetime: timedelta | None) -> int | None:
    """Return a length of time as it is stored."""
    return None if lifetime is None else lifetime // _MICROSECOND


def microseconds(at: datetime) -> int:
    """Return a time as it is stored."""
    return (at - _EPOCH) // _MICROSECOND


read = RowReader(time=moment)


def insert_user(connection: sqlite3.Connection, user: NewUser) -> User:
    """Insert a user. Raises EmailTaken."""
    row = connection.execute(
        _INSERT_USER,
        {
            "user_id": user.id,
            "email": user.email,
            "name": user.name,
            "email_verified": user.email_verified,
            "password_hash": user.password_hash,
            "profile": user.profile,
            "held": address_digest(user.email),
            "now": now(),
        },
    ).fetchone()
    if row is None:
        raise EmailTaken
    return read.user(row)


def find_user(connection: sqlite3.Connection, user_id: str) -> User | None:
    """Read the user with this id. None: there is no such user."""
    row = connection.execute(_USER, {"id": user_id}).fetchone()
    return read.user(row) if row else None


def select_user(connection: sqlite3.Connection, user_id: str) -> User:
    """Read a user that is known to exist."""
    return read.user(connection.execute(_USER, {"id": user_id}).fetchone())


def end_surplus(
    connection: sqlite3.Connection,
    user_id: str,
    *,
    keep: int,
    but: str | None = None,
    batch_size: int,
) -> dict[str, bool]:
    """End what a user has beyond `keep` sessions.

    It reads only `keep` + `batch_size` rows, so that it takes as long for any number of
    sessions. Of these rows, the `keep` that were used last stay. Those that can no longer be
    refreshed go first. Returns the ids of the ended sessions, each with whether it could still
    be refreshed.
    """
    ended = connection.execute(
        _END_SURPLUS,
        {"user_id": user_id, "but": but, "keep": keep, "batch_size": batch_size, "now": now()},
    ).fetchall()
    return {row["id"]: bool(row["refreshable"]) for row in ended}


def insert_session(connection: sqlite3.Connection, user_id: str, new: NewSession) -> Session:
    """Insert a session that begins now."""
    at, lives = now(), new.lifetimes
    absolute = later(at, lives.absolute)
    refresh_expires_at = min(later(at, lives.refresh), absolute)
    row = connection.execute(
        _INSERT_SESSION,
        {
            "id": new.id,
            "user_id": user_id,
            "secret_digest": new.token_digest,
            "selector_digest": new.selector_digest,
            "verifier_digest": new.verifier_digest,
            "created_at": at,
            "last_used_at": at,
            "expires_at": min(later(at, lives.session), absolute),
            "refresh_expires_at": refresh_expires_at,
            "absolute_expires_at": absolute,
            "prune_on": refresh_expires_at // DAY,
            "remembered_for": length(lives.remembered),
            "ip": new.client.ip,
            "user_agent": new.client.user_agent,
            "authenticated_at": at,
            "methods": write_methods(new.methods),
        },
    ).fetchone()
    return read.session(row)


def delete_sessions(connection: sqlite3.Connection, user_id: str, *, but: str | None = None) -> int:
    """Delete the sessions of a user, except one; return how many could still be refreshed."""
    parameters = {"user_id": user_id, "but": but, "now": now()}
    ended = connection.execute(_DELETE_SESSIONS, parameters).fetchall()
    return sum(row["refreshable"] for row in ended)


def refuse_held(connection: sqlite3.Connection, user_id: str, email: str) -> None:
    """Raise EmailTaken if another user has an address, or may want it back. See HOLDS_ADDRESS."""
    parameters = {"user_id": user_id, "email": email, "held": address_digest(email), "now": now()}
    if connection.execute(_IS_TAKEN, parameters).fetchone():
        raise EmailTaken


def delete_session(connection: sqlite3.Connection, token: TokenKey | None) -> UserAndSession | None:
    """Delete the session whose current or previous token this is, and return it with its user."""
    if token is None:
        return None
    row = connection.execute(_BY_TOKEN, token_parameters(token)).fetchone()
    if row is None:
        return None
    ended = UserAndSession(read.owner(row), read.session(row))
    connection.execute("DELETE FROM authingo_sessions WHERE id = :id", {"id": ended.session.id})
    return ended


_INSERT_USER = f"""
INSERT INTO authingo_users
    (id, email, name, email_verified, password_hash, profile, created_at, updated_at)
SELECT :user_id, :email, :name, :email_verified, :password_hash, :profile, :now, :now
WHERE NOT {is_held(":now")}
ON CONFLICT (email) DO NOTHING RETURNING {", ".join(USER_COLUMNS)}
"""
_IS_TAKEN = f"""
SELECT 1 WHERE EXISTS (SELECT 1 FROM authingo_users WHERE email = :email AND id <> :user_id)
    OR {is_held(":now")}
"""
_USER = f"SELECT {USER} FROM authingo_users u WHERE u.id = :id"
_END_SURPLUS = """
DELETE FROM authingo_sessions WHERE rowid IN (
    SELECT row FROM (
        SELECT rowid AS row, last_used_at, refresh_expires_at FROM authingo_sessions
        WHERE user_id = :user_id AND id <> coalesce(:but, '') LIMIT :keep + :batch_size)
    ORDER BY refresh_expires_at > :now DESC, last_used_at DESC, row DESC LIMIT -1 OFFSET :keep)
RETURNING id, refresh_expires_at > :now AS refreshable
"""
_NEW_SESSION = (
    *SESSION_COLUMNS,
    *("secret_digest", "selector_digest", "verifier_digest", "absolute_expires_at"),
    *("prune_on", "remembered_for"),
)
_INSERT_SESSION = f"""
INSERT INTO authingo_sessions ({", ".join(_NEW_SESSION)})
VALUES ({", ".join(f":{column}" for column in _NEW_SESSION)})
RETURNING {", ".join(SESSION_COLUMNS)}
"""
_DELETE_SESSIONS = """
DELETE FROM authingo_sessions WHERE user_id = :user_id AND id IS NOT :but
RETURNING refresh_expires_at > :now AS refreshable
"""
_BY_TOKEN = f"""
SELECT {USER_AS_OWNER}, {SESSION} FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id
WHERE {has_token("s")}
"""


def insert_events(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    """Insert events."""
    connection.executemany(_INSERT_EVENT, [_event(one) for one in events])


_INSERT_EVENT = (
    f"INSERT INTO authingo_events ({EVENT})"
    f" VALUES ({', '.join(f':{column}' for column in COLUMNS)})"
)


def _event(event: Event) -> dict[str, object]:
    values = {column: getattr(event, column) for column in COLUMNS}
    return {**values, "at": microseconds(event.at)}


def statements(script: str) -> list[str]:
    """Split a script into statements, because executescript would commit the open transaction."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
