"""What refreshes cost PostgreSQL: rows written in place, WAL, and the size of indexes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

_COUNTS = """
SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot,
    (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal,
    pg_indexes_size('authingo_sessions') AS indexes
FROM pg_stat_user_tables WHERE relname = 'authingo_sessions'
"""
_FLUSHED = 1.0  # seconds in which a process of PostgreSQL has ended, and reported what it counted


@dataclass
class Costs:
    """Filled at the end of `counted`. WAL is in bytes for each refresh."""

    hot: float = 0.0  # the share of updates that touched no index
    wal: float = 0.0
    indexes_before: int = 0  # bytes
    indexes_after: int = 0


@contextlib.contextmanager
def counted(url: str) -> Iterator[Costs]:
    """Count what the sessions' table costs until the end of the block, in which the server ends.

    Without page images, which PostgreSQL writes when a page is changed for the first time after
    a checkpoint: how many there are depends on checkpoints, not on the statement.
    """
    costs = Costs()
    _execute(url, "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")
    try:
        before = _count(url)
        yield costs
        time.sleep(_FLUSHED)
        after = _count(url)
    finally:
        _execute(url, "ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()")
    updates = max(1, after["updates"] - before["updates"])
    costs.hot = (after["hot"] - before["hot"]) / updates
    costs.wal = (after["wal"] - before["wal"]) / updates
    costs.indexes_before, costs.indexes_after = before["indexes"], after["indexes"]


def _count(url: str) -> dict[str, int]:
    async def fetch() -> dict[str, int]:
        connection = await asyncpg.connect(url)
        try:
            row = await connection.fetchrow(_COUNTS)
            assert row is not None
            return dict(row)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def _execute(url: str, *statements: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute())
