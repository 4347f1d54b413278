"""What is in a PostgreSQL schema, and what the migrations put there.

The file `schema.txt` lists what the migrations create, because doctor only reads and cannot
create a schema to compare with. A test compares the file with the migrations, and can write it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

# Spelled by hand rather than by pg_get_indexdef and the like, whose words differ between
# versions of PostgreSQL. 950 is the collation "C" (pg_collation.dat).
_OBJECTS = r"""
WITH t AS (
    SELECT oid, relname FROM pg_class
    WHERE relkind IN ('r', 'p') AND relname LIKE 'authingo\_%' AND pg_table_is_visible(oid)
      AND relname <> 'authingo_migrations'
)
SELECT concat('column ', t.relname, '.', a.attname) AS label,
    concat(format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' END,
           CASE WHEN a.attcollation = 950 THEN ' collate C' END,
           CASE WHEN a.atthasdef THEN ' with default' END) AS detail
FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT concat('foreign key of ', t.relname, ' to ', f.relname),
    concat(k.conkey, ' on delete ', k.confdeltype, CASE WHEN NOT k.convalidated THEN ' invalid' END)
FROM t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
    JOIN pg_class f ON f.oid = k.confrelid
UNION ALL
SELECT concat('index ', c.relname, ' on ', t.relname),
    concat(CASE WHEN i.indisunique THEN 'unique ' END,
           (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number),
           ' where ' || pg_get_expr(i.indpred, i.indrelid),
           CASE WHEN NOT i.indisvalid THEN ' invalid' END)
FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
UNION ALL
SELECT concat('trigger ', g.tgname, ' on ', t.relname),
    concat_ws(' ', p.proname, g.tgtype, g.tgenabled, g.tgoldtable, g.tgnewtable,
        CASE WHEN g.tgqual IS NOT NULL THEN 'when' END)
FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    JOIN pg_proc p ON p.oid = g.tgfoid
UNION ALL
SELECT concat('function ', proname), encode(sha256(convert_to(prosrc, 'UTF8')), 'hex')
FROM pg_proc
WHERE proname LIKE 'authingo\_%' AND pg_function_is_visible(oid)
ORDER BY 1
"""


async def objects(connection: Any) -> dict[str, str]:
    """Return authingo's columns, indexes, keys, triggers and functions, each with what it is."""
    return dict(await connection.fetch(_OBJECTS))


@cache
def expected() -> dict[str, str]:
    """Return what the migrations create, as `objects` describes it."""
    lines = files("authingo.stores.postgres").joinpath("schema.txt").read_text("utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def tables() -> list[str]:
    """Return the names of the tables that a server reads and writes."""
    return sorted(
        {name.split()[1].split(".")[0] for name in expected() if name.startswith("column ")}
    )
