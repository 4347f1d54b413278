"""The verbs about what is recorded: attempts and events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from authingo.models import AttemptLimit, Begun, Counted, Event, Outcome, Taken
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.statements import outcome as outcome_parts
from authingo.stores.postgres.statements import outcome_parameters
from authingo.stores.rows import EVENT, FIRST, LAST, USER, USER_SIZE, RowReader, read_event

_read = RowReader()
_SHORTEST_WAIT = timedelta(seconds=1)
_RECORD = f"WITH one AS (SELECT) {outcome_parts(1, if_there_is='one')} SELECT"

# The parameters of an attempt: key, allowed, window, first wait or NULL, longest wait,
# memory. `n` is the number of the attempt in hand; what decides is written out twice,
# once for a key that is new and once for one that is known, because both must be
# atomic. (least() alone would take a NULL for absent.)
_PARAMETERS = 6
_WAIT = (
    "CASE WHEN {first_wait} IS NOT NULL"
    " THEN least({first_wait} * power(2, least({n} - {allowed}, 20)), {longest_wait}) END"
)
_TAKE = """
INSERT INTO authingo_attempts AS a (key_digest, count, blocked_until, expires_at)
SELECT {key}, 1,
    CASE WHEN 1 >= {allowed} THEN now() + coalesce({wait_if_new}, {window}) END,
    now() + CASE WHEN 1 >= {allowed} AND {first_wait} IS NOT NULL THEN {memory} ELSE {window} END
WHERE {condition}
ON CONFLICT (key_digest) DO UPDATE SET
    count = {known_n},
    blocked_until = CASE WHEN {known_n} >= {allowed}
        THEN coalesce(now() + {wait_if_known}, {known_end}) END,
    expires_at = CASE WHEN {known_n} >= {allowed} AND {first_wait} IS NOT NULL
        THEN now() + {memory} ELSE {known_end} END
WHERE a.blocked_until IS NULL OR a.blocked_until <= now()
RETURNING count >= {allowed} AS last
"""


def _take(first: int, condition: str) -> str:
    """Return the statement that counts an attempt whose parameters begin at this number."""
    kinds = ("bytea", "integer", "interval", "interval", "interval", "interval")
    names = ("key", "allowed", "window", "first_wait", "longest_wait", "memory")
    given = {
        name: f"${first + at}::{kind}"
        for at, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    window = given["window"]
    known_n = "CASE WHEN a.expires_at <= now() THEN 1 ELSE a.count + 1 END"
    return _TAKE.format(
        condition=condition,
        known_n=known_n,
        known_end=f"CASE WHEN a.expires_at <= now() THEN now() + {window} ELSE a.expires_at END",
        wait_if_new=_WAIT.format(n="1", **given),
        wait_if_known=_WAIT.format(n=f"({known_n})", **given),
        **given,
    )


@cache
def _begin(keys: int) -> str:
    """Return the statement that counts under so many keys in turn: $1 email, $2 address."""
    parts, condition = [], "true"
    for number in range(keys):
        parts.append(f"k{number} AS ({_take(3 + number * _PARAMETERS, condition)})")
        condition = f"EXISTS (SELECT FROM k{number})"
    taken = "".join(f", (SELECT last FROM k{number})" for number in range(keys))
    return (
        f"{'WITH ' if parts else ''}{', '.join(parts)}"
        f" SELECT {USER}, u.password_hash, u.password_version,"
        f" CASE WHEN NOT {condition} THEN EXISTS (SELECT FROM authingo_sessions s"
        "  WHERE s.user_id = u.id AND s.ip = $2 AND s.refresh_expires_at > now()) END"
        f" {taken} FROM (SELECT) AS one LEFT JOIN authingo_users u ON u.email = $1"
    )


def _limit_parameters(limit: AttemptLimit) -> tuple[object, ...]:
    return limit.allowed, limit.window, limit.first_wait, limit.longest_wait, limit.memory


class Records(Connections):
    """Attempts and events in PostgreSQL."""

    async def begin_attempt(
        self, email: str | None, counting: Sequence[Counted], *, ip: str | None = None
    ) -> Begun:
        """See Store. Of any number at once each waits for the row, so none is missed."""
        parameters = [
            parameter
            for digest, limit in counting
            for parameter in (digest, *_limit_parameters(limit))
        ]
        row = await self._one(_begin(len(counting)), email, ip, *parameters)
        at_home, *lasts = row[USER_SIZE + 2 :]
        taken = []
        for (digest, _), last in zip(counting, lasts, strict=True):
            refused_for = await self._wait_for(digest) if last is None else None
            taken.append(Taken(refused_for, last is True))
            if refused_for is not None:
                break
        account = _read.credentials(row) if row[0] else None
        return Begun(account, tuple(taken), at_home=at_home is True)

    async def _wait_for(self, key_digest: bytes) -> timedelta:
        row = await self._one(
            "SELECT blocked_until - now() FROM authingo_attempts WHERE key_digest = $1", key_digest
        )
        wait = row[0] if row and row[0] else timedelta(0)
        return max(wait, _SHORTEST_WAIT)

    async def record(self, outcome: Outcome) -> None:
        """See Store."""
        await self._one(_RECORD, *outcome_parameters(outcome))

    async def list_events(
        self,
        *,
        after: str | None = None,
        before: str | None = None,
        name: str | None = None,
        user_id: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[Event]:
        """See Store."""
        about = "$4::text IS NULL" if user_id is None else "user_id = $4"
        found = await self._all(
            f"SELECT {EVENT} FROM authingo_events"
            " WHERE id > $1 AND id < $2"
            f" AND ($3::text IS NULL OR name = $3) AND {about}"
            f" ORDER BY id {'DESC' if newest else ''} LIMIT $5",
            after or FIRST,
            before or LAST,
            name,
            user_id,
            limit,
        )
        return [read_event(row) for row in found]

    async def forget_records(self, batch_size: int, *, events_older_than: timedelta) -> int:
        """See Store."""
        attempts = await self._count(
            "DELETE FROM authingo_attempts WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_attempts WHERE expires_at <= now()"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
        )
        events = await self._count(
            "DELETE FROM authingo_events WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_events WHERE at <= now() - $2::interval"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
            events_older_than,
        )
        return max(attempts, events)
