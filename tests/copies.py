"""Databases that are copies of one, used again where a test left nothing but rows.

A copy is three hundred files, which costs more than most tests. So the rows of a copy are
deleted afterwards, and it serves the next test: unless anything else about it changed, in the
catalogs, in what the planner knows, or in a table that the original has rows in. Then it is
dropped. Connections that are still open are closed, and the name is never used again.
"""

from __future__ import annotations

import asyncpg

from tests.postgres import PostgresServer, run_apart

_LARGE = 1 << 20  # bytes of all tables of authingo: then copying is quicker than deleting
_FIRST = 16384  # the lowest OID that is not of PostgreSQL itself
_CATALOGS = {  # with the column that says what a row is about
    "pg_attrdef": "adrelid",
    "pg_attribute": "attrelid",
    "pg_class": "oid",
    "pg_constraint": "oid",
    "pg_default_acl": "oid",
    "pg_extension": "oid",
    "pg_event_trigger": "oid",
    "pg_index": "indexrelid",
    "pg_inherits": "inhrelid",
    "pg_namespace": "0",
    "pg_policy": "oid",
    "pg_proc": "oid",
    "pg_publication": "oid",
    "pg_rewrite": "oid",
    "pg_statistic": "starelid",
    "pg_trigger": "oid",
    "pg_type": "oid",
}
_HOW_IT_IS = " UNION ALL ".join(
    [
        *(
            f"SELECT '{name}', count(*), max(xmin::text::bigint)::float FROM {name}"
            f" WHERE {about} = 0 OR {about} >= {_FIRST}"
            for name, about in _CATALOGS.items()
        ),
        "SELECT 'planner', sum(relpages), sum(reltuples) FROM pg_class"
        f" WHERE oid >= {_FIRST} AND relkind IN ('r', 'i')",
        "SELECT coalesce(datacl::text, '-'), datconnlimit, 0 FROM pg_database"
        " WHERE datname = current_database()",
        "SELECT setconfig::text, setrole::bigint, 0 FROM pg_db_role_setting JOIN pg_database d"
        " ON d.oid = setdatabase WHERE datname = current_database()",
    ]
)
_TABLES = (
    "SELECT oid::regclass::text, pg_relation_size(oid) FROM pg_class"
    f" WHERE oid >= {_FIRST} AND relkind = 'r' ORDER BY 1"
)
_Rows = dict[str, list[str]]  # of each table, as text


class Copies:
    """Databases with what one of them has in it."""

    def __init__(self, server: PostgresServer, original: str) -> None:
        self._server, self._original = server, original
        self._ready: list[str] = []
        self._state: list[tuple[object, ...]] = []
        self._rows: _Rows = {}
        run_apart(self._look_at_original)

    def take(self) -> str:
        """Return the URL of a copy."""
        return self._ready.pop() if self._ready else self._server.create_database(self._original)

    def give_back(self, url: str) -> None:
        """Keep a copy for the next test, or drop it."""
        renamed = self._server.rename_database(url)
        if renamed is None:
            self._server.drop_database(url)
            return
        clean = [False]

        async def clean_up() -> None:
            clean[0] = await self._clean(renamed)

        run_apart(clean_up)
        if clean[0]:
            self._ready.append(renamed)
        else:
            self._server.drop_database(renamed)

    def drop(self) -> None:
        """Drop those that nobody uses."""
        while self._ready:
            self._server.drop_database(self._ready.pop())

    async def _look_at_original(self) -> None:
        connection = await asyncpg.connect(self._original)
        try:
            self._state = await _state(connection)
            for table, _ in await connection.fetch(_TABLES):
                self._rows[table] = await _rows(connection, table)
        finally:
            await connection.close()

    async def _clean(self, url: str) -> bool:
        """Delete the rows; return whether the database is as its original then."""
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):  # what the test did to it
            return False
        try:
            if await _state(connection) != self._state:
                return False
            tables = [tuple(row) for row in await connection.fetch(_TABLES)]
            if sum(size for _, size in tables) > _LARGE:
                return False
            for table, rows in self._rows.items():
                if rows and await _rows(connection, table) != rows:
                    return False
            filled = [name for name, size in tables if size and not self._rows[name]]
            await connection.execute(
                ";".join(
                    [
                        "SET session_replication_role = replica",  # no triggers, no foreign keys
                        *(f"DELETE FROM {name}" for name in filled),
                        "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence",
                    ]
                )
            )
        except asyncpg.PostgresError:
            return False
        finally:
            await connection.close()
        return True


async def _state(connection: asyncpg.Connection[asyncpg.Record]) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in await connection.fetch(_HOW_IT_IS))


async def _rows(connection: asyncpg.Connection[asyncpg.Record], table: str) -> list[str]:
    found = await connection.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")
    return [str(text) for (text,) in found]
