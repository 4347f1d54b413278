"""Rotate sessions, those of several browsers in one statement.

A statement and its commit take longer than one more row in it. No rotation may wait for the session
of another user, though, which somebody may have locked for long. So a session that is locked is
left out, and its rotation is made by itself, where it can wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from authingo.models import Rotation
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import MAY_SIGN_IN, SESSION, USER_AS_OWNER, replacement

Fetch = Callable[..., Awaitable[list[Any]]]  # Connections.all


async def rotate(
    fetch: Fetch, rotations: Sequence[Rotation], *, waiting: bool
) -> dict[Rotation, Any]:
    """Replace the tokens of sessions in one transaction.

    Args:
        fetch: sends a statement and returns the rows.
        rotations: all with the same lifetimes.
        waiting: whether to wait for a session that is locked; otherwise it is left out.

    Returns:
        The rows of those that were replaced. Of several with the same verifier, one is.
    """
    lives = rotations[0].lifetimes
    rows = await fetch(
        *numbered(
            _ROTATE[waiting],
            selectors=[one.selector_digest for one in rotations],
            verifiers=[one.verifier_digest for one in rotations],
            tokens=[one.new_token_digest for one in rotations],
            new_verifiers=[one.new_verifier_digest for one in rotations],
            nonces=[one.nonce for one in rotations],
            ips=[one.client.ip for one in rotations],
            user_agents=[one.client.user_agent for one in rotations],
            grace=lives.grace,
            session_life=lives.session,
            refresh_life=lives.refresh,
            remembered=lives.remembered,
        )
    )
    by_nonce = {row["rotation_nonce"]: row for row in rows}
    return {one: by_nonce[one.nonce] for one in rotations if one.nonce in by_nonce}


_ROTATE = {
    waiting: f"""
WITH wanted AS (
    SELECT s.id AS found, given.*
    FROM unnest(:selectors::bytea[], :verifiers::bytea[], :tokens::bytea[], :new_verifiers::bytea[],
                :nonces::bytea[], :ips::text[], :user_agents::text[])
        AS given (selector, verifier, token, next_verifier, nonce, client_ip, client_user_agent)
    JOIN authingo_sessions s
        ON s.selector_digest = given.selector AND s.verifier_digest = given.verifier
    WHERE s.refresh_expires_at > now()
    FOR NO KEY UPDATE OF s {"" if waiting else "SKIP LOCKED"}
)
UPDATE authingo_sessions s SET
    {replacement("wanted.token")}, previous_token_ended = false, remembered_for = :remembered,
    previous_verifier_digest = s.verifier_digest, verifier_digest = wanted.next_verifier,
    rotation_nonce = wanted.nonce, grace_expires_at = now() + :grace::interval,
    last_used_at = now(),
    expires_at = least(now() + :session_life::interval, s.absolute_expires_at),
    refresh_expires_at = least(now() + :refresh_life::interval, s.absolute_expires_at),
    ip = coalesce(wanted.client_ip, s.ip),
    user_agent = coalesce(wanted.client_user_agent, s.user_agent)
FROM wanted, authingo_users u
WHERE s.id = wanted.found AND u.id = s.user_id AND {MAY_SIGN_IN}
RETURNING {USER_AS_OWNER}, {SESSION}, s.rotation_nonce
"""
    for waiting in (True, False)
}
