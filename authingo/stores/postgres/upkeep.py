"""The verbs that look after the sessions of everybody."""

from __future__ import annotations

from authingo.models import Session, StoredSession
from authingo.stores.postgres.connections import Connections
from authingo.stores.rows import FIRST, LAST, SESSION, USER, RowReader, after_which

_read = RowReader()
_STORED = (
    f"SELECT {USER}, {SESSION}, s.refresh_expires_at > now()"
    " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
)
_IF_LIVE = {
    True: "s.refresh_expires_at > now()",
    False: "s.refresh_expires_at <= now()",
    None: "true",
}


class Upkeep(Connections):
    """The sessions of everybody in PostgreSQL."""

    async def session(self, session_id: str) -> StoredSession | None:
        """See Store."""
        row = await self._one(f"{_STORED} WHERE s.id = $1", session_id)
        return _read.stored_session(row) if row else None

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
        whose = "$2::text IS NULL" if user_id is None else "s.user_id = $2"
        found = await self._all(
            f"{_STORED} WHERE {after_which('s.id', '$1', newest=newest)}"
            f" AND {whose} AND {_IF_LIVE[live]}"
            f" ORDER BY s.id {'DESC' if newest else ''} LIMIT $3",
            after or (LAST if newest else FIRST),
            user_id,
            limit,
        )
        return [_read.stored_session(row) for row in found]

    async def count_live(self) -> int:
        """See Store."""
        row = await self._one(
            "SELECT count(*) FROM authingo_sessions WHERE refresh_expires_at > now()"
        )
        return int(row[0])

    async def end_any(self, batch_size: int) -> list[Session]:
        """See Store.

        By primary key: a refresh that was waited for has moved its row, and by ctid
        the statement would look for it where it no longer is.
        """
        ended = await self._all(
            "DELETE FROM authingo_sessions s WHERE s.id = ANY(ARRAY("
            " SELECT id FROM authingo_sessions WHERE refresh_expires_at > now()"
            f" LIMIT $1 FOR UPDATE)) RETURNING {SESSION}",
            batch_size,
        )
        if ended:
            self._watchers.drop_all()
        return [_read.session(row) for row in ended]

    async def count_prunable(self) -> int:
        """See Store."""
        row = await self._one(
            "SELECT count(*) FROM authingo_sessions WHERE refresh_expires_at <= now()"
        )
        return int(row[0])

    async def prune(self, batch_size: int) -> int:
        """See Store. By ctid, thirty times as quick as by primary key; the rows are locked."""
        return await self._count(
            "DELETE FROM authingo_sessions WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_sessions WHERE refresh_expires_at <= now()"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
        )

    async def forget_nonces(self, batch_size: int) -> int:
        """See Store."""
        return await self._count(
            "UPDATE authingo_sessions SET rotation_nonce = NULL WHERE ctid = ANY(ARRAY("
            " SELECT ctid FROM authingo_sessions"
            " WHERE rotation_nonce IS NOT NULL AND grace_expires_at <= now()"
            " LIMIT $1 FOR UPDATE SKIP LOCKED))",
            batch_size,
        )
