"""What several verbs share: how a session begins, and what an outcome leaves behind."""

from __future__ import annotations

from authingo.models import NewSession, NewUser, Outcome
from authingo.stores.rows import EVENT, SESSION, USER


def outcome(first: int, *, if_there_is: str) -> str:
    """Return the parts of a statement that record an outcome, if that part of it has a row.

    Their ten parameters begin at this number. What is forgotten goes before what is
    given back, as `take` locks them, so that none waits for the other.
    """
    events = ", ".join(
        f"${first + at}::{kind}[]"
        for at, kind in enumerate(
            ("text", "timestamptz", "text", "text", "text", "text", "integer")
        )
    )
    return f"""
, recorded AS (
    INSERT INTO authingo_events ({EVENT})
    SELECT * FROM unnest({events}) WHERE EXISTS (SELECT FROM {if_there_is})
), forgotten AS (
    DELETE FROM authingo_attempts
    WHERE key_digest = ANY(${first + 7}::bytea[]) AND EXISTS (SELECT FROM {if_there_is})
    RETURNING 1
), giving AS MATERIALIZED (
    SELECT a.key_digest, b.allowed
    FROM unnest(${first + 8}::bytea[], ${first + 9}::integer[])
        WITH ORDINALITY AS b (key_digest, allowed, at)
    JOIN authingo_attempts a USING (key_digest)
    WHERE EXISTS (SELECT FROM {if_there_is}) AND (SELECT count(*) FROM forgotten) >= 0
    ORDER BY b.at FOR UPDATE OF a
), given_back AS (
    UPDATE authingo_attempts a SET count = greatest(a.count - 1, 0),
        blocked_until = CASE WHEN a.count > b.allowed THEN a.blocked_until END
    FROM giving b WHERE a.key_digest = b.key_digest
)"""


def outcome_parameters(left: Outcome) -> tuple[object, ...]:
    """Return the parameters of `outcome`."""
    events = left.events
    return (
        [event.id for event in events],
        [event.at for event in events],
        [event.name for event in events],
        [event.user_id for event in events],
        [event.session_id for event in events],
        [event.ip for event in events],
        [event.count for event in events],
        list(left.forget),
        [digest for digest, _ in left.give_back],
        [limit.allowed for _, limit in left.give_back],
    )


# Parameters $1 to $4 of a new session are its id and three digests, $5 to $7 its
# lifetimes, $8 and $9 who asked, $10 the token digest of one to end, $11 to $20 the
# outcome; `owner` is the user's row. The last column is the user whose session was
# ended, if any.
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
{outcome(11, if_there_is="owner")}
SELECT {USER}, {SESSION}, (SELECT user_id FROM ended LIMIT 1) FROM s, owner u
"""
BEGIN_SIZE = 20  # its parameters


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


def session_parameters(
    session: NewSession, ending: bytes | None, left: Outcome
) -> tuple[object, ...]:
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
        *outcome_parameters(left),
    )
