"""Record the outcome of an attempt in SQLite, in the same transaction as its result."""

from __future__ import annotations

import sqlite3

from authingo.attempts import Outcome
from authingo.models import NewSession, StartedSession, TokenKey, User, eviction_of
from authingo.stores.rows import EVICTED_AT_ONCE
from authingo.stores.sqlite import attempts, devices, rows


def record(connection: sqlite3.Connection, outcome: Outcome, *, user_id: str | None = None) -> None:
    """Record an outcome. `user_id` is the user whose session begins, if one does."""
    rows.insert_events(connection, outcome.events)
    attempts.forget(connection, outcome.forget)
    attempts.give_back(connection, outcome.give_back)
    if outcome.forget_browser is not None:
        devices.forget_browser(connection, outcome.forget_browser)
    if outcome.device is not None and user_id is not None:
        devices.recognize(connection, user_id, outcome.device)


def start_session(
    connection: sqlite3.Connection,
    user: User,
    new: NewSession,
    *,
    ending: TokenKey | None,
    outcome: Outcome,
) -> StartedSession:
    """Begin a session, end the one that it replaces and those beyond the limit, and record it."""
    rows.delete_session(connection, ending)
    surplus = rows.end_surplus(connection, user.id, keep=new.most - 1, batch_size=EVICTED_AT_ONCE)
    record(connection, outcome, user_id=user.id)
    eviction = eviction_of(
        [one for one, refreshable in surplus.items() if refreshable], user.id, new.client.ip
    )
    if eviction is not None:
        rows.insert_events(connection, [eviction])
    return StartedSession(user, rows.insert_session(connection, user.id, new), eviction)
