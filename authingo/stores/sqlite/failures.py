"""What SQLite raises, in words that name tables and columns, and never a value."""

from __future__ import annotations

import sqlite3

_FOREIGN_KEYS = """\
SELECT t.name, k."from" FROM sqlite_master t, pragma_foreign_key_list(t.name) k
WHERE t.type = 'table' AND lower(k."table") = 'authingo_users' AND k.on_delete <> 'CASCADE'"""


def said(error: sqlite3.Error) -> str:
    """Return the message of an error, unless a trigger chose the words: they may contain data."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
        return "a trigger of this database refuses it"
    return str(error)


def referring(connection: sqlite3.Connection, user_id: str) -> tuple[str, str] | None:
    """Find a table and a column whose foreign key does not let a user be deleted."""
    for table, column in connection.execute(_FOREIGN_KEYS).fetchall():
        found = connection.execute(
            f"SELECT 1 FROM {_quoted(table)} WHERE {_quoted(column)} = ? LIMIT 1", (user_id,)
        )
        if found.fetchone():
            return table, column
    return None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
