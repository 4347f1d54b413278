"""Attempts in SQLite. A transaction holds the one write lock from its beginning."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from authingo.attempts import AttemptLimit, CountedAttempt, Counter, CountingRule, CountResult
from authingo.networks import is_in_network
from authingo.stores.rows import CREDENTIALS
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection

_SHORTEST_WAIT = timedelta(seconds=1)
_COLUMNS = ("key_digest", "count", "blocked_until", "expires_at")


class Attempts:
    """See authingo.stores.attempts.Attempts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def count(self, email: str | None, rules: Sequence[CountingRule]) -> CountedAttempt:
        """See Attempts."""

        def work(connection: sqlite3.Connection) -> CountedAttempt:
            row = connection.execute(_ACCOUNT, {"email": email}).fetchone()
            account = rows.read.credentials(row) if row else None
            user_id = account.user.id if account else None
            rule = next(rule for rule in rules if _is_met(connection, user_id, rule))
            return CountedAttempt(account, rule, _count(connection, rule.counters))

        counts = any(rule.counters for rule in rules)
        return await (self._connection.write(work) if counts else self._connection.read(work))


# In the caller's transaction


def forget(connection: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    """End the counts under these keys."""
    connection.executemany(_FORGET, [{"key": key} for key in keys])


def give_back(connection: sqlite3.Connection, counters: Sequence[Counter]) -> None:
    """Reduce the count under each of these keys by one, if there is a count."""
    connection.executemany(
        _GIVE_BACK, [{"key": one.key, "allowed": one.limit.allowed} for one in counters]
    )


def _is_met(connection: sqlite3.Connection, user_id: str | None, rule: CountingRule) -> bool:
    """Return whether the condition of a rule is met."""
    parameters = {"device": rule.device, "user_id": user_id, "now": rows.now()}
    if rule.device is not None:
        return connection.execute(_IS_RECOGNIZED, parameters).fetchone() is not None
    if rule.network is not None:
        used_from = connection.execute(_USED_FROM, parameters)
        return any(is_in_network(ip, rule.network) for (ip,) in used_from)
    return True


def _count(connection: sqlite3.Connection, counters: Sequence[Counter]) -> tuple[CountResult, ...]:
    """Count an attempt under every key; if the limit of one key refuses it, under none."""
    at = rows.now()
    known = [_known(connection, counter.key, at) for counter in counters]
    if any(blocked_until > at for _, blocked_until, _ in known):
        return tuple(
            CountResult(
                count,
                max(rows.span(blocked_until - at), _SHORTEST_WAIT) if blocked_until > at else None,
            )
            for count, blocked_until, _ in known
        )
    return tuple(
        CountResult(_count_one(connection, counter, count, expires_at, at))
        for counter, (count, _, expires_at) in zip(counters, known, strict=True)
    )


def _known(connection: sqlite3.Connection, key: bytes, at: int) -> tuple[int, int, int | None]:
    """Return the count under a key, until when it refuses, and when it ends."""
    row = connection.execute(_KNOWN, {"key": key, "now": at}).fetchone()
    if row is None:
        return 0, 0, None
    return row["count"], row["blocked_until"] or 0, row["expires_at"]


def _count_one(
    connection: sqlite3.Connection, counter: Counter, count: int, expires_at: int | None, at: int
) -> int:
    limit: AttemptLimit = counter.limit
    ends = rows.later(at, limit.window) if expires_at is None else expires_at
    count += 1
    blocked_until = None
    if count >= limit.allowed:
        wait = limit.wait_after(count)
        blocked_until = rows.later(at, wait) if wait else ends
        ends = rows.later(at, limit.memory) if wait else ends
    connection.execute(
        _STORE,
        {
            "key_digest": counter.key,
            "count": count,
            "blocked_until": blocked_until,
            "expires_at": ends,
        },
    )
    return count


_ACCOUNT = f"SELECT {CREDENTIALS} FROM authingo_users u WHERE u.email = :email"
_IS_RECOGNIZED = """
SELECT 1 FROM authingo_secrets
WHERE digest = :device AND purpose = 'device' AND user_id = :user_id AND expires_at > :now
"""
_USED_FROM = """
SELECT DISTINCT ip FROM authingo_sessions
WHERE user_id = :user_id AND ip IS NOT NULL AND refresh_expires_at > :now
"""
_KNOWN = f"""
SELECT {", ".join(_COLUMNS)} FROM authingo_attempts
WHERE key_digest = :key AND expires_at > :now
"""
_STORE = f"""
INSERT OR REPLACE INTO authingo_attempts ({", ".join(_COLUMNS)})
VALUES ({", ".join(f":{column}" for column in _COLUMNS)})
"""
_FORGET = "DELETE FROM authingo_attempts WHERE key_digest = :key"
_GIVE_BACK = """
UPDATE authingo_attempts SET count = max(count - 1, 0),
    blocked_until = CASE WHEN count > :allowed THEN blocked_until END
WHERE key_digest = :key
"""
