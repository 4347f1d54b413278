"""Attempts in PostgreSQL. The function `authingo_count_attempt` of the database counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from authingo.attempts import CountedAttempt, CountingRule, CountResult
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import CREDENTIALS, RowReader

_read = RowReader()
_SHORTEST_WAIT = timedelta(seconds=1)

# `devices` and `networks` have one element for each rule. The other lists have one element for each
# counter; `numbers` says to which rule it belongs.
_COUNT = f"""
SELECT {CREDENTIALS}, rule.n, c.counts, c.refused_for
FROM (SELECT) AS one
LEFT JOIN authingo_users u ON u.email = :email
CROSS JOIN LATERAL (
    SELECT w.n::integer AS n
    FROM unnest(:devices::bytea[], :networks::text[]) WITH ORDINALITY AS w (device, network, n)
    WHERE CASE
        WHEN w.device IS NOT NULL THEN EXISTS (
            SELECT FROM authingo_secrets s
            WHERE s.digest = w.device AND s.purpose = 'device' AND s.user_id = u.id
              AND s.expires_at > now())
        WHEN w.network IS NOT NULL THEN EXISTS (
            SELECT FROM authingo_sessions s
            WHERE s.user_id = u.id AND s.refresh_expires_at > now()
              AND (s.ip = w.network
                   OR w.network LIKE '%:%' AND s.ip LIKE '%:%'
                      AND authingo_in_network(s.ip, w.network)))
        ELSE true END
    ORDER BY w.n LIMIT 1
) AS rule
CROSS JOIN LATERAL authingo_count_attempt(rule.n, :numbers::integer[], :keys::bytea[],
    :allowed::integer[], :windows::interval[], :first_waits::interval[],
    :longest_waits::interval[], :memories::interval[]) AS c
"""


class Attempts:
    """See authingo.stores.attempts.Attempts."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def count(self, email: str | None, rules: Sequence[CountingRule]) -> CountedAttempt:
        """See Attempts."""
        counters = [(number, one) for number, rule in enumerate(rules, 1) for one in rule.counters]
        limits = [one.limit for _, one in counters]
        row = await self._connections.one(
            *numbered(
                _COUNT,
                email=email,
                devices=[rule.device for rule in rules],
                networks=[rule.network for rule in rules],
                numbers=[number for number, _ in counters],
                keys=[one.key for _, one in counters],
                allowed=[limit.allowed for limit in limits],
                windows=[limit.window for limit in limits],
                first_waits=[limit.first_wait for limit in limits],
                longest_waits=[limit.longest_wait for limit in limits],
                memories=[limit.memory for limit in limits],
            )
        )
        results = (
            CountResult(count, None if wait is None else max(wait, _SHORTEST_WAIT))
            for count, wait in zip(row["counts"] or (), row["refused_for"] or (), strict=True)
        )
        account = _read.credentials(row) if row["id"] else None
        return CountedAttempt(account, rules[row["n"] - 1], tuple(results))
