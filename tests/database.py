"""What a test does to a database behind authingo's back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg

_TIMES = ("created_at", "last_used_at", "expires_at", "refresh_expires_at", "absolute_expires_at")


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement that both databases understand, as an operator's hand would."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(sqlite_path(url))
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()
    return _in_thread(url, lambda connection: connection.fetch(statement))


def run_script(url: str, script: str) -> None:
    """Run a script of several statements, transactions included, as psql or sqlite3 would."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(sqlite_path(url))
        connection.executescript(script)
        connection.close()
        return
    _in_thread(url, lambda connection: connection.execute(script))


def age_sessions(url: str, seconds: float) -> None:
    """Let time pass for every session: all of its deadlines and dates move into the past."""
    _age(url, "authingo_sessions", (*_TIMES, "grace_expires_at", "authenticated_at"), seconds)


def age_mails(url: str, seconds: float) -> None:
    """Let time pass for every mail in the outbox."""
    columns = ("created_at", "due_at", "deadline", "leased_until", "failed_at")
    _age(url, "authingo_mails", columns, seconds)


def _age(url: str, table: str, columns: tuple[str, ...], seconds: float) -> None:
    if url.startswith("sqlite:"):
        moved = ", ".join(f"{name} = {name} - {int(seconds * 1_000_000)}" for name in columns)
    else:
        moved = ", ".join(f"{name} = {name} - interval '{seconds} seconds'" for name in columns)
    execute(url, f"UPDATE {table} SET {moved}")


def sqlite_path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _in_thread(url: str, work: Callable[[Any], Awaitable[Any]]) -> list[tuple[Any, ...]]:
    """Run asyncpg on a loop of its own, whatever loop the test runs on."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_connected(url, work))).result()


async def _connected(url: str, work: Callable[[Any], Awaitable[Any]]) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        found = await work(connection)
        return [tuple(row) for row in found] if isinstance(found, list) else []
    finally:
        await connection.close()
