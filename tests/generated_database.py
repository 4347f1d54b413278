"""What the tests change in the database of a project that `authingo init` wrote: only times."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path


def expire(database: Path, email: str) -> None:
    """Let the session tokens of a user have run out, as they do after 15 minutes."""
    _change_sessions(database, email, "expires_at = 1")


def forget_proof(database: Path, email: str) -> None:
    """Let it be long ago that a user proved who they are."""
    _change_sessions(database, email, "authenticated_at = 1")


def _change_sessions(file: Path, email: str, change: str) -> None:
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        changed = database.execute(
            f"UPDATE authingo_sessions SET {change}"
            " WHERE user_id = (SELECT id FROM authingo_users WHERE email = ?)",
            [email],
        )
        assert changed.rowcount, f"{email} has no session"
