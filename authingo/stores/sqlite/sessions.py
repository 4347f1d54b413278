"""Sessions in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

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
from authingo.stores.rows import (
    FIRST,
    LAST,
    MAY_SIGN_IN,
    SESSION,
    SESSION_COLUMNS,
    USER,
    USER_AS_OWNER,
    RowModels,
    after_which,
    has_token,
    is_digest,
    replacement,
    token_parameters,
    write_methods,
)
from authingo.stores.sessions import Replacement
from authingo.stores.sqlite import outcomes, rows
from authingo.stores.sqlite.connection import Connection


class Sessions:
    """See authingo.stores.sessions.Sessions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._models = RowModels(rows.read, connection)

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

        def work(connection: sqlite3.Connection) -> StartedSession | None:
            row = connection.execute(_OWNER, {"user_id": user_id, "version": version}).fetchone()
            if row is None:
                return None
            user = rows.read.user(row)
            return outcomes.start_session(connection, user, session, ending=ending, outcome=outcome)

        return await self._connection.write(work)

    async def by_token(self, token: TokenKey) -> TokenMatch | WrongSecret | None:
        """See Sessions."""
        statement = _BY_LEGACY if token.session_id is None else _BY_ID
        value = token.session_id or token.digest
        found = self._connection.read_inline(statement, value)
        if found is None:
            found = await self._connection.read(
                lambda connection: connection.execute(statement, (value,)).fetchall()
            )
        if not found:
            return None
        row = found[0]
        authenticated_at, expires_at, grace, remembered, secret, previous = row[-len(_OF_TOKEN) :]
        current = is_digest(secret, token.digest)
        if not current and not is_digest(previous, token.digest):
            return WrongSecret()
        at = rows.now()
        return TokenMatch(
            self._models.of(row),
            current=current,
            active_for=rows.span((expires_at if current else grace) - at),
            authenticated_for=rows.span(at - authenticated_at),
            remembered=None if remembered is None else rows.span(remembered),
        )

    async def by_refresh(
        self, selector_digest: bytes, verifier_digest: bytes
    ) -> RefreshMatch | None:
        """See Sessions."""
        row = await self._connection.one(
            _BY_REFRESH, selector=selector_digest, verifier=verifier_digest, now=rows.now()
        )
        if row is None:
            return None
        return RefreshMatch(
            rows.read.owner(row),
            rows.read.session(row),
            current=bool(row["current"]),
            refreshable=bool(row["refreshable"]),
            nonce=row["nonce"],
            token_digest=row["token_digest"],
        )

    async def absolute_deadline(self, session_id: str) -> datetime | None:
        """See Sessions."""
        row = await self._connection.one(_ABSOLUTE_DEADLINE, id=session_id)
        return rows.moment(row["absolute_expires_at"]) if row else None

    async def rotate(self, rotation: Rotation) -> UserAndSession | None:
        """See Sessions."""

        def work(connection: sqlite3.Connection) -> UserAndSession | None:
            at, lives = rows.now(), rotation.lifetimes
            row = connection.execute(
                _ROTATE,
                {
                    "new_token": rotation.new_token_digest,
                    "next": rotation.new_verifier_digest,
                    "nonce": rotation.nonce,
                    "selector": rotation.selector_digest,
                    "verifier": rotation.verifier_digest,
                    "now": at,
                    "grace": rows.later(at, lives.grace),
                    "expires": rows.later(at, lives.session),
                    "refresh": rows.later(at, lives.refresh),
                    "remembered": rows.length(lives.remembered),
                    "ip": rotation.client.ip,
                    "user_agent": rotation.client.user_agent,
                },
            ).fetchone()
            if row is None:
                return None
            rotated = rows.read.session(row)
            return UserAndSession(rows.select_user(connection, rotated.user_id), rotated)

        return await self._connection.write(work, together=True)

    async def reauthenticate(
        self,
        user_id: str,
        replacement: Replacement,
        *,
        version: int,
        outcome: Outcome = NOTHING,
    ) -> UserAndSession | None:
        """See Sessions."""

        def work(connection: sqlite3.Connection) -> UserAndSession | None:
            at = rows.now()
            owner = connection.execute(_OWNER, {"user_id": user_id, "version": version}).fetchone()
            row = (
                owner
                and connection.execute(
                    _REAUTHENTICATE,
                    {
                        "user_id": user_id,
                        **token_parameters(replacement.token),
                        "new_token": replacement.new_token_digest,
                        "methods": write_methods(replacement.methods),
                        "now": at,
                        "expires": rows.later(at, replacement.lifetime),
                    },
                ).fetchone()
            )
            if row is None:
                return None
            outcomes.record(connection, outcome)
            return UserAndSession(rows.read.user(owner), rows.read.session(row))

        return await self._connection.write(work)

    async def end_by_token(self, token: TokenKey) -> UserAndSession | None:
        """See Sessions."""
        return await self._connection.write(
            lambda connection: rows.delete_session(connection, token)
        )

    async def end_reused(self, selector_digest: bytes, verifier_digest: bytes) -> bool:
        """See Sessions."""
        deleted = await self._connection.count(
            _END_REUSED, selector=selector_digest, verifier=verifier_digest, now=rows.now()
        )
        return deleted > 0

    async def of_user(self, user_id: str, *, limit: int) -> list[Session]:
        """See Sessions."""
        found = await self._connection.all(_OF_USER, user_id=user_id, now=rows.now(), limit=limit)
        return [rows.read.session(row) for row in found]

    async def end_of_user(
        self,
        user_id: str,
        *,
        only: str | None = None,
        but: str | None = None,
        batch_size: int,
    ) -> list[str]:
        """See Sessions."""
        parameters = {
            "user_id": user_id,
            "now": rows.now(),
            "only": only,
            "but": but,
            "batch_size": batch_size,
        }
        ended = await self._connection.write(
            lambda connection: connection.execute(_END_OF_USER, parameters).fetchall()
        )
        return [row["id"] for row in ended]

    async def end_surplus(
        self, user_id: str, *, keep: int, but: str | None = None, batch_size: int
    ) -> dict[str, bool]:
        """See Sessions."""
        return await self._connection.write(
            lambda connection: rows.end_surplus(
                connection, user_id, keep=keep, but=but, batch_size=batch_size
            )
        )

    async def note_use(self, session_ids: Sequence[str], *, longer_than: timedelta) -> int:
        """See Sessions."""

        def work(connection: sqlite3.Connection) -> int:
            at = rows.now()
            before = rows.later(at, -longer_than)
            return connection.executemany(
                _NOTE_USE,
                [{"now": at, "id": session_id, "before": before} for session_id in session_ids],
            ).rowcount

        return await self._connection.write(work)

    async def find(self, session_id: str) -> StoredSession | None:
        """See Sessions."""
        row = await self._connection.one(_FIND, now=rows.now(), id=session_id)
        return rows.read.stored_session(row) if row else None

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
        found = await self._connection.all(
            _page(of_one=user_id is not None, refreshable=refreshable, newest=newest),
            user_id=user_id,
            now=rows.now(),
            after=after or (LAST if newest else FIRST),
            limit=limit,
        )
        return [rows.read.stored_session(row) for row in found]

    async def count_refreshable(self, *, user_id: str | None = None) -> int:
        """See Sessions."""
        statement = _COUNT_REFRESHABLE if user_id is None else _COUNT_REFRESHABLE_OF_USER
        row = await self._connection.one(statement, now=rows.now(), user_id=user_id)
        return int(row["count"])

    async def end_any(self, batch_size: int) -> list[Session]:
        """See Sessions."""
        parameters = {"now": rows.now(), "batch_size": batch_size}
        ended = await self._connection.write(
            lambda connection: connection.execute(_END_ANY, parameters).fetchall()
        )
        return [rows.read.session(row) for row in ended]


# What is read behind the user and the session: when the user proved who they are, until when the
# current and the previous token are accepted, how long the answer may be remembered, and the
# digests of the two.
_OF_TOKEN = (
    "coalesce(s.authenticated_at, s.created_at)",
    "s.expires_at",
    # A token that a reauthentication replaced is over, even if the clock was set back.
    "CASE WHEN s.previous_token_ended THEN 0 ELSE min(s.grace_expires_at, s.expires_at) END",
    "s.remembered_for",
    "coalesce(s.secret_digest, s.legacy_digest)",
    "s.previous_secret_digest",
)
# The id in a token finds its session. A token without one, of the form that earlier versions gave
# out, is found by its digest.
_BY_ID, _BY_LEGACY = (
    f"SELECT {USER}, {SESSION}, {', '.join(_OF_TOKEN)}"
    " FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id"
    f" WHERE s.{column} = ? AND {MAY_SIGN_IN}"
    for column in ("id", "legacy_digest")
)
_OWNER = f"""
SELECT {USER} FROM authingo_users u
WHERE u.id = :user_id AND {MAY_SIGN_IN}
    AND u.password_version = coalesce(:version, u.password_version)
"""
_BY_REFRESH = f"""
SELECT {USER_AS_OWNER}, {SESSION}, s.verifier_digest = :verifier AS current,
    s.refresh_expires_at > :now AS refreshable,
    CASE WHEN s.previous_verifier_digest = :verifier AND s.grace_expires_at > :now
        THEN s.rotation_nonce END AS nonce,
    coalesce(s.secret_digest, s.legacy_digest) AS token_digest
FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id
WHERE s.selector_digest = :selector AND {MAY_SIGN_IN}
"""
_ABSOLUTE_DEADLINE = "SELECT absolute_expires_at FROM authingo_sessions WHERE id = :id"
_ROTATE = f"""
UPDATE authingo_sessions AS s SET
    {replacement(":new_token")}, previous_token_ended = 0, remembered_for = :remembered,
    previous_verifier_digest = verifier_digest, verifier_digest = :next,
    rotation_nonce = :nonce, grace_expires_at = :grace, last_used_at = :now,
    expires_at = min(:expires, absolute_expires_at),
    refresh_expires_at = min(:refresh, absolute_expires_at),
    ip = coalesce(:ip, ip), user_agent = coalesce(:user_agent, user_agent)
WHERE selector_digest = :selector AND verifier_digest = :verifier AND refresh_expires_at > :now
    AND EXISTS (
        SELECT 1 FROM authingo_users u WHERE u.id = s.user_id AND {MAY_SIGN_IN})
RETURNING {", ".join(SESSION_COLUMNS)}
"""
_REAUTHENTICATE = f"""
UPDATE authingo_sessions AS s SET
    {replacement(":new_token")}, previous_token_ended = 1,
    last_used_at = :now, expires_at = min(:expires, refresh_expires_at),
    authenticated_at = :now, methods = :methods
WHERE user_id = :user_id AND expires_at > :now
    AND {has_token("s")}
    AND (coalesce(secret_digest, legacy_digest) = :token_secret
         OR NOT previous_token_ended AND grace_expires_at > :now)
RETURNING {", ".join(SESSION_COLUMNS)}
"""
_END_REUSED = """
DELETE FROM authingo_sessions
WHERE selector_digest = :selector AND verifier_digest <> :verifier AND refresh_expires_at > :now
    AND NOT (coalesce(previous_verifier_digest, x'') = :verifier
             AND coalesce(grace_expires_at, 0) > :now)
"""
_OF_USER = f"""
SELECT {SESSION} FROM authingo_sessions s
WHERE s.user_id = :user_id AND s.refresh_expires_at > :now
ORDER BY s.last_used_at DESC LIMIT :limit
"""
_END_OF_USER = """
DELETE FROM authingo_sessions WHERE rowid IN (
    SELECT rowid FROM authingo_sessions WHERE user_id = :user_id AND refresh_expires_at > :now
        AND id = coalesce(:only, id) AND id <> coalesce(:but, '') LIMIT :batch_size)
RETURNING id
"""
_NOTE_USE = """
UPDATE authingo_sessions SET last_used_at = :now,
    rotation_nonce = CASE WHEN grace_expires_at > :now THEN rotation_nonce END
WHERE id = :id AND last_used_at <= :before
"""
_STORED = f"""
SELECT {USER_AS_OWNER}, {SESSION}, s.refresh_expires_at > :now AS refreshable
FROM authingo_sessions s JOIN authingo_users u ON u.id = s.user_id
"""
_FIND = f"{_STORED} WHERE s.id = :id"
_COUNT_REFRESHABLE = (
    "SELECT count(*) AS count FROM authingo_sessions WHERE refresh_expires_at > :now"
)
_COUNT_REFRESHABLE_OF_USER = f"{_COUNT_REFRESHABLE} AND user_id = :user_id"
_IF_REFRESHABLE = {
    True: " AND s.refresh_expires_at > :now",
    False: " AND s.refresh_expires_at <= :now",
    None: "",
}
_END_ANY = f"""
DELETE FROM authingo_sessions WHERE rowid IN (
    SELECT rowid FROM authingo_sessions WHERE refresh_expires_at > :now LIMIT :batch_size)
RETURNING {", ".join(SESSION_COLUMNS)}
"""


@cache
def _page(*, of_one: bool, refreshable: bool | None, newest: bool) -> str:
    return (
        f"{_STORED} WHERE {after_which('s.id', ':after', newest=newest)}"
        f"{' AND s.user_id = :user_id' if of_one else ''}{_IF_REFRESHABLE[refreshable]}"
        f" ORDER BY s.id {'DESC' if newest else ''} LIMIT :limit"
    )
