"""Eviction in SQLite, in the caller's transaction."""

from __future__ import annotations

import sqlite3

from authingo.attempts import Outcome
from authingo.passwords import NO_PASSWORD
from authingo.stores.rows import evicted_profile
from authingo.stores.sqlite import outcomes, rows, secrets


def evict(
    connection: sqlite3.Connection,
    user_id: str,
    outcome: Outcome,
    *,
    password_hash: str = NO_PASSWORD,
) -> int | None:
    """Mark an address as verified, and evict somebody who got into its account before.

    See `authingo.stores.recovery.Recovery.evict`.

    Args:
        connection: in a transaction.
        user_id: of the account.
        outcome: what to record if somebody is evicted.
        password_hash: of the password that the owner of the address chose, if they did.

    Returns:
        How many of the sessions could still be refreshed. None if nobody is evicted, because the
        address was verified before, or nobody could have got in; then nothing else changes.
    """
    user = {"user_id": user_id, "now": rows.now()}
    held = connection.execute(_HOLD, user).fetchone()
    evicted = connection.execute(
        _EVICT,
        {
            "hash": password_hash,
            "no_password": NO_PASSWORD,
            "profile": evicted_profile(held) if held else None,
            **user,
        },
    )
    if evicted.rowcount == 0:
        connection.execute(_VERIFY, user)
        return None
    connection.execute(_DELETE_CREDENTIALS, {"user_id": user_id})
    ended = rows.delete_sessions(connection, user_id)
    secrets.forget_of(connection, user_id, ())
    outcomes.record(connection, outcome)
    return ended


_HOLD = "SELECT profile FROM authingo_users WHERE id = :user_id"
# An account with none of the four was made by an operator or a program, and nobody got in.
_EVICT = """
UPDATE authingo_users SET password_hash = :hash, updated_at = :now,
    password_version = password_version + 1, email_verified = 1,
    name = substr(email, 1, instr(email, '@') - 1), profile = :profile, delete_at = NULL
WHERE id = :user_id AND NOT email_verified AND (
    password_hash <> :no_password OR delete_at IS NOT NULL
    OR EXISTS (SELECT 1 FROM authingo_credentials WHERE user_id = :user_id)
    OR EXISTS (SELECT 1 FROM authingo_sessions WHERE user_id = :user_id))
"""
_VERIFY = """
UPDATE authingo_users SET email_verified = 1, updated_at = :now
WHERE id = :user_id AND NOT email_verified
"""
_DELETE_CREDENTIALS = "DELETE FROM authingo_credentials WHERE user_id = :user_id"
