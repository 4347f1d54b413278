"""How authingo's rows are written to and read from SQLite, in the caller's transaction."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta

from authingo.errors import EmailTaken
from authingo.models import NewSession, NewUser, Outcome, Resumed, Session, User
from authingo.stores.rows import EVENT, SESSION, USER, RowReader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BY_ID = f"SELECT {USER} FROM authingo_users u WHERE u.id = ?"


def now() -> int:
    """Microseconds since 1970: the clock of an embedded database is that of its machine."""
    return time.time_ns() // 1000


def later(at: int, lifetime: timedelta) -> int:
    """Return the moment that is a lifetime after another."""
    return at + lifetime // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Read a stored time."""
    return _EPOCH + microseconds * _MICROSECOND


def span(microseconds: int) -> timedelta:
    """Read the difference of two stored times."""
    return microseconds * _MICROSECOND


def microseconds(at: datetime) -> int:
    """Write a time as it is stored."""
    return (at - _EPOCH) // _MICROSECOND


read = RowReader(time=moment)


def insert_user(connection: sqlite3.Connection, user: NewUser) -> User:
    """Insert a user. Raises EmailTaken."""
    at = now()
    row = connection.execute(
        "INSERT INTO authingo_users"
        " (id, email, name, email_verified, password_hash, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING"
        f" RETURNING {USER.replace('u.', '')}",
        (user.id, user.email, user.name, user.email_verified, user.password_hash, at, at),
    ).fetchone()
    if row is None:
        raise EmailTaken
    return read.user(row)


def find_user(connection: sqlite3.Connection, user_id: str) -> User | None:
    """Read a user, if there is one with this id."""
    row = connection.execute(_BY_ID, (user_id,)).fetchone()
    return read.user(row) if row else None


def select_user(connection: sqlite3.Connection, user_id: str) -> User:
    """Read a user that is known to be there."""
    return read.user(connection.execute(_BY_ID, (user_id,)).fetchone())


def insert_session(connection: sqlite3.Connection, user_id: str, new: NewSession) -> Session:
    """Insert a session that begins now."""
    at, lives = now(), new.lifetimes
    absolute = later(at, lives.absolute)
    row = connection.execute(
        "INSERT INTO authingo_sessions (id, user_id, token_digest, selector_digest,"
        "  verifier_digest, created_at, last_used_at, expires_at, refresh_expires_at,"
        "  absolute_expires_at, ip, user_agent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        f" RETURNING {SESSION.replace('s.', '')}",
        (
            new.id,
            user_id,
            new.token_digest,
            new.selector_digest,
            new.verifier_digest,
            at,
            at,
            min(later(at, lives.session), absolute),
            min(later(at, lives.refresh), absolute),
            absolute,
            new.client.ip,
            new.client.user_agent,
        ),
    ).fetchone()
    return read.session(row)


def delete_sessions(connection: sqlite3.Connection, user_id: str) -> int:
    """Delete every session of a user; return how many of them could still be refreshed."""
    ended = connection.execute(
        "DELETE FROM authingo_sessions WHERE user_id = ? RETURNING refresh_expires_at > ?",
        (user_id, now()),
    ).fetchall()
    return sum(live for (live,) in ended)


def delete_session(connection: sqlite3.Connection, token_digest: bytes | None) -> Resumed | None:
    """Delete the session whose current or previous token this is, and return what it was."""
    if token_digest is None:
        return None
    row = connection.execute(
        f"SELECT {USER}, {SESSION} FROM authingo_sessions s"
        " JOIN authingo_users u ON u.id = s.user_id"
        # Each by its index: of an OR of both, SQLite reads the whole table after ANALYZE.
        " WHERE s.rowid IN (SELECT rowid FROM authingo_sessions WHERE token_digest = ?1"
        "  UNION ALL SELECT rowid FROM authingo_sessions WHERE previous_token_digest = ?1)",
        (token_digest,),
    ).fetchone()
    if row is None:
        return None
    ended = Resumed(*read.user_and_session(row))
    connection.execute("DELETE FROM authingo_sessions WHERE id = ?", (ended.session.id,))
    return ended


def record(connection: sqlite3.Connection, outcome: Outcome) -> None:
    """Record an outcome."""
    connection.executemany(
        f"INSERT INTO authingo_events ({EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.id,
                microseconds(one.at),
                one.name,
                one.user_id,
                one.session_id,
                one.ip,
                one.count,
            )
            for one in outcome.events
        ],
    )
    connection.executemany(
        "DELETE FROM authingo_attempts WHERE key_digest = ?",
        [(digest,) for digest in outcome.forget],
    )
    connection.executemany(
        "UPDATE authingo_attempts SET count = max(count - 1, 0),"
        "  blocked_until = CASE WHEN count > ?2 THEN blocked_until END WHERE key_digest = ?1",
        [(digest, limit.allowed) for digest, limit in outcome.give_back],
    )


def statements(script: str) -> list[str]:
    """Split a script, because executescript would commit the transaction around it."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
