"""Change the address of an account: a link to the new one, and a way back for the old one.

The link proves the new mailbox, and `authingo.mail.proof` says what proves the person. Neither
mailbox alone can complete or prevent a change: not the owner of an address that the user mistyped,
and not somebody else who reads the old mail. The old address gets a link that undoes the change for
72 hours, if it had been verified (ASVS 5.0 V6.3.7, V7.5.1; OWASP Forgot Password Cheat Sheet).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from authingo import arguments, events, inputs, policy, sessions
from authingo.attempts import Outcome
from authingo.capabilities import lasting_purposes
from authingo.core import Core
from authingo.errors import InvalidInput, InvalidToken
from authingo.mail.asked import count_request, counts_unproved, hold_back_from_strangers
from authingo.mail.links import Content, draw_link, draw_token, new_digest, token_digest
from authingo.mail.notices import EMAIL_CHANGED, notice, values_of
from authingo.mail.proof import Person, Presented, admit, prove, session_of
from authingo.mail.queue import Queue
from authingo.mail.resets import reset_mail
from authingo.mail.settings import (
    ASKED_PURPOSE,
    CHANGE_PURPOSE,
    EMAIL_CHANGE_UNDONE,
    UNDO_PURPOSE,
)
from authingo.models import NO_CLIENT, Client, SignedIn, User, UserAndSession
from authingo.passwords import NO_PASSWORD
from authingo.sessions import Admitted
from authingo.stores.mails import Mail, NewMail
from authingo.stores.recovery import Move
from authingo.stores.secrets import NewMatter, address_digest
from authingo.tokens import digest

MINUTES = 60  # that the link to the new address works, from its delivery
HOURS = 72  # that the old address can undo it, from the change
_WORTH_SENDING = timedelta(hours=6)
_UNDO = timedelta(hours=HOURS)
_ADDED = _UNDO + timedelta(days=1)  # what was added since a day before the change is suspect
_ASKED = _WORTH_SENDING + timedelta(minutes=MINUTES)  # how long a request may be completed


@dataclass(frozen=True, slots=True, repr=False)
class PendingEmailChange:
    """A change of address that waits until somebody follows the link in the mail.

    Args:
        new_email: the address that the mail goes to.
        requested_at: when the user asked for it. When the mail was sent is not said, nor whether:
            that depends on what others had sent to the same address.
    """

    new_email: str
    requested_at: datetime


class _Facts(msgspec.Struct):
    matter: bytes  # the digest of the request, or of what can be undone


class _UndoFacts(msgspec.Struct):
    matter: bytes
    notice: bytes  # the facts of a notice: when and from where the address was changed


class EmailChanges:
    """Change an address, and undo that."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def request(self, user: User, *, new_email: str, client: Client = NO_CLIENT) -> None:
        """Queue a mail to another address, with a link that makes it the address of a user.

        An earlier request of the user ends. Nothing tells whether the address has an account.
        Require a recent authentication before, with `Auth.require_recent`.

        Raises:
            InvalidInput: `new_email` is not an email address, or is the user's already.
            TooManyRequests: the network asked for too many mails, to any addresses.
        """
        arguments.require_text(new_email=new_email)
        arguments.require_client(client)
        email = inputs.normalize_email(new_email)
        if email is None:
            raise InvalidInput({"new_email": policy.BAD_EMAIL})
        if email == user.email:
            raise InvalidInput({"new_email": "is your address already"})
        store = await self._core.opened()
        await count_request(self._core, None, client)
        allowed = await counts_unproved(self._core, email, asker=user)
        await self.cancel(user)
        asked = await store.secrets.open(
            NewMatter(
                purpose=ASKED_PURPOSE,
                digest=new_digest(),
                lifetime=_ASKED,
                user_id=user.id,
                subject=_about(user),
                data=email.encode(),
            )
        )
        if asked is None:  # the user was disabled or deleted meanwhile
            return
        await self._core.capability(Queue).add(
            NewMail(
                kind=CHANGE_PURPOSE,
                address=email,
                user_id=user.id,
                lifetime=_WORTH_SENDING,
                language=client.language or "",
                facts=msgspec.json.encode(_Facts(matter=asked.digest)),
                due=allowed,
            )
        )

    async def pending(self, user: User) -> PendingEmailChange | None:
        """Return the change of address that a user has asked for and that is not complete."""
        store = await self._core.opened()
        for asked in await store.secrets.open_about(ASKED_PURPOSE, _about(user)):
            return PendingEmailChange((asked.data or b"").decode(), asked.expires_at - _ASKED)
        return None

    async def cancel(self, user: User) -> bool:
        """End the change of address that a user has asked for; return whether there was one.

        The link in its mail works no more. A mail that still waits is not sent.
        """
        store = await self._core.opened()
        found = await store.secrets.open_about(ASKED_PURPOSE, _about(user))
        ended = [await store.secrets.forget(ASKED_PURPOSE, one.digest) for one in found]
        return any(ended)

    async def change(self, presented: Presented) -> SignedIn | UserAndSession:
        """Store the new address. It is verified, and every other session of the user ends.

        Returns:
            The session of the request, or the one that begins with the password.

        Raises:
            InvalidToken: the token is unknown, spent, expired or replaced.
            EmailTaken: another user has the address, or may want it back. Nothing was spent.
            PasswordRequired, InvalidCredentials, SessionExpired, TooManyRequests, Busy: as
                `prove`. Nothing was spent.
        """
        presented.check()
        store, client = await self._core.opened(), presented.client
        await self._core.password_check.count_token(store, client, hashes=False)
        matter = await store.secrets.find(CHANGE_PURPOSE, presented.digest)
        asked = await store.secrets.find(ASKED_PURPOSE, matter.data or b"") if matter else None
        if matter is None or asked is None or matter.user_id is None or matter.version is None:
            raise InvalidToken
        person = await prove(self._core, matter, presented)
        user = await store.users.find(matter.user_id)
        if user is None:
            raise InvalidToken
        session = person.caller.session.id if person.caller else None
        most, email = self._core.settings.sessions.max_per_user, (asked.data or b"").decode()
        admitted = await self._admit(person, user, email, presented, version=matter.version + 1)
        await sessions.end_surplus(store, user.id, keep=most, but=session)
        undo = _undo_of(user) if user.email_verified else None
        told = [notice(EMAIL_CHANGED, user.id, email, client)]
        if undo:
            told.append(_undo_mail(undo, user, client))
        done = events.happened("email_changed", user_id=user.id, session_id=session, ip=client.ip)
        changed = await store.recovery.change_email(
            Move(
                purpose=CHANGE_PURPOSE,
                digest=presented.digest,
                request=ASKED_PURPOSE,
                email=email,
                session=session,
                undo=undo,
            ),
            keep=(*lasting_purposes(), sessions.DEVICE),
            mails=told,
            outcome=Outcome(events=(done,)),
        )
        if changed is None:  # somebody was quicker, or the account has changed meanwhile
            raise InvalidToken
        self._core.capability(Queue).wake()
        events.publish(store, done)
        return await session_of(
            self._core, person, changed.user, presented, admitted, version=matter.version + 1
        )

    async def _admit(
        self, person: Person, user: User, email: str, presented: Presented, *, version: int
    ) -> Admitted | None:
        """Ask whether the address may change, and whether a session may begin with that.

        Raises:
            AuthError: it may not. The attempt is given back.
        """
        async with self._core.giving_back(person.attempt):
            await self._core.ask_gates(
                "change_email", user, method=person.method, client=presented.client, email=email
            )
        moved = replace(user, email=email, email_verified=True)
        return await admit(self._core, person, moved, presented, version=version)

    async def undo(self, *, token: str, email: str, client: Client = NO_CLIENT) -> User:
        """Give an account its old address back, and mail a link to choose a new password.

        Somebody who changed the address may have changed anything: so every session and every other
        secret ends, and the password is unusable. The user types the address, so that neither a
        scanner nor a click by mistake undoes anything.

        Args:
            token: of the link.
            email: the address that the mail was sent to.
            client: who asks.

        Raises:
            InvalidToken: the token is unknown, spent or expired.
            InvalidInput: it is another address. Nothing was spent.
            EmailTaken: an import has given the address to another user. Nothing was spent.
            TooManyRequests: try again later.
        """
        arguments.require_text(token=token, email=email)
        arguments.require_client(client)
        policy.refuse_sizes(token=token, email=email)
        store, key = await self._core.opened(), token_digest(token)
        await self._core.password_check.count_token(store, client, hashes=False)
        matter = await store.secrets.find(UNDO_PURPOSE, key)
        if matter is None or matter.user_id is None or matter.address is None:
            raise InvalidToken
        if inputs.normalize_email(email) != matter.address:
            raise InvalidInput({"email": "is not the address that the mail was sent to"})
        most = self._core.settings.sessions.max_per_user
        await sessions.end_surplus(store, matter.user_id, keep=most)
        done = events.happened(EMAIL_CHANGE_UNDONE, user_id=matter.user_id, ip=client.ip)
        changed = await store.recovery.undo_email_change(
            UNDO_PURPOSE,
            key,
            password_hash=NO_PASSWORD,
            added=_ADDED,
            mails=[reset_mail(matter.user_id, matter.address, client)],
            outcome=Outcome(events=(done,)),
        )
        if changed is None:
            raise InvalidToken
        self._core.capability(Queue).wake()
        events.publish(store, done)
        return changed.user


def _about(user: User) -> bytes:
    """Return what finds the requests of a user."""
    return digest(b"change of address " + user.id.encode())


def _undo_of(user: User) -> NewMatter:
    """Return what holds the address of a user while a change of it can be undone."""
    return NewMatter(
        purpose=UNDO_PURPOSE,
        digest=new_digest(),
        lifetime=_UNDO,
        user_id=user.id,
        bound=False,
        address=user.email,
        subject=address_digest(user.email),
    )


def _undo_mail(undo: NewMatter, user: User, client: Client) -> NewMail:
    told = notice(EMAIL_CHANGED, user.id, user.email, client)
    facts = _UndoFacts(matter=undo.digest, notice=told.facts or b"")
    return NewMail(
        kind=UNDO_PURPOSE,
        address=user.email,
        user_id=user.id,
        lifetime=_UNDO,
        language=told.language,
        facts=msgspec.json.encode(facts),
    )


async def write_change(core: Core, mail: Mail) -> Content | None:
    """Write the mail to the new address, or return None where no link is due any more."""
    store, values = await core.opened(), {"minutes": str(MINUTES)}
    if not mail.due:
        return Content({**values, "link": core.settings.public_url or ""})
    facts = msgspec.json.decode(mail.facts or b"", type=_Facts)
    asked = await store.secrets.find(ASKED_PURPOSE, facts.matter)
    if asked is None or asked.address is None:
        return None
    await hold_back_from_strangers(core, mail)
    new = NewMatter(
        purpose=CHANGE_PURPOSE,
        digest=new_digest(),
        lifetime=timedelta(minutes=MINUTES),
        user_id=asked.user_id,
        version=asked.version,
        data=asked.digest,
    )
    page = core.settings.link_to("change_email")
    link = await draw_link(core, new, address=asked.address, page=page)
    return Content({**values, "link": link.url}, link) if link else None


async def write_undo(core: Core, mail: Mail) -> Content | None:
    """Write the mail to the old address; without a link where nothing can be undone now.

    The user may have been disabled or deleted since. The owner has to hear of the change anyway.
    """
    facts = msgspec.json.decode(mail.facts or b"", type=_UndoFacts)
    page = core.settings.link_to("undo_email_change")
    link = await draw_token(core, UNDO_PURPOSE, facts.matter, page=page)
    if link is None:
        return Content(values_of(facts.notice), template=EMAIL_CHANGED)
    values = {**values_of(facts.notice), "link": link.url, "hours": str(HOURS)}
    return Content(values, link)
