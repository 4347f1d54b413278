"""Apply migrations beside servers that are at work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import asyncpg

from authingo.stores import migrations
from authingo.stores.migrations import Applied, SchemaStatus, Source

_LOCK = 0x61757468696E676F  # "authingo": the key of an advisory lock
_TABLE = """\
CREATE TABLE IF NOT EXISTS authingo_migrations (
    number         integer PRIMARY KEY,
    name           text NOT NULL,
    checksum       text NOT NULL,
    oldest_program integer NOT NULL,
    applied_at     timestamptz NOT NULL DEFAULT now()
)"""
_LONGEST_WAIT = 1.0  # seconds
_LET_THROUGH = 1.0  # seconds between two tries

_log = logging.getLogger("authingo")


async def migrate_once(
    connection: asyncpg.Connection, plugins: Sequence[Source], longest_wait: float
) -> str | None:
    """Apply the next migration, and return its name; None if nothing is pending.

    What waits for the lock of a table holds up every statement that comes after it. A backup or a
    forgotten transaction may keep that lock for an hour. So a migration waits for a second at most,
    or for `longest_wait` if that is shorter; then it lets the servers through, and tries again.
    """
    longest, waits = min(_LONGEST_WAIT, longest_wait), False
    while True:
        try:
            return await _migrate(connection, plugins, longest)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if not waits:
                _log.warning("waiting for a transaction that uses a table of authingo")
            waits = True
        await asyncio.sleep(_LET_THROUGH)


async def _migrate(
    connection: asyncpg.Connection, plugins: Sequence[Source], longest_wait: float
) -> str | None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        status = await schema_status(connection, plugins)
        if not status.pending:
            return None
        step = status.pending[0]
        await connection.execute(f"SET LOCAL lock_timeout = {max(1, int(longest_wait * 1000))}")
        await connection.execute(status.table_of(step))
        await connection.execute(step.sql)
        await connection.execute(step.record())
    return step.name


async def schema_status(connection: Any, plugins: Sequence[Source] = ()) -> SchemaStatus:
    """Compare the applied migrations with the known ones. See `migrations.compare`."""
    own = Source("authingo_migrations", migrations.bundled("authingo.stores.postgres"))
    status = await _compared(connection, own)
    for plugin in plugins:
        status = status.having(await _compared(connection, plugin))
    return status


async def _compared(connection: Any, source: Source) -> SchemaStatus:
    recorded = []
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", source.table):
        recorded = await connection.fetch(
            f"SELECT number, checksum, oldest_program FROM {source.table}"
        )
    return migrations.compare(source.steps, [Applied(*row) for row in recorded], table=_TABLE)
