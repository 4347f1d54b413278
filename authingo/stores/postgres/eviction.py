"""Eviction in PostgreSQL, in the caller's transaction."""

from __future__ import annotations

from typing import Any

from authingo.attempts import Outcome
from authingo.passwords import NO_PASSWORD
from authingo.stores.postgres import secrets
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import record
from authingo.stores.postgres.users import end_sessions
from authingo.stores.rows import evicted_profile


async def evict(
    connection: Any, user_id: str, outcome: Outcome, *, password_hash: str = NO_PASSWORD
) -> int | None:
    """Mark an address as verified, and evict somebody who got into its account before.

    See `authingo.stores.recovery.Recovery.evict`. The first statement waits for a sign-in that
    holds the share lock on the user, so that the others see its session.

    Args:
        connection: in a transaction, which may have locked the user.
        user_id: of the account.
        outcome: what to record if somebody is evicted.
        password_hash: of the password that the owner of the address chose, if they did.

    Returns:
        How many of the sessions could still be refreshed. None if nobody is evicted, because the
        address was verified before, or nobody could have got in; then nothing else changes.
    """
    user = {"user_id": user_id}
    held = await connection.fetchrow(*numbered(_HOLD, **user))
    evicted = await connection.fetchrow(
        *numbered(
            _EVICT,
            hash=password_hash,
            no_password=NO_PASSWORD,
            profile=evicted_profile(held) if held else None,
            **user,
        )
    )
    if evicted is None:
        await connection.execute(*numbered(_VERIFY, **user))
        return None
    await connection.execute(*numbered(_DELETE_CREDENTIALS, **user))
    ended = await end_sessions(connection, user_id)
    await secrets.forget_of(connection, user_id, ())
    await record(connection, outcome)
    return sum(ended.values())


_HOLD = "SELECT profile FROM authingo_users WHERE id = :user_id FOR NO KEY UPDATE"
# An account with none of the four was made by an operator or a program, and nobody got in.
_EVICT = """
UPDATE authingo_users SET password_hash = :hash, updated_at = now(),
    password_version = password_version + 1, email_verified = true,
    name = split_part(email, '@', 1), profile = :profile, delete_at = NULL
WHERE id = :user_id AND NOT email_verified AND (
    password_hash <> :no_password OR delete_at IS NOT NULL
    OR EXISTS (SELECT FROM authingo_credentials WHERE user_id = :user_id)
    OR EXISTS (SELECT FROM authingo_sessions WHERE user_id = :user_id))
RETURNING id
"""
_VERIFY = """
UPDATE authingo_users SET email_verified = true, updated_at = now()
WHERE id = :user_id AND NOT email_verified
"""
_DELETE_CREDENTIALS = "DELETE FROM authingo_credentials WHERE user_id = :user_id"
