"""What is in a SQLite schema, and what the migrations put there."""

from __future__ import annotations

import sqlite3
from functools import cache

from authingo.stores import migrations

_OBJECTS = r"""
WITH t AS (
    SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'authingo\_%' ESCAPE '\'
)
SELECT 'column ' || t.name || '.' || c.name,
    c.type || iif(c."notnull", ' not null', '') || iif(c.pk, ' primary key', '')
        || coalesce(' default ' || c.dflt_value, '')
FROM t, pragma_table_info(t.name) c
UNION ALL
SELECT 'foreign key of ' || t.name || ' to ' || k."table", k."from" || ' on delete ' || k.on_delete
FROM t, pragma_foreign_key_list(t.name) k
UNION ALL
SELECT 'index ' || i.name || ' on ' || t.name,
    iif(i."unique", 'unique ', '')
        || (SELECT group_concat(c.name, ', ') FROM pragma_index_info(i.name) c)
        || coalesce(substr(m.sql, nullif(instr(upper(m.sql), ' WHERE '), 0)), '')
FROM t, pragma_index_list(t.name) i LEFT JOIN sqlite_master m ON m.name = i.name
UNION ALL
SELECT 'trigger ' || name || ' on ' || tbl_name, sql
FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (SELECT name FROM t)
"""


@cache
def expected() -> dict[str, str]:
    """Return what the migrations make, by making it in memory."""
    connection = sqlite3.connect(":memory:")
    try:
        for step in migrations.bundled("authingo.stores.sqlite"):
            connection.executescript(step.sql)
        return objects(connection)
    finally:
        connection.close()


def objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Return authingo's columns, indexes, keys and triggers, each with what it is."""
    return {
        label: " ".join(str(detail).split())
        for label, detail in connection.execute(_OBJECTS).fetchall()
    }
