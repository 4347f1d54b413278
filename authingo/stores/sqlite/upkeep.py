"""The verbs that look after the sessions of everybody."""

from __future__ import annotations

from authingo.models import Session, StoredSession
from authingo.stores.rows import FIRST, LAST, SESSION, USER, after_which
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection

_STORED = (
    f"SELECT {USER}, {SESSION}, s.refresh_expires_at > ?1"
    " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
)
# The + keeps the index on the deadline out, by which each page would have to be sorted.
_IF_LIVE = {
    True: "+s.refresh_expires_at > ?1",
    False: "+s.refresh_expires_at <= ?1",
    None: "true",
}


class Upkeep(Connection):
    """The sessions of everybody in SQLite."""

    async def session(self, session_id: str) -> StoredSession | None:
        """See Store."""
        row = await self._one(f"{_STORED} WHERE s.id = ?2", rows.now(), session_id)
        return rows.read.stored_session(row) if row else None

    async def all_sessions(
        self,
        *,
        user_id: str | None = None,
        live: bool | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[StoredSession]:
        """See Store."""
        whose = "?3 IS NULL" if user_id is None else "s.user_id = ?3"
        found = await self._all(
            f"{_STORED} WHERE {after_which('s.id', '?2', newest=newest)}"
            f" AND {whose} AND {_IF_LIVE[live]}"
            f" ORDER BY s.id {'DESC' if newest else ''} LIMIT ?4",
            rows.now(),
            after or (LAST if newest else FIRST),
            user_id,
            limit,
        )
        return [rows.read.stored_session(row) for row in found]

    async def count_live(self) -> int:
        """See Store."""
        row = await self._one(
            "SELECT count(*) FROM authingo_sessions WHERE refresh_expires_at > ?", rows.now()
        )
        return int(row[0])

    async def end_any(self, batch_size: int) -> list[Session]:
        """See Store."""
        ended = await self._write(
            lambda connection: connection.execute(
                "DELETE FROM authingo_sessions WHERE rowid IN (SELECT rowid"
                " FROM authingo_sessions WHERE refresh_expires_at > ? LIMIT ?)"
                f" RETURNING {SESSION.replace('s.', '')}",
                (rows.now(), batch_size),
            ).fetchall()
        )
        return [rows.read.session(row) for row in ended]

    async def count_prunable(self) -> int:
        """See Store."""
        row = await self._one(
            "SELECT count(*) FROM authingo_sessions WHERE refresh_expires_at <= ?", rows.now()
        )
        return int(row[0])

    async def prune(self, batch_size: int) -> int:
        """See Store."""
        return await self._count(
            "DELETE FROM authingo_sessions WHERE rowid IN (SELECT rowid"
            " FROM authingo_sessions WHERE refresh_expires_at <= ? LIMIT ?)",
            rows.now(),
            batch_size,
        )

    async def forget_nonces(self, batch_size: int) -> int:
        """See Store."""
        return await self._count(
            "UPDATE authingo_sessions SET rotation_nonce = NULL WHERE rowid IN ("
            "SELECT rowid FROM authingo_sessions WHERE rotation_nonce IS NOT NULL"
            "  AND grace_expires_at <= ? LIMIT ?)",
            rows.now(),
            batch_size,
        )
