"""The verbs about sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

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
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.statements import BEGIN, BEGIN_SIZE, session_parameters
from authingo.stores.rows import SESSION, USER, RowReader

_read = RowReader()


class Sessions(Connections):
    """Sessions in PostgreSQL."""

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
        row = await self._one(
            f"WITH owner AS (SELECT * FROM authingo_users WHERE id = ${BEGIN_SIZE + 1}"
            f" AND password_version = coalesce(${BEGIN_SIZE + 2}, password_version)"
            f" AND disabled_at IS NULL FOR SHARE) {BEGIN}",
            *session_parameters(session, ending, outcome),
            user_id,
            version,
        )
        if row is None:
            return None
        self._forget(row[-1])
        return Resumed(*_read.user_and_session(row))

    async def session_and_user(self, token_digest: bytes) -> TokenMatch | None:
        """See Store."""
        self._loop.enter()
        row = await self._lookups.find(token_digest)
        if row is None:
            return None
        return TokenMatch(self._resumptions.of(row), live_for=row[-3], current=row[-2])

    async def session_by_refresh(
        self, selector_digest: bytes, verifier_digest: bytes
    ) -> RefreshMatch | None:
        """See Store."""
        row = await self._one(
            f"SELECT {USER}, {SESSION}, s.verifier_digest = $2, s.refresh_expires_at > now(),"
            " CASE WHEN s.previous_verifier_digest = $2 AND s.grace_expires_at > now()"
            "  THEN s.rotation_nonce END"
            " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
            " WHERE s.selector_digest = $1 AND u.disabled_at IS NULL",
            selector_digest,
            verifier_digest,
        )
        if row is None:
            return None
        return RefreshMatch(
            *_read.user_and_session(row), current=row[-3], live=row[-2], nonce=row[-1]
        )

    async def session_end(self, session_id: str) -> datetime | None:
        """See Store."""
        row = await self._one(
            "SELECT absolute_expires_at FROM authingo_sessions WHERE id = $1", session_id
        )
        return row[0] if row else None

    async def rotate(self, rotation: Rotation) -> Resumed | None:
        """See Store. Of several at once one locks the row; the others then miss its verifier."""
        lives = rotation.lifetimes
        row = await self._one(
            "UPDATE authingo_sessions s SET"
            "  previous_token_digest = s.token_digest, token_digest = $3,"
            "  previous_verifier_digest = s.verifier_digest, verifier_digest = $4,"
            "  rotation_nonce = $5, grace_expires_at = now() + $6::interval, last_used_at = now(),"
            "  expires_at = least(now() + $7::interval, s.absolute_expires_at),"
            "  refresh_expires_at = least(now() + $8::interval, s.absolute_expires_at),"
            "  ip = coalesce($9, s.ip), user_agent = coalesce($10, s.user_agent)"
            " FROM authingo_users u"
            " WHERE s.selector_digest = $1 AND s.verifier_digest = $2"
            "  AND s.refresh_expires_at > now() AND u.id = s.user_id AND u.disabled_at IS NULL"
            f" RETURNING {USER}, {SESSION}",
            rotation.selector_digest,
            rotation.verifier_digest,
            rotation.new_token_digest,
            rotation.new_verifier_digest,
            rotation.nonce,
            lives.grace,
            lives.session,
            lives.refresh,
            rotation.client.ip,
            rotation.client.user_agent,
        )
        return self._changed(row)

    async def end_session(self, token_digest: bytes) -> Resumed | None:
        """See Store. A rotation that commits meanwhile turns current into previous: still ours."""
        row = await self._one(
            "DELETE FROM authingo_sessions s USING authingo_users u"
            " WHERE (s.token_digest = $1 OR s.previous_token_digest = $1) AND u.id = s.user_id"
            f" RETURNING {USER}, {SESSION}",
            token_digest,
        )
        return self._changed(row)

    async def end_reused(self, selector_digest: bytes, verifier_digest: bytes) -> bool:
        """See Store."""
        row = await self._one(
            "DELETE FROM authingo_sessions"
            " WHERE selector_digest = $1 AND verifier_digest <> $2 AND refresh_expires_at > now()"
            "  AND (previous_verifier_digest = $2 AND grace_expires_at > now()) IS NOT TRUE"
            " RETURNING user_id",
            selector_digest,
            verifier_digest,
        )
        self._forget(row[0] if row else None)
        return row is not None

    def _changed(self, row: Any) -> Resumed | None:
        """Read what a verb changed or ended, after telling who watches."""
        if row is None:
            return None
        changed = Resumed(*_read.user_and_session(row))
        self._forget(changed.user.id)
        return changed

    async def list_sessions(self, user_id: str) -> list[Session]:
        """See Store."""
        found = await self._all(
            f"SELECT {SESSION} FROM authingo_sessions s"
            " WHERE s.user_id = $1 AND s.refresh_expires_at > now() ORDER BY s.last_used_at DESC",
            user_id,
        )
        return [_read.session(row) for row in found]

    async def end_sessions(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> list[str]:
        """See Store."""
        ended = await self._all(
            "DELETE FROM authingo_sessions WHERE user_id = $1 AND refresh_expires_at > now()"
            " AND id = coalesce($2, id) AND id <> coalesce($3, '') RETURNING id",
            user_id,
            only,
            but,
        )
        self._forget(user_id)
        return [row[0] for row in ended]

    async def note_use(self, session_ids: Sequence[str], *, longer_than: timedelta) -> int:
        """See Store. No index and no notice depends on the column, so it costs little."""
        return await self._count(
            "UPDATE authingo_sessions SET last_used_at = now() WHERE id = ANY(ARRAY("
            " SELECT id FROM authingo_sessions WHERE id = ANY($1::text[])"
            "  AND last_used_at <= now() - $2::interval FOR NO KEY UPDATE SKIP LOCKED))",
            list(session_ids),
            longer_than,
        )
