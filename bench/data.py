"""Users and sessions in bulk, with tokens that the bench can work out again from a number."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from authingo import Auth
from authingo.config import settings_from
from authingo.passwords import bcrypt_kind, hash_password
from authingo.tokens import RefreshToken, SessionToken

PASSWORD = "correct horse battery"
COST = 12  # of the bcrypt hashes

ROLE = "editor"
SEEN_PROFILE = '{"birthday":"1815-12-10","theme":"dark","plan":"pro"}'
_PROFILE = SEEN_PROFILE.replace("}", ',"notes":"came by telephone"}')

_LIFE = timedelta(hours=12)  # longer than any run
SESSION_LIFETIME = "1d"  # longer than that: a refresh brings no deadline nearer, as in real use
USER = ("id", "email", "name", "password_hash", "created_at", "updated_at")
_SESSION = (
    "id",
    "user_id",
    "secret_digest",
    "selector_digest",
    "verifier_digest",
    "created_at",
    "last_used_at",
    "expires_at",
    "refresh_expires_at",
    "absolute_expires_at",
    # What the last of many refreshes left, so that the next one finds rows of their usual size.
    "previous_secret_digest",
    "previous_verifier_digest",
    "rotation_nonce",
    "grace_expires_at",
    "remembered_for",
    "ip",
    "user_agent",
)


@dataclass(frozen=True)
class Size:
    """How much of it. With `half_expired`, every session with an odd number is over."""

    users: int
    sessions: int
    half_expired: bool = False


def email(user: int) -> str:
    return f"user{user}@example.com"


def session_token(session: int) -> SessionToken:
    return SessionToken(_bytes("token", session), session_id(session))


def refresh_token(session: int) -> RefreshToken:
    return RefreshToken(_bytes("selector", session)[:16], _bytes("verifier", session))


def cookie(session: int) -> str:
    """Make the header of a session check."""
    return f"authingo_session={session_token(session)}"


async def copy(url: str, table: str, columns: tuple[str, ...], records: Any) -> None:
    """Load rows into PostgreSQL, and leave the table as one that has been in use."""
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table(table, columns=columns, records=records)
        await connection.execute(f'VACUUM (ANALYZE, FREEZE) "{table}"')
    finally:
        await connection.close()


def load(url: str, size: Size, *, user_agent: str | None = None) -> None:
    """Make authingo's tables in a new database, and fill them."""
    asyncio.run(_load(url, size, user_agent))


def put_in_use(url: str) -> None:
    """Give each user a profile and a role."""
    change = f"UPDATE authingo_users SET profile = '{_PROFILE}', roles = '{ROLE}'"
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute(change)
            file.commit()
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        execute(url, change, 'VACUUM (FULL, ANALYZE, FREEZE) "authingo_users"')


def execute(url: str, *statements: str) -> None:
    """Send statements to PostgreSQL, each in a transaction of its own."""

    async def send() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(send())


def load_with(source: Path, url: str, size: Size) -> None:
    """The same as `load`, with the bench and the library in another directory."""
    program = "import sys; from bench.data import Size, load; load(sys.argv[1], Size(*map(int, "
    command = [sys.executable, "-c", program + "sys.argv[2:])))", url]
    subprocess.run([*command, str(size.users), str(size.sessions)], cwd=source, check=True)


async def _load(url: str, size: Size, user_agent: str | None) -> None:
    auth = Auth(settings_from({"database_url": url}))
    await auth.open()
    await auth.store.migrate()
    # As prune leaves it. Otherwise the next command reads the hashes of all users to find it out.
    await auth.store.hash_kinds.record([bcrypt_kind(COST)])
    await auth.close()
    if url.startswith("sqlite"):
        _load_sqlite(url.removeprefix("sqlite:///"), size, user_agent)
        return
    await copy(url, "authingo_users", USER, users(range(size.users)))
    await copy(url, "authingo_sessions", _SESSION, _sessions(size, _same, user_agent))


def _load_sqlite(path: str, size: Size, user_agent: str | None) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        for table, columns, rows in (
            ("authingo_users", USER, users(range(size.users), microseconds)),
            ("authingo_sessions", _SESSION, _sessions(size, microseconds, user_agent)),
        ):
            places = ", ".join("?" * len(columns))
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
            connection.executemany(statement, rows)
        connection.commit()
        connection.execute("ANALYZE")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


@cache
def _hashed() -> str:
    return hash_password(PASSWORD, COST)


def users(
    numbers: range, at: Callable[[datetime], object] = lambda time: time
) -> Iterator[tuple[object, ...]]:
    """Make rows of USER."""
    hashed, now = _hashed(), at(datetime.now(UTC))
    for user in numbers:
        yield user_id(user), email(user), f"User {user}", hashed, now, now


def write_users(file: Path, numbers: range) -> None:
    """Write what `authingo users import` reads."""
    hashed = _hashed()
    with file.open("w") as lines:
        for user in numbers:
            one = {"email": email(user), "name": f"User {user}", "password_hash": hashed}
            lines.write(json.dumps(one) + "\n")


def _sessions(
    size: Size, at: Callable[[datetime], object], user_agent: str | None
) -> Iterator[tuple[object, ...]]:
    now = datetime.now(UTC)
    remembered = 10_000_000 if at is microseconds else timedelta(seconds=10)
    active = at(now - timedelta(days=1)), at(now + _LIFE)
    over = at(now - 2 * timedelta(days=1)), at(now - timedelta(hours=1))
    for session in range(size.sessions):
        began, ends = over if size.half_expired and session % 2 else active
        refresh = refresh_token(session)
        yield (
            session_id(session),
            user_id(session % size.users),
            session_token(session).digest,
            refresh.selector_digest,
            refresh.verifier_digest,
            began,
            began,
            ends,
            ends,
            ends,
            refresh.selector_digest,
            refresh.selector_digest,
            refresh.selector_digest,
            began,
            remembered,
            "127.0.0.1",
            user_agent,
        )


def session_id(session: int) -> str:
    return f"ses_{session:026}"


def user_id(user: int) -> str:
    return f"usr_{user:026}"


def _bytes(what: str, number: int) -> bytes:
    return hashlib.sha256(f"{what} {number}".encode()).digest()


def _same(time: datetime) -> datetime:
    return time


def microseconds(time: datetime) -> int:
    """Write a time as SQLite has it."""
    return int(time.timestamp()) * 1_000_000
