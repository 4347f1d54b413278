"""What refreshes cost PostgreSQL: rows written in place, WAL, the size of indexes, notices."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from bench import data

T = TypeVar("T")

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
    notices: int = 0


@contextlib.contextmanager
def counted(url: str) -> Iterator[Costs]:
    """Count what the sessions' table costs until the end of the block, in which the server ends.

    Without page images, which PostgreSQL writes when a page is changed for the first time after
    a checkpoint: how many there are depends on checkpoints, not on the statement.
    """
    costs = Costs()
    with without_page_images(url):
        before = _count(url)
        with _listening(url) as heard:
            yield costs
        time.sleep(_FLUSHED)
        after = _count(url)
    updates = max(1, after["updates"] - before["updates"])
    costs.hot = (after["hot"] - before["hot"]) / updates
    costs.wal = (after["wal"] - before["wal"]) / updates
    costs.notices = len(heard)
    costs.indexes_before, costs.indexes_after = before["indexes"], after["indexes"]


@contextlib.contextmanager
def _listening(url: str) -> Iterator[list[object]]:
    """Collect the notices that are sent in the block, but for heartbeats."""
    heard: list[object] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    def hear(*about: object) -> None:
        if not str(about[-1]).startswith("!"):
            heard.append(about[-1])

    try:
        connection = run(asyncpg.connect(url))
        run(connection.add_listener("authingo", hear))
        yield heard
        run(connection.execute("SELECT 1"))  # what was sent before has arrived then
        run(connection.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def without_page_images(url: str) -> Iterator[None]:
    """Let PostgreSQL write none until the end of the block."""
    data.execute(url, "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        data.execute(url, "ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()")


def wal_position(url: str) -> int:
    """Return how many bytes of WAL there have been so far."""
    return _count(url)["wal"]


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
