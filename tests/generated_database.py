"""What the tests change in the database of a project that `authingo init` wrote."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from authingo.passwords import NO_PASSWORD


def expire(database: Path, email: str) -> None:
    """Let the session tokens of a user have run out, as they do after 15 minutes."""
    _change_sessions(database, email, "expires_at = 1")


def forget_proof(database: Path, email: str) -> None:
    """Let it be long ago that a user proved who they are."""
    _change_sessions(database, email, "authenticated_at = 1")


def forget_password(file: Path, email: str) -> None:
    """Let a user have no password, as after a sign-in by code to an unverified address."""
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        changed = database.execute(
            "UPDATE authingo_users SET password_hash = ? WHERE email = ?", [NO_PASSWORD, email]
        )
        assert changed.rowcount, f"there is no {email}"


def _change_sessions(file: Path, email: str, change: str) -> None:
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        changed = database.execute(
            f"UPDATE authingo_sessions SET {change}"
            " WHERE user_id = (SELECT id FROM authingo_users WHERE email = ?)",
            [email],
        )
        assert changed.rowcount, f"{email} has no session"
