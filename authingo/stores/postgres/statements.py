"""Statements that several verbs share: begin a session, and end those beyond the limit."""

from __future__ import annotations

from datetime import UTC, datetime

from authingo.attempts import DEVICES_KEPT, REPLACED_DEVICE_LIFE, Outcome
from authingo.ids import new_id
from authingo.models import NewSession, TokenKey
from authingo.stores.event_rows import COLUMNS, EVENT
from authingo.stores.postgres.outcomes import outcome_parameters, record_outcome
from authingo.stores.rows import (
    EVICTED_AT_ONCE,
    SESSION,
    USER_AS_OWNER,
    has_token,
    token_parameters,
    write_methods,
)

_REPLACED_LIFE = f"interval '{REPLACED_DEVICE_LIFE.total_seconds()} seconds'"


def day(moment: str) -> str:
    """Return the expression for the day of a moment, in UTC."""
    return f"(({moment}) AT TIME ZONE 'UTC')::date"


def end_surplus(user_id: str, *, keep: str, batch: str, condition: str = "true") -> str:
    """Return the parts of a statement that end what a user has beyond `keep` sessions.

    They read only `keep` + `batch` rows, so that they take as long for any number of sessions.
    Of these rows, the `keep` that were used last stay; the others are surplus. Those that can
    no longer be refreshed go first. The statement never waits: it leaves a row for the next
    time if another statement has locked it, or if the session was used since it was read. The
    last part is `evicted`.

    The rows are asked for in an order that only the index has. Otherwise PostgreSQL might read
    the table instead, expecting to find enough rows soon.
    """
    return f"""
surplus AS MATERIALIZED (
    SELECT id, last_used_at FROM (
        SELECT id, last_used_at, refresh_expires_at FROM authingo_sessions
        WHERE user_id BETWEEN {user_id} AND {user_id} AND {condition}
        ORDER BY user_id LIMIT {keep} + {batch}
    ) AS part ORDER BY refresh_expires_at > now() DESC, last_used_at DESC, id DESC OFFSET {keep}
), free AS MATERIALIZED (
    SELECT s.id FROM authingo_sessions s JOIN surplus USING (id, last_used_at)
    FOR UPDATE OF s SKIP LOCKED
), evicted AS (
    DELETE FROM authingo_sessions s USING free WHERE s.id = free.id
    RETURNING s.id, s.refresh_expires_at > now() AS refreshable
)"""


_SURPLUS = end_surplus(
    "(SELECT id FROM owner)",
    keep="(:most::integer - 1)",
    batch=str(EVICTED_AT_ONCE),
    condition=f"({has_token('authingo_sessions')}) IS NOT TRUE",
)

_NEW_SESSION = {
    "id": ":session_id",
    "user_id": "owner.id",
    "secret_digest": ":token_digest",
    "selector_digest": ":selector_digest",
    "verifier_digest": ":verifier_digest",
    "created_at": "now()",
    "last_used_at": "now()",
    "expires_at": "now() + least(:session_life::interval, :absolute_life)",
    "refresh_expires_at": "now() + least(:refresh_life::interval, :absolute_life)",
    "absolute_expires_at": "now() + :absolute_life::interval",
    "prune_on": day("now() + least(:refresh_life::interval, :absolute_life)"),
    "remembered_for": ":remembered::interval",
    "ip": ":ip",
    "user_agent": ":user_agent",
    "authenticated_at": "now()",
    "methods": ":methods",
}

# The statement begins with a part `owner`, the user's row. `device` is the digest of a new device
# token, `browser` that of its browser, `presented` those of the tokens that the request had. The
# columns of `eviction` are those of the event that some sessions were too many, if there is one.
# `ended_of` is the user whose session was ended, if any.
# The device token of this browser that is being replaced stays valid for a while. If another
# sign-in of the user has locked a device token that should be deleted, the next sign-in deletes
# it: two sign-ins that wait for each other's rows would both fail.
BEGIN = f"""
, {_SURPLUS}, eviction AS (
    INSERT INTO authingo_events ({EVENT})
    SELECT :eviction_id, :eviction_at::timestamptz, 'session_evicted', (SELECT id FROM owner),
        CASE count(*) WHEN 1 THEN min(id) END, :ip, nullif(count(*), 1)::integer
    FROM evicted WHERE refreshable HAVING count(*) > 0
    RETURNING {EVENT}
), ended AS (
    DELETE FROM authingo_sessions s WHERE {has_token("s")} AND EXISTS (SELECT FROM owner)
    RETURNING user_id
), s AS (
    INSERT INTO authingo_sessions ({", ".join(_NEW_SESSION)})
    SELECT {", ".join(_NEW_SESSION.values())} FROM owner
    RETURNING *
)
{record_outcome(if_there_is="owner")}
, replaced AS (
    UPDATE authingo_secrets SET expires_at = now() + {_REPLACED_LIFE}
    WHERE purpose = 'device' AND user_id = (SELECT id FROM owner)
      AND (subject = :browser::bytea OR digest = ANY(:presented::bytea[]))
      AND expires_at > now() + {_REPLACED_LIFE}
), crowded_out AS (
    DELETE FROM authingo_secrets WHERE digest IN (
        SELECT digest FROM authingo_secrets WHERE digest IN (
            SELECT digest FROM authingo_secrets
            WHERE purpose = 'device' AND user_id = (SELECT id FROM owner) AND subject = :browser
              AND expires_at <= now() + {_REPLACED_LIFE}
            UNION ALL (
                SELECT digest FROM authingo_secrets
                WHERE purpose = 'device' AND user_id = (SELECT id FROM owner)
                  AND subject <> :browser
                ORDER BY expires_at DESC OFFSET {DEVICES_KEPT - 2}))
        FOR UPDATE SKIP LOCKED)
), recognized AS (
    INSERT INTO authingo_secrets (digest, purpose, user_id, subject, expires_at)
    SELECT :device::bytea, 'device', owner.id, :browser::bytea, now() + :device_life::interval
    FROM owner WHERE :device::bytea IS NOT NULL
)
SELECT {USER_AS_OWNER}, {SESSION}, {", ".join(f"e.{name} AS eviction_{name}" for name in COLUMNS)},
    (SELECT user_id FROM ended LIMIT 1) AS ended_of FROM s, owner u LEFT JOIN eviction e ON true
"""


def session_parameters(
    session: NewSession, ending: TokenKey | None, left: Outcome
) -> dict[str, object]:
    """Return the parameters of `BEGIN`."""
    lives, device = session.lifetimes, left.device
    return {
        "session_id": session.id,
        "token_digest": session.token_digest,
        "selector_digest": session.selector_digest,
        "verifier_digest": session.verifier_digest,
        "session_life": lives.session,
        "refresh_life": lives.refresh,
        "absolute_life": lives.absolute,
        "ip": session.client.ip,
        "user_agent": session.client.user_agent,
        "methods": write_methods(session.methods),
        "remembered": lives.remembered,
        **token_parameters(ending),
        "most": session.most,
        "eviction_id": new_id("evt_"),
        "eviction_at": datetime.now(UTC),
        **outcome_parameters(left),
        "device": device and device.digest,
        "browser": device and device.browser,
        "presented": device and device.presented,
        "device_life": device and device.lifetime,
    }
