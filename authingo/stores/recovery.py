"""What somebody may change who has proved that a mailbox is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from authingo.attempts import NOTHING, Outcome
from authingo.models import ChangedUser, NewSession, NewUser, StartedSession, TokenKey, User
from authingo.stores.mails import NewMail
from authingo.stores.secrets import NewMatter


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Move:
    """A change of address that a link has proved.

    Args:
        purpose: of the matter of the link.
        digest: of this matter or of one of its tokens. Its data are the digest of the request.
        request: the purpose of the matter of the request.
        email: the new address, normalized.
        session: the id of a session that stays.
        undo: a matter that holds the old address for its owner, if there is to be one.
    """

    purpose: str
    digest: bytes
    request: str
    email: str
    session: str | None
    undo: NewMatter | None


class Recovery(Protocol):
    """The changes of an account for the owner of its address, each in one transaction.

    Somebody may have signed up with an address that is not theirs. Where a verb is for somebody
    who has proved the mailbox, such as `reset_password`, and the address was not verified before,
    they are *evicted* in the same transaction, by the function `evict` of the adapter's module
    `eviction`.
    """

    async def reset_password(
        self,
        purpose: str,
        digest: bytes,
        new_hash: str,
        *,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
        eviction: Outcome = NOTHING,
    ) -> ChangedUser | None:
        """Spend a matter and store a new password for its user.

        All sessions and all other secrets of the user end, except the secrets of the purposes
        in `keep`. If the email was not verified, the eviction does more, and keeps no secret.

        Args:
            purpose: of the matter; see `authingo.stores.secrets`.
            digest: of the matter or of one of its tokens.
            new_hash: of the new password.
            keep: the purposes whose secrets stay.
            mails: what to queue in the same transaction.
            outcome: what to record in the same transaction.
            eviction: what to record as well if somebody is evicted.

        Returns:
            The user, and whether others were evicted. None, and nothing changes, if no such
            matter stands or it belongs to nobody.
        """

    async def sign_in_by_code(
        self,
        purpose: str,
        digest: bytes,
        user_id: str,
        session: NewSession,
        *,
        version: int,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
        eviction: Outcome = NOTHING,
    ) -> StartedSession | None:
        """Spend a matter and begin a session of a user who has proved the mailbox by a code.

        The matter belongs to nobody in the database, so the caller says for whom its code was
        drawn. The email is verified from then on; if it was not, others are evicted.

        Args:
            purpose: of the matter; see `authingo.stores.secrets`.
            digest: of the matter.
            user_id: who gets the session.
            session: about to begin.
            version: the security version that the user had when the code was asked for.
            ending: the token of a session that ends.
            outcome: what to record in the same transaction.
            eviction: what to record as well if somebody is evicted.

        Returns:
            The session. None, and nothing changes, if no such matter stands, or the user is
            disabled, gone, or has another security version.
        """

    async def evict(
        self, user_id: str, *, mails: Sequence[NewMail] = (), eviction: Outcome = NOTHING
    ) -> ChangedUser | None:
        """Hand an account whose address was not verified to the owner of the address.

        Nothing stays by which somebody could get in who signed up with the address of another
        person (CWE-287; Sudhodanan and Paverd, "Pre-hijacked accounts", 2022). The password is
        unusable from then on. All sessions end, and so do all secrets, among them open changes
        of the address, links that undo one, and device tokens. All credentials are deleted:
        passkeys, linked identities, TOTP, recovery codes. The security version grows, so a
        sign-in in progress begins no session. The name becomes the part of the email before
        the `@`. The email is verified.

        Args:
            user_id: of the account. Somebody has proved, by a mail or to an operator, that the
                address is theirs.
            mails: what to queue in the same transaction.
            eviction: what to record in the same transaction.

        Returns:
            The user. None if nobody is evicted, and nothing is queued or recorded: the email was
            verified before, or there is no such user, or the account has no password, credential
            or session, so that nobody could have got in. The email is verified then as well.
        """

    async def verify_email(
        self, purpose: str, digest: bytes, *, outcome: Outcome = NOTHING
    ) -> User | None:
        """Spend a matter, and mark the email of its user as verified.

        Sessions stay, because the caller has found out that the user has read the mail. None, and
        nothing changes, if no such matter stands or it belongs to nobody.
        """

    async def sign_up(
        self,
        purpose: str,
        digest: bytes,
        user: NewUser,
        session: NewSession,
        *,
        waiting: str,
        proved: bytes,
        ending: TokenKey | None,
        outcome: Outcome = NOTHING,
    ) -> StartedSession | None:
        """Spend a matter and the sign-up that it proves, store the user, and begin a session.

        The caller has found out that both have one address. Other sign-ups with the subject of
        this one end.

        Args:
            purpose: of the matter.
            digest: of the matter or of one of its tokens.
            user: as for `users.add`.
            session: the new session.
            waiting: the purpose of sign-ups that wait for a proof.
            proved: the digest of the sign-up.
            ending: the token of a session to end, as `sessions.end_by_token` does.
            outcome: what to record in the same transaction.

        Returns:
            None, and nothing changes, if the matter or the sign-up does not stand, or another user
            has the email.
        """

    async def change_email(
        self,
        move: Move,
        *,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> ChangedUser | None:
        """Spend the link and the request of a change of address, and store the new address.

        It is verified from then on, and the security version grows. All sessions but one end, and
        all secrets of the user except those of the purposes in `keep`.

        Returns:
            None, and nothing changes, if the link or the request does not stand.

        Raises:
            EmailTaken: another user has the address, or may want it back. Nothing changes.
        """

    async def undo_email_change(
        self,
        purpose: str,
        digest: bytes,
        *,
        password_hash: str,
        added: timedelta,
        mails: Sequence[NewMail] = (),
        outcome: Outcome = NOTHING,
    ) -> ChangedUser | None:
        """Spend a matter that is not bound to the user's version, and give its address back.

        The password becomes `password_hash`, all sessions end, and so do all secrets except the
        matters of the same purpose that are older. Credentials that were added less than `added`
        before the deadline of the matter are deleted, because the person who changed the
        address may have added them.

        Returns:
            None, and nothing changes, if the matter does not stand.

        Raises:
            EmailTaken: another user has the address. Nothing changes.
        """
