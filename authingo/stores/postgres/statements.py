"""What the verbs about users and those about sessions share: how either begins."""

from __future__ import annotations

from authingo.models import NewSession, NewUser
from authingo.stores.rows import SESSION, USER

# Parameters $1 to $4 of a new session are its id and three digests, $5 to $7 its
# lifetimes, $8 and $9 who asked, $10 the token digest of one to end; `owner` is the
# user's row. The last column is the user whose session was ended, if any.
BEGIN = f"""
, ended AS (
    DELETE FROM authingo_sessions
    WHERE (token_digest = $10 OR previous_token_digest = $10) AND EXISTS (SELECT FROM owner)
    RETURNING user_id
), s AS (
    INSERT INTO authingo_sessions (id, user_id, token_digest, selector_digest, verifier_digest,
        created_at, last_used_at, expires_at, refresh_expires_at, absolute_expires_at,
        ip, user_agent)
    SELECT $1, owner.id, $2, $3, $4, now(), now(),
        now() + least($5::interval, $7), now() + least($6::interval, $7), now() + $7::interval,
        $8, $9
    FROM owner
    RETURNING *
)
SELECT {USER}, {SESSION}, (SELECT user_id FROM ended) FROM s, owner u
"""


def insert_user(first: int) -> str:
    """Return the statement that inserts a user, whose parameters begin at this number."""
    return (
        "INSERT INTO authingo_users (id, email, name, email_verified, password_hash)"
        f" VALUES (${first}, ${first + 1}, ${first + 2}, ${first + 3}, ${first + 4})"
        " ON CONFLICT (email) DO NOTHING RETURNING *"
    )


def user_parameters(user: NewUser) -> tuple[object, ...]:
    """Return the parameters of `insert_user`."""
    return user.id, user.email, user.name, user.email_verified, user.password_hash


def session_parameters(session: NewSession, ending: bytes | None) -> tuple[object, ...]:
    """Return the parameters of `BEGIN`."""
    lives = session.lifetimes
    return (
        session.id,
        session.token_digest,
        session.selector_digest,
        session.verifier_digest,
        lives.session,
        lives.refresh,
        lives.absolute,
        session.client.ip,
        session.client.user_agent,
        ending,
    )
