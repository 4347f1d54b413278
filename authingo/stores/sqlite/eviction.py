"""Eviction in SQLite, in the caller's transaction."""

from __future__ import annotations

import sqlite3

from authingo.models import Outcome
from authingo.passwords import NO_PASSWORD
from authingo.stores.sqlite import outcomes, rows, secrets


def evict(
    connection: sqlite3.Connection,
    user_id: str,
    outcome: Outcome,
    *,
    password_hash: str = NO_PASSWORD,
) -> int | None:
    """Remove what was added to an account before its address was proved.

    See `authingo.stores.recovery.Recovery.evict`.

    Args:
        connection: in a transaction.
        user_id: of the account.
        outcome: what to record if there is something to evict.
        password_hash: of the password that the owner of the address chose, if they did.

    Returns:
        How many of the sessions could still be refreshed; None if the address is verified or
        there is no such user.
    """
    user = {"user_id": user_id}
    evicted = connection.execute(_EVICT, {"hash": password_hash, "now": rows.now(), **user})
    if evicted.rowcount == 0:
        return None
    connection.execute(_DELETE_CREDENTIALS, user)
    ended = rows.delete_sessions(connection, user_id)
    secrets.forget_of(connection, user_id, ())
    outcomes.record(connection, outcome)
    return ended


_EVICT = """
UPDATE authingo_users SET password_hash = :hash, updated_at = :now,
    password_version = password_version + 1, email_verified = 1,
    name = substr(email, 1, instr(email, '@') - 1)
WHERE id = :user_id AND NOT email_verified
"""
_DELETE_CREDENTIALS = "DELETE FROM authingo_credentials WHERE user_id = :user_id"
