"""The verbs about sessions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from authingo.models import (
    NOTHING,
    NewSession,
    Outcome,
    RefreshMatch,
    Resumed,
    Rotation,
    Session,
    TokenMatch,
)
from authingo.stores.rows import SESSION, USER
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection


class Sessions(Connection):
    """Sessions in SQLite."""

    async def begin_session(
        self,
        user_id: str,
        session: NewSession,
        *,
        version: int | None,
        ending: bytes | None,
        outcome: Outcome = NOTHING,
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
            rows.record(connection, outcome)
            return Resumed(rows.read.user(row), rows.insert_session(connection, user_id, session))

        return await self._write(work)

    async def session_and_user(self, token_digest: bytes) -> TokenMatch | None:
        """See Store."""
        for statement, current in _BY_TOKEN:
            if row := await self._glance(statement, token_digest):
                live_for = rows.span(row[-1] - rows.now())
                return TokenMatch(self._resumptions.of(row), current=current, live_for=live_for)
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

    async def session_end(self, session_id: str) -> datetime | None:
        """See Store."""
        row = await self._one(
            "SELECT absolute_expires_at FROM authingo_sessions WHERE id = ?1", session_id
        )
        return rows.moment(row[0]) if row else None

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
                "  refresh_expires_at = min(:refresh, absolute_expires_at),"
                "  ip = coalesce(:ip, ip), user_agent = coalesce(:user_agent, user_agent)"
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
                    "ip": rotation.client.ip,
                    "user_agent": rotation.client.user_agent,
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
        deleted = await self._count(
            "DELETE FROM authingo_sessions"
            " WHERE selector_digest = ?1 AND verifier_digest <> ?2 AND refresh_expires_at > ?3"
            "  AND NOT (coalesce(previous_verifier_digest, x'') = ?2"
            "           AND coalesce(grace_expires_at, 0) > ?3)",
            selector_digest,
            verifier_digest,
            rows.now(),
        )
        return deleted > 0

    async def list_sessions(self, user_id: str) -> list[Session]:
        """See Store."""
        found = await self._all(
            f"SELECT {SESSION} FROM authingo_sessions s"
            " WHERE s.user_id = ? AND s.refresh_expires_at > ? ORDER BY s.last_used_at DESC",
            user_id,
            rows.now(),
        )
        return [rows.read.session(row) for row in found]

    async def end_sessions(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> list[str]:
        """See Store."""
        ended = await self._write(
            lambda connection: connection.execute(
                "DELETE FROM authingo_sessions WHERE user_id = ? AND refresh_expires_at > ?"
                " AND id = coalesce(?, id) AND id <> coalesce(?, '') RETURNING id",
                (user_id, rows.now(), only, but),
            ).fetchall()
        )
        return [row[0] for row in ended]

    async def note_use(self, session_ids: Sequence[str], *, longer_than: timedelta) -> int:
        """See Store."""

        def work(connection: sqlite3.Connection) -> int:
            at = rows.now()
            before = rows.later(at, -longer_than)
            return connection.executemany(
                "UPDATE authingo_sessions SET last_used_at = ? WHERE id = ? AND last_used_at <= ?",
                [(at, session_id, before) for session_id in session_ids],
            ).rowcount

        return await self._write(work)


# The current token first; the one it replaced is looked for where that misses.
_BY_TOKEN = tuple(
    (
        f"SELECT {USER}, {SESSION}, {deadline}"
        " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
        f" WHERE s.{column} = ? AND u.disabled_at IS NULL",
        current,
    )
    for column, deadline, current in (
        ("token_digest", "s.expires_at", True),
        ("previous_token_digest", "min(s.grace_expires_at, s.expires_at)", False),
    )
)
