"""Verify the address of an account: send a link, and accept it from the person who has the account.

`authingo.mail.proof` says why the link alone is not enough.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from authingo import arguments, events
from authingo.attempts import Outcome
from authingo.core import Core
from authingo.errors import InvalidToken
from authingo.mail.asked import count_request, counts_unproved, hold_back_from_strangers
from authingo.mail.links import Content, addressee, draw_link, new_digest
from authingo.mail.notices import verification_mail
from authingo.mail.proof import Presented, admit, prove, session_of
from authingo.mail.queue import Queue
from authingo.mail.settings import VERIFY_PURPOSE
from authingo.mail.sign_ups import HOURS, SignUps
from authingo.models import NO_CLIENT, Client, SignedIn, UserAndSession
from authingo.stores.mails import Mail
from authingo.stores.secrets import NewMatter


class Verification:
    """Send a link to verify an address, and accept it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def request(self, *, session_token: str | None, client: Client = NO_CLIENT) -> bool:
        """Queue a mail with a link to verify the address of the user of a session.

        Returns:
            False if the address is verified already. Otherwise True, even if too many mails were
            asked for, so that none is sent now.

        Raises:
            NoSession, SessionExpired: nobody is signed in.
            TooManyRequests: the network asked for too many mails, to any addresses.
        """
        arguments.require_text_or_none(session_token=session_token)
        arguments.require_client(client)
        user = (await self._core.cache.ask(session_token)).user
        if user.email_verified:
            return False
        await count_request(self._core, None, client)
        await self._core.capability(Queue).add(verification_mail(user, client))
        return True

    async def verify(self, presented: Presented) -> SignedIn | UserAndSession:
        """Mark an address as verified.

        Returns:
            The session of the request, or the one that begins with the password.

        Raises:
            InvalidToken: the token is unknown, spent, expired or replaced.
            PasswordRequired, InvalidCredentials, SessionExpired, TooManyRequests, Busy: as
                `prove`. Nothing was spent.
        """
        presented.check()
        store, check = await self._core.opened(), self._core.password_check
        await check.count_token(store, presented.client, hashes=False)
        matter = await store.secrets.find(VERIFY_PURPOSE, presented.digest)
        if matter is None:
            raise InvalidToken
        if matter.user_id is None or matter.version is None:
            return await self._core.capability(SignUps).complete(matter, presented)
        person = await prove(self._core, matter, presented)
        before = await store.users.find(matter.user_id)
        if before is None:
            raise InvalidToken
        proved = replace(before, email_verified=True)
        admitted = await admit(self._core, person, proved, presented, version=matter.version)
        verified = events.happened("email_verified", user_id=matter.user_id, ip=presented.client.ip)
        outcome = Outcome(events=(verified,))
        user = await store.recovery.verify_email(VERIFY_PURPOSE, presented.digest, outcome=outcome)
        if user is None:  # somebody was quicker, or the account has changed meanwhile
            raise InvalidToken
        events.publish(store, *outcome.events)
        return await session_of(
            self._core, person, user, presented, admitted, version=matter.version
        )


async def write_verification(core: Core, mail: Mail) -> Content | None:
    """Write the mail with the link, or return None where no link is due any more.

    None too if the mailbox got too many: anybody can sign up with tags of the address of another.
    This is counted here because a sign-up queues its mail in the statement that adds the user, and
    at the first try only, so that a mail which the server put off is not lost.
    """
    user = await addressee(core, mail)
    if user is None or user.email_verified:
        return None
    if mail.tries == 1 and not await counts_unproved(core, user.email):
        return None
    await hold_back_from_strangers(core, mail)
    new = NewMatter(
        purpose=VERIFY_PURPOSE,
        digest=new_digest(),
        lifetime=timedelta(hours=HOURS),
        user_id=user.id,
    )
    link = await draw_link(
        core, new, address=mail.address, page=core.settings.link_to("verify_email")
    )
    return Content({"link": link.url, "hours": str(HOURS)}, link) if link else None
