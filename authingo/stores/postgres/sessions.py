"""Sessions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from authingo.attempts import NOTHING, Outcome
from authingo.models import (
    NewSession,
    RefreshMatch,
    Rotation,
    Session,
    StartedSession,
    StoredSession,
    TokenKey,
    TokenMatch,
    UserAndSession,
    WrongSecret,
)
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.lookups import OF_TOKEN
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import outcome_parameters, record_outcome
from authingo.stores.postgres.statements import BEGIN, end_surplus, session_parameters
from authingo.stores.rows import (
    FIRST,
    LAST,
    MAY_SIGN_IN,
    SESSION,
    USER_AS_OWNER,
    RowModels,
    RowReader,
    after_which,
    has_token,
    is_digest,
    replacement,
    token_parameters,
    write_methods,
)
from authingo.stores.sessions import Replacement

_read = RowReader()


class Sessions:
    """See authingo.stores.sessions.Sessions."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._models = RowModels(_read, connections)

    async def begin(
        self,
        user_id: str,
        session: NewSession,
        *,
        version: int | None,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
    ) -> StartedSession | None:
        """See Sessions."""
        parameters = session_parameters(session, ending, outcome)
        row = await self._one(_BEGIN, user_id=user_id, version=version, **parameters)
        return None if row is None else self._connections.started(row)

    async def by_token(self, token: TokenKey) -> TokenMatch | WrongSecret | None:
        """See Sessions. Each asker's secret is compared here, because a row may be for several."""
        row = await self._connections.look_up(token.session_id or token.digest)
        if row is None:
            return None
        authenticated_for, active_for, grace, remembered, secret, previous, _ = row[
            -len(OF_TOKEN) :
        ]
        current = is_digest(secret, token.digest)
        if not current and not is_digest(previous, token.digest):
            return WrongSecret()
        return TokenMatch(
            self._models.of(row),
            authenticated_for=authenticated_for,
            active_for=active_for if current else grace,
            current=current,
            remembered=remembered,
        )

    async def by_refresh(
        self, selector_digest: bytes, verifier_digest: bytes
    ) -> RefreshMatch | None:
        """See Sessions.

        It locks the session, because such a commit waits for synchronous standbys as that of the
        rotation did, whose successors this may give away. See `Connections.confirm`.
        """
        row = await self._one(_BY_REFRESH, selector=selector_digest, verifier=verifier_digest)
        if row is None:
            return None
        return RefreshMatch(
            _read.owner(row),
            _read.session(row),
            current=row["current"],
            refreshable=row["refreshable"],
            nonce=row["nonce"],
            token_digest=row["token_digest"],
        )

    async def absolute_deadline(self, session_id: str) -> datetime | None:
        """See Sessions."""
        row = await self._one(_ABSOLUTE_DEADLINE, id=session_id)
        return row["absolute_expires_at"] if row else None

    async def rotate(self, rotation: Rotation) -> UserAndSession | None:
        """See Sessions. Of several with the same verifier, one is made; the others find no row."""
        row = await self._connections.rotate(rotation)
        return self._changed(row)

    async def reauthenticate(
        self,
        user_id: str,
        replacement: Replacement,
        *,
        version: int,
        outcome: Outcome = NOTHING,
    ) -> UserAndSession | None:
        """See Sessions.

        Of several at once, one locks the row. The others then see that their token is the
        previous one and has ended.
        """
        row = await self._one(
            _REAUTHENTICATE,
            user_id=user_id,
            version=version,
            **token_parameters(replacement.token),
            new_token=replacement.new_token_digest,
            session_life=replacement.lifetime,
            methods=write_methods(replacement.methods),
            **outcome_parameters(outcome),
        )
        return self._changed(row)

    async def end_by_token(self, token: TokenKey) -> UserAndSession | None:
        """See Sessions. If a rotation commits meanwhile, the token is found as the previous one."""
        row = await self._one(_END_BY_TOKEN, **token_parameters(token))
        if row is None:
            await self._connections.confirm()
        return self._changed(row)

    async def end_reused(self, selector_digest: bytes, verifier_digest: bytes) -> bool:
        """See Sessions."""
        row = await self._one(_END_REUSED, selector=selector_digest, verifier=verifier_digest)
        self._connections.notify_watchers(row["user_id"] if row else None)
        return row is not None

    def _changed(self, row: Any) -> UserAndSession | None:
        """Notify the watchers of the session that a verb changed or ended, and return it."""
        if row is None:
            return None
        changed = UserAndSession(_read.owner(row), _read.session(row))
        self._connections.notify_watchers(changed.user.id)
        return changed

    async def of_user(self, user_id: str, *, limit: int) -> list[Session]:
        """See Sessions."""
        found = await self._all(_OF_USER, user_id=user_id, limit=limit)
        return [_read.session(row) for row in found]

    async def end_of_user(
        self,
        user_id: str,
        *,
        only: str | None = None,
        but: str | None = None,
        batch_size: int,
    ) -> list[str]:
        """See Sessions.

        It deletes by primary key, for the reason that `end_any` gives, and chooses the rows in
        the order of an index, for the reason that `statements.end_surplus` gives.
        """
        ended = await self._all(
            _END_OF_USER, user_id=user_id, only=only, but=but, batch_size=batch_size
        )
        if not ended:
            await self._connections.confirm()
        self._connections.notify_watchers(user_id)
        return [row["id"] for row in ended]

    async def end_surplus(
        self, user_id: str, *, keep: int, but: str | None = None, batch_size: int
    ) -> dict[str, bool]:
        """See Sessions."""
        ended = await self._all(
            _END_SURPLUS, user_id=user_id, keep=keep, but=but, batch_size=batch_size
        )
        if ended:
            self._connections.notify_watchers(user_id)
        return {row["id"]: row["refreshable"] for row in ended}

    async def note_use(self, session_ids: Sequence[str], *, longer_than: timedelta) -> int:
        """See Sessions. It costs little: no index contains the column, and no notice is sent."""
        return await self._connections.count(
            *numbered(_NOTE_USE, ids=list(session_ids), longer_than=longer_than)
        )

    async def find(self, session_id: str) -> StoredSession | None:
        """See Sessions."""
        row = await self._one(_FIND, id=session_id)
        return _read.stored_session(row) if row else None

    async def page(
        self,
        *,
        user_id: str | None = None,
        refreshable: bool | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[StoredSession]:
        """See Sessions."""
        found = await self._all(
            _page(of_one=user_id is not None, refreshable=refreshable, newest=newest),
            user_id=user_id,
            after=after or (LAST if newest else FIRST),
            limit=limit,
        )
        return [_read.stored_session(row) for row in found]

    async def count_refreshable(self, *, user_id: str | None = None) -> int:
        """See Sessions."""
        statement = _COUNT_REFRESHABLE if user_id is None else _COUNT_REFRESHABLE_OF_USER
        row = await self._one(statement, user_id=user_id)
        return int(row["count"])

    async def end_any(self, batch_size: int) -> list[Session]:
        """See Sessions.

        It deletes by primary key. If it had to wait for a refresh, the refresh has moved the
        row, and by ctid the statement would look for it in the old place.
        """
        ended = await self._all(_END_ANY, batch_size=batch_size)
        if ended:
            self._connections.notify_of_everybody()
        else:
            await self._connections.confirm()
        return [_read.session(row) for row in ended]

    async def _one(self, statement: str, **parameters: object) -> Any:
        return await self._connections.one(*numbered(statement, **parameters))

    async def _all(self, statement: str, **parameters: object) -> list[Any]:
        return await self._connections.all(*numbered(statement, **parameters))


_OWNER = f"""
WITH owner AS (
    SELECT * FROM authingo_users u
    WHERE id = :user_id AND password_version = coalesce(:version, password_version)
      AND {MAY_SIGN_IN}
    FOR SHARE
)"""
_BEGIN = f"{_OWNER} {BEGIN}"
_REAUTHENTICATE = f"""
{_OWNER}, s AS (
    UPDATE authingo_sessions s SET
        {replacement(":new_token")},
        previous_token_ended = true, last_used_at = now(),
        expires_at = least(now() + :session_life::interval, s.refresh_expires_at),
        authenticated_at = now(), methods = :methods
    FROM owner
    WHERE s.user_id = owner.id AND s.expires_at > now()
      AND {has_token("s")}
      AND (coalesce(s.secret_digest, s.legacy_digest) = :token_secret
           OR NOT s.previous_token_ended AND s.grace_expires_at > now())
    RETURNING s.*
)
{record_outcome(if_there_is="s")}
SELECT {USER_AS_OWNER}, {SESSION} FROM s JOIN owner u ON u.id = s.user_id
"""
_BY_REFRESH = f"""
SELECT {USER_AS_OWNER}, {SESSION}, s.verifier_digest = :verifier AS current,
    s.refresh_expires_at > now() AS refreshable,
    CASE WHEN s.previous_verifier_digest = :verifier AND s.grace_expires_at > now()
        THEN s.rotation_nonce END AS nonce,
    coalesce(s.secret_digest, s.legacy_digest) AS token_digest
FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id
WHERE s.selector_digest = :selector AND {MAY_SIGN_IN}
FOR NO KEY UPDATE OF s
"""
_ABSOLUTE_DEADLINE = "SELECT absolute_expires_at FROM authingo_sessions WHERE id = :id"
_END_BY_TOKEN = f"""
DELETE FROM authingo_sessions s USING authingo_users u
WHERE {has_token("s")} AND u.id = s.user_id
RETURNING {USER_AS_OWNER}, {SESSION}
"""
_END_REUSED = """
DELETE FROM authingo_sessions
WHERE selector_digest = :selector AND verifier_digest <> :verifier AND refresh_expires_at > now()
    AND (previous_verifier_digest = :verifier AND grace_expires_at > now()) IS NOT TRUE
RETURNING user_id
"""
_OF_USER = f"""
SELECT {SESSION} FROM authingo_sessions s
WHERE s.user_id = :user_id AND s.refresh_expires_at > now()
ORDER BY s.last_used_at DESC LIMIT :limit
"""
_END_OF_USER = """
DELETE FROM authingo_sessions WHERE id = ANY(ARRAY(
    SELECT id FROM authingo_sessions WHERE user_id BETWEEN :user_id AND :user_id
        AND refresh_expires_at > now() AND id = coalesce(:only, id) AND id <> coalesce(:but, '')
    ORDER BY user_id LIMIT :batch_size FOR UPDATE))
RETURNING id
"""
_SURPLUS = end_surplus(
    ":user_id",
    keep=":keep::integer",
    batch=":batch_size::integer",
    condition="id <> coalesce(:but, '')",
)
_END_SURPLUS = f"WITH {_SURPLUS} SELECT id, refreshable FROM evicted"
_NOTE_USE = """
UPDATE authingo_sessions SET last_used_at = now(),
    rotation_nonce = CASE WHEN grace_expires_at > now() THEN rotation_nonce END
WHERE id = ANY(ARRAY(
    SELECT id FROM authingo_sessions WHERE id = ANY(:ids::text[])
        AND last_used_at <= now() - :longer_than::interval FOR NO KEY UPDATE SKIP LOCKED))
"""
_STORED = f"""
SELECT {USER_AS_OWNER}, {SESSION}, s.refresh_expires_at > now() AS refreshable
FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id
"""
_FIND = f"{_STORED} WHERE s.id = :id"
_COUNT_REFRESHABLE = (
    "SELECT count(*) AS count FROM authingo_sessions WHERE refresh_expires_at > now()"
)
_COUNT_REFRESHABLE_OF_USER = f"{_COUNT_REFRESHABLE} AND user_id = :user_id"
_IF_REFRESHABLE = {
    True: " AND s.refresh_expires_at > now()",
    False: " AND s.refresh_expires_at <= now()",
    None: "",
}
_END_ANY = f"""
DELETE FROM authingo_sessions s WHERE s.id = ANY(ARRAY(
    SELECT id FROM authingo_sessions WHERE refresh_expires_at > now()
    LIMIT :batch_size FOR UPDATE))
RETURNING {SESSION}
"""


@cache
def _page(*, of_one: bool, refreshable: bool | None, newest: bool) -> str:
    return (
        f"{_STORED} WHERE {after_which('s.id', ':after', newest=newest)}"
        f"{' AND s.user_id = :user_id' if of_one else ''}{_IF_REFRESHABLE[refreshable]}"
        f" ORDER BY s.id {'DESC' if newest else ''} LIMIT :limit"
    )
