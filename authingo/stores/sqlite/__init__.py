"""The embedded store: one SQLite file, on the standard library alone.

One connection on one thread does all the work, in turn; other processes (the
command line, more workers) have their own. WAL lets readers and a writer work at
once; a write takes its lock at BEGIN IMMEDIATE, because a deferred transaction
that turns from reading to writing fails at once instead of waiting. The file is
made with mode 0600, and SQLite gives its companions the same. Commits are
flushed to disk before they are acknowledged (synchronous=FULL, the default).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from authingo.errors import NoDatabase, StoreUnavailable
from authingo.models import (
    Credentials,
    NewSession,
    NewUser,
    RefreshMatch,
    Resumed,
    Rotation,
    TokenMatch,
    User,
)
from authingo.stores import migrations
from authingo.stores.migrations import Applied, SchemaStatus
from authingo.stores.rows import SESSION, USER, like_pattern
from authingo.stores.sqlite import rows

T = TypeVar("T")

_MIGRATIONS_TABLE = """\
CREATE TABLE IF NOT EXISTS authingo_migrations (
    number         INTEGER PRIMARY KEY,
    name           TEXT NOT NULL,
    checksum       TEXT NOT NULL,
    oldest_program INTEGER NOT NULL,
    applied_at     INTEGER NOT NULL DEFAULT (1000000 * strftime('%s', 'now'))
)"""
_PRAGMAS = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA journal_mode=WAL;"


class SQLiteStore:
    """A `Store` in one file, or in memory where `path` is `:memory:` (for tests)."""

    embedded = True

    def __init__(self, path: Path | str, *, timeout: timedelta) -> None:
        self._path = path
        self._timeout = timeout.total_seconds()
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._schema_fits = False

    # Opening and closing

    async def open(self, *, create: bool) -> None:
        """See Store."""
        if self._connection is not None:
            return
        await self._call(lambda: self._connect(create=create))

    async def close(self) -> None:
        """See Store."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._call(connection.close)
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None
        self._schema_fits = False

    async def ping(self) -> None:
        """See Store."""
        await self._read(lambda connection: connection.execute("SELECT 1").fetchone())

    def _connect(self, *, create: bool) -> None:
        if isinstance(self._path, Path):
            if create:
                self._create_private(self._path)
            elif not self._path.is_file():
                raise NoDatabase(f"there is no database at {self._path}")
            target = f"{self._path.absolute().as_uri()}?mode=rw"
        else:
            target = self._path
        connection = sqlite3.connect(
            target,
            uri=isinstance(self._path, Path),
            timeout=self._timeout,
            isolation_level=None,  # transactions are begun where they are meant
            check_same_thread=False,  # closed by whichever thread is there
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set what every connection needs. Two that turn WAL on at once do not wait, so: again."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                connection.executescript(_PRAGMAS)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    @staticmethod
    def _create_private(path: Path) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreUnavailable(
                f"cannot create or open the database {path}: {error.strerror}",
                hint="check database_url and who may write to that directory",
            ) from None

    # Schema

    async def schema(self) -> SchemaStatus:
        """See Store."""
        return await self._call(self._status)

    async def migrate(self) -> list[str]:
        """See Store."""
        return await self._call(self._migrate)

    def _status(self) -> SchemaStatus:
        connection = self._open_connection()
        recorded: list[Any] = []
        if connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'authingo_migrations'"
        ).fetchone():
            recorded = connection.execute(
                "SELECT number, checksum, oldest_program FROM authingo_migrations"
            ).fetchall()
        return migrations.compare(
            migrations.bundled(__name__),
            [Applied(*row) for row in recorded],
            table=_MIGRATIONS_TABLE,
        )

    def _migrate(self) -> list[str]:
        names = []
        while pending := self._status().pending:
            with self._transaction() as connection:
                connection.execute(_MIGRATIONS_TABLE)
                if self._status().pending != pending:
                    continue  # somebody else was quicker
                step = pending[0]
                for statement in rows.statements(step.sql):
                    connection.execute(statement)
                connection.execute(step.record())
            names.append(step.name)
        return names

    # Users

    async def add_user(self, user: NewUser) -> User:
        """See Store."""
        return await self._write(lambda connection: rows.insert_user(connection, user))

    async def add_user_with_session(
        self, user: NewUser, session: NewSession, *, ending: bytes | None
    ) -> Resumed:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Resumed:
            added = rows.insert_user(connection, user)
            rows.delete_session(connection, ending)
            return Resumed(added, rows.insert_session(connection, added.id, session))

        return await self._write(work)

    async def credentials(self, email: str) -> Credentials | None:
        """See Store."""
        return await self._credentials("email", email)

    async def credentials_by_id(self, user_id: str) -> Credentials | None:
        """See Store."""
        return await self._credentials("id", user_id)

    async def _credentials(self, column: str, value: str) -> Credentials | None:
        row = await self._one(
            f"SELECT {USER}, u.password_hash, u.password_version"
            f" FROM authingo_users u WHERE u.{column} = ?",
            value,
        )
        return Credentials(rows.read.user(row), row[-2], row[-1]) if row else None

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """See Store."""
        await self._write(
            lambda connection: connection.execute(
                "UPDATE authingo_users SET password_hash = ? WHERE id = ? AND password_hash = ?",
                (new, user_id, old),
            )
        )

    async def change_password(
        self, verified: Credentials, new_hash: str, *, caller: str, session: NewSession
    ) -> Resumed | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Resumed | None:
            changed = connection.execute(
                "UPDATE authingo_users SET password_hash = ?1, updated_at = ?2,"
                "  password_version = password_version + 1"
                " WHERE id = ?3 AND password_version = ?4 AND disabled_at IS NULL"
                "  AND EXISTS (SELECT 1 FROM authingo_sessions WHERE id = ?5 AND user_id = ?3)",
                (new_hash, rows.now(), verified.user.id, verified.version, caller),
            )
            if changed.rowcount == 0:
                return None
            connection.execute(
                "DELETE FROM authingo_sessions WHERE user_id = ?", (verified.user.id,)
            )
            begun = rows.insert_session(connection, verified.user.id, session)
            return Resumed(rows.select_user(connection, begun.user_id), begun)

        return await self._write(work)

    async def list_users(
        self, *, search: str | None = None, after: str | None = None, limit: int
    ) -> list[User]:
        """See Store."""
        found = await self._read(
            lambda connection: connection.execute(
                f"SELECT {USER} FROM authingo_users u WHERE u.id > ?1"
                " AND (?2 IS NULL OR u.email LIKE ?2 ESCAPE '\\' OR u.name LIKE ?2 ESCAPE '\\')"
                " ORDER BY u.id LIMIT ?3",
                (after or "", like_pattern(search), limit),
            ).fetchall()
        )
        return [rows.read.user(row) for row in found]

    # Sessions

    async def begin_session(
        self, user_id: str, session: NewSession, *, version: int | None, ending: bytes | None
    ) -> Resumed | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Resumed | None:
            row = connection.execute(
                f"SELECT {USER} FROM authingo_users u"
                " WHERE u.id = ?1 AND u.disabled_at IS NULL"
                " AND u.password_version = coalesce(?2, u.password_version)",
                (user_id, version),
            ).fetchone()
            if row is None:
                return None
            rows.delete_session(connection, ending)
            return Resumed(rows.read.user(row), rows.insert_session(connection, user_id, session))

        return await self._write(work)

    async def session_and_user(self, token_digest: bytes) -> TokenMatch | None:
        """See Store."""
        select = (
            f"SELECT {USER}, {SESSION}, {{deadline}} > ?2"
            " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
            " WHERE s.{column} = ?1 AND u.disabled_at IS NULL"
        )
        current = select.format(column="token_digest", deadline="s.expires_at")
        if row := await self._one(current, token_digest, rows.now()):
            return TokenMatch(*rows.read.user_and_session(row), current=True, live=bool(row[-1]))
        previous = select.format(
            column="previous_token_digest", deadline="min(s.grace_expires_at, s.expires_at)"
        )
        if row := await self._one(previous, token_digest, rows.now()):
            return TokenMatch(*rows.read.user_and_session(row), current=False, live=bool(row[-1]))
        return None

    async def session_by_refresh(
        self, selector_digest: bytes, verifier_digest: bytes
    ) -> RefreshMatch | None:
        """See Store."""
        row = await self._one(
            f"SELECT {USER}, {SESSION}, s.verifier_digest = ?2, s.refresh_expires_at > ?3,"
            " CASE WHEN s.previous_verifier_digest = ?2 AND s.grace_expires_at > ?3"
            "  THEN s.rotation_nonce END"
            " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
            " WHERE s.selector_digest = ?1 AND u.disabled_at IS NULL",
            selector_digest,
            verifier_digest,
            rows.now(),
        )
        if row is None:
            return None
        return RefreshMatch(
            *rows.read.user_and_session(row),
            current=bool(row[-3]),
            live=bool(row[-2]),
            nonce=row[-1],
        )

    async def rotate(self, rotation: Rotation) -> Resumed | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Resumed | None:
            at, lives = rows.now(), rotation.lifetimes
            row = connection.execute(
                f"UPDATE authingo_sessions AS s SET"
                "  previous_token_digest = token_digest, token_digest = :token,"
                "  previous_verifier_digest = verifier_digest, verifier_digest = :next,"
                "  rotation_nonce = :nonce, grace_expires_at = :grace, last_used_at = :now,"
                "  expires_at = min(:expires, absolute_expires_at),"
                "  refresh_expires_at = min(:refresh, absolute_expires_at)"
                " WHERE selector_digest = :selector AND verifier_digest = :verifier"
                "  AND refresh_expires_at > :now AND EXISTS (SELECT 1 FROM authingo_users u"
                "   WHERE u.id = s.user_id AND u.disabled_at IS NULL)"
                f" RETURNING {SESSION.replace('s.', '')}",
                {
                    "token": rotation.new_token_digest,
                    "next": rotation.new_verifier_digest,
                    "nonce": rotation.nonce,
                    "selector": rotation.selector_digest,
                    "verifier": rotation.verifier_digest,
                    "now": at,
                    "grace": rows.later(at, lives.grace),
                    "expires": rows.later(at, lives.session),
                    "refresh": rows.later(at, lives.refresh),
                },
            ).fetchone()
            if row is None:
                return None
            rotated = rows.read.session(row)
            return Resumed(rows.select_user(connection, rotated.user_id), rotated)

        return await self._write(work)

    async def end_session(self, token_digest: bytes) -> Resumed | None:
        """See Store."""
        return await self._write(lambda connection: rows.delete_session(connection, token_digest))

    async def end_reused(self, selector_digest: bytes, verifier_digest: bytes) -> bool:
        """See Store."""
        deleted = await self._write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM authingo_sessions"
                    " WHERE selector_digest = ?1 AND verifier_digest <> ?2"
                    "  AND refresh_expires_at > ?3"
                    "  AND NOT (coalesce(previous_verifier_digest, x'') = ?2"
                    "           AND coalesce(grace_expires_at, 0) > ?3)",
                    (selector_digest, verifier_digest, rows.now()),
                ).rowcount
            )
        )
        return deleted > 0

    async def count_prunable(self) -> int:
        """See Store."""
        row = await self._one(
            "SELECT count(*) FROM authingo_sessions WHERE refresh_expires_at <= ?", rows.now()
        )
        return int(row[0])

    async def prune(self, batch_size: int) -> int:
        """See Store."""
        return await self._write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM authingo_sessions WHERE rowid IN (SELECT rowid"
                    " FROM authingo_sessions WHERE refresh_expires_at <= ? LIMIT ?)",
                    (rows.now(), batch_size),
                ).rowcount
            )
        )

    async def forget_nonces(self, batch_size: int) -> int:
        """See Store."""
        return await self._write(
            lambda connection: (
                connection.execute(
                    "UPDATE authingo_sessions SET rotation_nonce = NULL WHERE rowid IN ("
                    "SELECT rowid FROM authingo_sessions WHERE rotation_nonce IS NOT NULL"
                    "  AND grace_expires_at <= ? LIMIT ?)",
                    (rows.now(), batch_size),
                ).rowcount
            )
        )

    # Running

    async def _one(self, statement: str, *parameters: object) -> Any:
        return await self._read(
            lambda connection: connection.execute(statement, parameters).fetchone()
        )

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._call(lambda: work(self._checked_connection()))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def transact() -> T:
            self._checked_connection()
            with self._transaction() as connection:
                return work(connection)

        return await self._call(transact)

    async def _call(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="authingo-sqlite")
        try:
            async with asyncio.timeout(self._timeout + 0.5):  # SQLite's own wait comes first
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError:
            raise StoreUnavailable from None
        except sqlite3.Error as error:
            raise StoreUnavailable(f"SQLite, {self._path}: {error}") from None

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreUnavailable("the store is not open")
        return self._connection

    def _checked_connection(self) -> sqlite3.Connection:
        connection = self._open_connection()
        if not self._schema_fits:
            self._status().require_current()
            self._schema_fits = True
        return connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._open_connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
