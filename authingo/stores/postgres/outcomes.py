"""Record the outcome of an attempt in PostgreSQL, in the same statement as its result."""

from __future__ import annotations

from typing import Any

from authingo.attempts import Outcome
from authingo.stores.event_rows import COLUMNS, EVENT
from authingo.stores.postgres.named import numbered

_TYPES = {"at": "timestamptz", "count": "integer"}  # all other columns are text


def record_outcome(*, if_there_is: str) -> str:
    """Return the parts of a statement that record an outcome.

    They do so only if the part of the statement with the name `if_there_is` has a row. Counts
    are locked in the order of their keys, as in `authingo_count_attempt`, so that no two
    transactions wait for each other.
    """
    events = ", ".join(f":event_{column}::{_TYPES.get(column, 'text')}[]" for column in COLUMNS)
    return f"""
, recorded AS (
    INSERT INTO authingo_events ({EVENT})
    SELECT * FROM unnest({events}) WHERE EXISTS (SELECT FROM {if_there_is})
), counts AS MATERIALIZED (
    SELECT key_digest FROM authingo_attempts
    WHERE key_digest = ANY(:forget::bytea[] || :give_back::bytea[])
      AND EXISTS (SELECT FROM {if_there_is})
    ORDER BY key_digest FOR UPDATE
), forgotten AS (
    DELETE FROM authingo_attempts
    WHERE key_digest = ANY(:forget::bytea[]) AND key_digest IN (SELECT key_digest FROM counts)
), given_back AS (
    UPDATE authingo_attempts a SET count = greatest(a.count - 1, 0),
        blocked_until = CASE WHEN a.count > b.allowed THEN a.blocked_until END
    FROM unnest(:give_back::bytea[], :allowed::integer[]) AS b (key_digest, allowed)
    WHERE a.key_digest = b.key_digest AND a.key_digest IN (SELECT key_digest FROM counts)
), unrecognized AS (
    DELETE FROM authingo_secrets
    WHERE purpose = 'device' AND subject = :forget_browser::bytea
      AND EXISTS (SELECT FROM {if_there_is})
)"""


def outcome_parameters(outcome: Outcome) -> dict[str, object]:
    """Return the parameters of `record_outcome`."""
    return {
        **{
            f"event_{column}": [getattr(event, column) for event in outcome.events]
            for column in COLUMNS
        },
        "forget": list(outcome.forget),
        "give_back": [counter.key for counter in outcome.give_back],
        "allowed": [counter.limit.allowed for counter in outcome.give_back],
        "forget_browser": outcome.forget_browser,
    }


async def record(connection: Any, outcome: Outcome) -> None:
    """Record an outcome by a statement of its own, in the caller's transaction if there is one."""
    await connection.execute(*numbered(_RECORD, **outcome_parameters(outcome)))


_RECORD = f"WITH one AS (SELECT) {record_outcome(if_there_is='one')} SELECT"
