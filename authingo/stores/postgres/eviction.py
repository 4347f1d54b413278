"""Eviction in PostgreSQL, in the caller's transaction."""

from __future__ import annotations

from typing import Any

from authingo.models import Outcome
from authingo.passwords import NO_PASSWORD
from authingo.stores.postgres import secrets
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import record
from authingo.stores.postgres.users import end_sessions


async def evict(
    connection: Any, user_id: str, outcome: Outcome, *, password_hash: str = NO_PASSWORD
) -> int | None:
    """Remove what was added to an account before its address was proved.

    See `authingo.stores.recovery.Recovery.evict`. The first statement waits for a sign-in that
    holds the share lock on the user, so that the others see its session.

    Args:
        connection: in a transaction, which may have locked the user.
        user_id: of the account.
        outcome: what to record if there is something to evict.
        password_hash: of the password that the owner of the address chose, if they did.

    Returns:
        How many of the sessions could still be refreshed; None if the address is verified or
        there is no such user.
    """
    user = {"user_id": user_id}
    if await connection.fetchrow(*numbered(_EVICT, hash=password_hash, **user)) is None:
        return None
    await connection.execute(*numbered(_DELETE_CREDENTIALS, **user))
    ended = await end_sessions(connection, user_id)
    await secrets.forget_of(connection, user_id, ())
    await record(connection, outcome)
    return sum(ended.values())


_EVICT = """
UPDATE authingo_users SET password_hash = :hash, updated_at = now(),
    password_version = password_version + 1, email_verified = true,
    name = split_part(email, '@', 1)
WHERE id = :user_id AND NOT email_verified RETURNING id
"""
_DELETE_CREDENTIALS = "DELETE FROM authingo_credentials WHERE user_id = :user_id"
