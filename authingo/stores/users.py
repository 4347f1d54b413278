"""Users: who they are, and the hash of the password they sign in with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from authingo.attempts import NOTHING, Outcome
from authingo.models import (
    ChangedUser,
    Credentials,
    HashKind,
    NewSession,
    NewUser,
    StartedSession,
    TokenKey,
    User,
)
from authingo.stores.mails import NewMail


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEdit:
    """What changes about a user. None leaves it as it is; `profile` is JSON."""

    name: str | None = None
    profile: str | None = None

    def changes(self, user: User, profile: str | None) -> bool:
        """Return whether it changes a user who has this profile stored."""
        return self.name not in {None, user.name} or self.profile not in {None, profile}


NO_EDIT = UserEdit()


class Users(Protocol):
    """The users of a store."""

    async def add(
        self, user: NewUser, *, mails: Sequence[NewMail] = (), outcome: Outcome = NOTHING
    ) -> User:
        """Store a user, queue mails, and record an outcome, in one transaction.

        Raises EmailTaken if another user has the email; nothing is queued or recorded then.
        """

    async def add_with_session(
        self,
        user: NewUser,
        session: NewSession,
        *,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
        mail: NewMail | None = None,
    ) -> StartedSession:
        """Store a user and a first session, and end another session, in one transaction.

        Args:
            user: as for `add`.
            session: the new session.
            ending: the token of a session to end, as `sessions.end_by_token` does.
            outcome: what to record in the same transaction.
            mail: what to queue in the same transaction, if anything.
        """

    async def by_email(self, email: str) -> Credentials | None:
        """Find a user and their password hash by normalized email, disabled users too."""

    async def find(self, user_id: str) -> User | None:
        """Find a user by id, disabled users too."""

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """Store a stronger hash of the same password, if the present hash is still `old`."""

    async def change_password(
        self,
        verified: Credentials,
        new_hash: str,
        *,
        caller: str,
        session: NewSession,
        outcome: Outcome = NOTHING,
        mails: Sequence[NewMail] = (),
    ) -> StartedSession | None:
        """Store a new password, end the user's sessions and begin a new one, in one transaction.

        Nothing happens, and None is returned, unless the password version is still the one
        that was verified, the user is enabled, and the session with the id `caller`, which
        changes the password, has not ended. `mails` are queued in the same transaction.
        """

    async def set_password(
        self, user_id: str, new_hash: str, *, mails: Sequence[NewMail] = ()
    ) -> ChangedUser | None:
        """Store a new password, end all sessions of the user, and queue mails.

        Returns None, and does nothing, if there is no such user.
        """

    async def set_disabled(
        self, user_id: str, *, disabled: bool, delete: bool = False
    ) -> ChangedUser | None:
        """Disable or enable a user, and end all their sessions. None: there is no such user.

        Disabling increases the security version, so that what was issued before does not
        become valid again when the user is enabled. Enabling cancels a deletion that is due.

        Args:
            user_id: of the user.
            disabled: whether to disable or enable.
            delete: whether to make the deletion due too, for a server to carry out. `delete_at`
                is the same as `disabled_at` then.
        """

    async def update(
        self,
        user_id: str,
        *,
        edit: Callable[[User], UserEdit] | None = None,
        caller: str | None = None,
        email: str | None = None,
        verified: bool = False,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
    ) -> ChangedUser | None:
        """Store another name, another normalized email, or both. None: there is no such user.

        Nothing happens, and None is returned, if the session `caller` has ended. A new email is
        stored as `verified` or not, increases the password version, and ends all sessions and
        secrets of the user, in the same transaction. If `email` is the present email, nothing of
        this happens. Raises EmailTaken if another user has it.

        Args:
            user_id: of the user.
            edit: is given the user as stored, and returns what changes. The row is locked
                meanwhile, so that of two edits at once the second is given what the first has
                stored. It must not wait for anything, and may run in a thread. If it raises,
                nothing changes. An edit that changes nothing is not written.
            caller: the id of the session that changes the user; None: no session does.
            email: None leaves it as it is.
            verified: whether a new email counts as verified.
            keep: the purposes whose secrets stay.
            mails: what to queue if the email changes.
        """

    async def change_roles(
        self,
        user_id: str,
        *,
        add: Sequence[str],
        remove: Sequence[str],
        outcome: Outcome = NOTHING,
    ) -> tuple[User, bool] | None:
        """Give roles to a user and take others; return the user, and whether anything changed.

        Changes at the same moment all count. No session ends, but caches are notified.
        If nothing changes, `outcome` is not recorded. None: there is no such user.

        Raises:
            InvalidInput: the user would have too many; see `authingo.roles.changed`.
        """

    async def verify_email(self, user_id: str) -> User | None:
        """Mark the email as verified, if it is not yet. None: there is no such user."""

    async def delete(
        self,
        user_id: str,
        *,
        caller: str | None = None,
        due: bool = False,
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> bool:
        """Delete a user and all that belongs to them. Every deletion of a user ends here.

        Args:
            user_id: of the user.
            caller: the id of the user's own session that asks for it. Then nothing happens if
                that has ended, the user may not sign in, or an address is held for its owner
                (HOLDS_ADDRESS): see `deletions.schedule`.
            due: whether nothing happens unless the deletion was scheduled, and its time has come.
            mails: what to queue in the same transaction.
            outcome: what to record in the same transaction.

        Returns:
            Whether the user was deleted. False if there is no such user either.

        Raises:
            UserReferenced: a table that is not authingo's forbids it; nothing was deleted.
        """

    async def page(
        self,
        *,
        search: str | None = None,
        role: str | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[User]:
        """Return up to `limit` users in the order of their ids, which is that of creation.

        The page begins after the id `after`. With `newest`, the order is the opposite, and the
        page has the users before that id. `search` is a part of an email or a name; ASCII
        letters match in upper and lower case. `role`: only users who have it.
        """

    async def emails(self, user_ids: Sequence[str]) -> dict[str, str]:
        """Return the emails of these users by id. Unknown ids are left out."""

    async def import_many(
        self, users: Sequence[Credentials], *, kinds: Sequence[HashKind] = ()
    ) -> set[str]:
        """Store users with the ids, times and hashes they have; return the ids of those stored.

        It is one transaction. A user is left out if the email or the id exists already, in the
        store or earlier in the sequence. No existing user is changed. Any number of imports may
        run at once. `kinds` are the kinds of their hashes, which are recorded with them.
        """

    async def emails_taken(self, emails: Sequence[str]) -> set[str]:
        """Return those of these normalized emails that some user has. Changes nothing."""

    async def export(self, *, after: str | None = None, limit: int) -> list[Credentials]:
        """Return up to `limit` users as `page` does, with their password hashes."""
