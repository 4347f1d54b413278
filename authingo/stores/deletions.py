"""Accounts that their users want deleted, after a while in which that can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from authingo.attempts import NOTHING, Outcome
from authingo.models import User
from authingo.stores.mails import NewMail


class Deletions(Protocol):
    """The deletions that are scheduled. `users.delete` carries one out.

    While one is, `User.delete_at` is set, and the user may not sign in.
    """

    async def schedule(
        self,
        user_id: str,
        *,
        caller: str,
        grace: timedelta,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> User | None:
        """Schedule the deletion of a user, and end all that the user has.

        The security version grows, and all sessions and secrets end, in the same transaction.

        Args:
            user_id: of the user.
            caller: the id of the session that asks for it.
            grace: how long until then. It is longer if an address is held for its owner
                until later (HOLDS_ADDRESS), so that this can still undo everything.
            keep: the purposes whose secrets stay.
            mails: what to queue in the same transaction.
            outcome: what to record in the same transaction.

        Returns:
            None, and nothing changes, if the session has ended, or the user may not sign in or is
            gone.
        """

    async def undo(self, purpose: str, digest: bytes, *, outcome: Outcome = NOTHING) -> User | None:
        """Spend a matter, and cancel the deletion of its user. None: no such matter stands."""

    async def cancel(self, user_id: str, *, outcome: Outcome = NOTHING) -> User | None:
        """Cancel the deletion of a user. None, and nothing is recorded, if none is scheduled."""

    async def due(self, *, after: str | None = None, limit: int) -> list[User]:
        """Return up to `limit` users whose time has come, by id, beginning after an id."""
