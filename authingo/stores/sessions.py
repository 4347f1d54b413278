"""Sessions: how they begin, are found, are refreshed and end.

A token is active while it is accepted. A session is active while its session token is, and
refreshable until its refresh token expires. Deadlines are compared with the database's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One session token that is about to replace another: SHA-256 digests only.

    `methods` says how the user has proved who they are.
    """

    token: TokenKey
    new_token_digest: bytes
    lifetime: timedelta
    methods: tuple[str, ...]


class Sessions(Protocol):
    """The sessions of a store. They are deleted with their user."""

    async def begin(
        self,
        user_id: str,
        session: NewSession,
        *,
        version: int | None,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
    ) -> StartedSession | None:
        """Store a session under a share lock on its user, end another, record the outcome.

        `ending` is the token of the session to end, if any. Nothing happens, and None
        is returned, unless the user is enabled and the password version is `version` (None:
        any). So a sign-in fails if the password changes after it was checked.

        If the user then has more than `session.most` sessions, those that were not used for
        the longest time end in the same transaction, with one event. If there are very many,
        only some of them end now, so that no user has to wait, and some more at the next
        sign-in. If several sessions begin at the same moment, each may leave one too many; the
        next sign-in ends those.
        """

    async def by_token(self, token: TokenKey) -> TokenMatch | WrongSecret | None:
        """Find the session that a token names, and compare the secret. Changes nothing.

        The secret is compared with that of the current token and with that of the previous one, by
        `hmac.compare_digest`. A token without the id of a session is found by its digest.

        Returns None if there is no such session or its user is disabled. The same object as before
        may be returned if nothing has changed, so a returned `UserAndSession` must never change.
        """

    async def by_refresh(
        self, selector_digest: bytes, verifier_digest: bytes
    ) -> RefreshMatch | None:
        """Find a session by selector, and say whether the verifier is current. Changes nothing.

        Returns None if the selector is unknown or the user is disabled.
        """

    async def absolute_deadline(self, session_id: str) -> datetime | None:
        """Return when a session ends, however often it is refreshed; None: no such session."""

    async def rotate(self, rotation: Rotation) -> UserAndSession | None:
        """Replace token and verifier, if the verifier is current and the session refreshable.

        Otherwise nothing happens, and None is returned. The token and the verifier that were
        current become the previous ones, which are accepted for the grace period. The new
        nonce replaces the old one.
        """

    async def reauthenticate(
        self,
        user_id: str,
        replacement: Replacement,
        *,
        version: int,
        outcome: Outcome = NOTHING,
    ) -> UserAndSession | None:
        """Replace a session token by another, because the user has proved who they are again.

        Nothing happens, and None is returned, unless the token is accepted now, the user is
        enabled and the security version is `version`, under a share lock on the user. Of
        several at once with the same token, one happens. `authenticated_at` becomes now, and
        `methods` those of the replacement. Every earlier session token ends at once, without a
        grace: `by_token` finds the one that was current, and says that it is not active. The
        new token is accepted for `lifetime`, but not longer than the session can be refreshed.
        What belongs to the refresh token stays as it is, also its grace.
        """

    async def end_by_token(self, token: TokenKey) -> UserAndSession | None:
        """Delete the session whose current or previous token this is, expired or not.

        A token that only names the session, with another secret, ends nothing. What the statement
        compares are digests, so how long it takes reveals nothing of a secret.

        Returns what was deleted, or None. If a refresh runs at the same time, the session ends
        all the same.
        """

    async def end_reused(self, selector_digest: bytes, verifier_digest: bytes) -> bool:
        """Delete a refreshable session if the verifier is neither current nor in its grace.

        Returns whether a session was deleted.
        """

    async def of_user(self, user_id: str, *, limit: int) -> list[Session]:
        """Return up to `limit` refreshable sessions of a user, the most recently used first."""

    async def end_of_user(
        self,
        user_id: str,
        *,
        only: str | None = None,
        but: str | None = None,
        batch_size: int,
    ) -> list[str]:
        """Delete at most `batch_size` refreshable sessions of a user; return their ids.

        With `only`, delete the session with this id alone; with `but`, all except that one.
        Fewer than `batch_size` ids mean that the call found no more of them. As in `end_any`,
        the call waits for a row that another transaction has locked, and is one short
        transaction.
        """

    async def end_surplus(
        self, user_id: str, *, keep: int, but: str | None = None, batch_size: int
    ) -> dict[str, bool]:
        """Delete at most `batch_size` sessions that a user has beyond `keep`.

        Sessions that can no longer be refreshed go first, then those that were not used for
        the longest time. The session with the id `but` stays, and does not count. Rows that
        another transaction has locked are left out. Each call is one short transaction,
        however many sessions there are. Returns the ids of the deleted sessions, each with
        whether it could still be refreshed.
        """

    async def note_use(self, session_ids: Sequence[str], *, longer_than: timedelta) -> int:
        """Set `last_used_at` to now where it is older than `longer_than`; return how many.

        A rotation nonce whose grace is over is set to NULL with it.

        Rows that another transaction has locked are left out.
        """

    async def find(self, session_id: str) -> StoredSession | None:
        """Find a session, expired or not, by id."""

    async def page(
        self,
        *,
        user_id: str | None = None,
        refreshable: bool | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[StoredSession]:
        """Return up to `limit` sessions in the order of their ids, which is that of sign-ins.

        The page begins after the id `after`. With `newest`, the order is the opposite, and the
        page has the sessions before that id. `user_id` selects the sessions of one user.
        `refreshable` selects those that can still be refreshed, or those that cannot (False).
        """

    async def count_refreshable(self, *, user_id: str | None = None) -> int:
        """Count the sessions that can be refreshed, of all users or of one."""

    async def end_any(self, batch_size: int) -> list[Session]:
        """Delete at most `batch_size` refreshable sessions of any users.

        Returns what was deleted. Fewer than `batch_size` sessions mean that the call found no
        more of them. It waits for a row that another transaction has locked, instead of
        leaving it out, because a session that is just being refreshed must end too. Each call
        is one short transaction.
        """
