"""Sign up where an address has to be verified first: nothing tells whether it is taken.

The answer to a sign-up is the same whether the address is free or taken, and so is all the work
behind it: an attempt is counted, the password is hashed, a sign-up is stored that waits, and a mail
is queued. What the mail says is found out when it is sent: a link that completes the sign-up, or
that there is an account already (ASVS 5.0 V6.3.8; OWASP Authentication Cheat Sheet, "Account
creation"). The user is stored when the link comes back together with what proves the person.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec

from authingo import arguments, events, policy, sessions
from authingo import profile as profiles
from authingo.attempts import Outcome
from authingo.core import Core
from authingo.errors import InvalidToken, PasswordRequired, SignUpClosed
from authingo.limits import Attempt
from authingo.mail.asked import counts_unproved, hold_back_from_strangers
from authingo.mail.links import Content, draw_link, new_digest
from authingo.mail.proof import Presented
from authingo.mail.queue import Queue
from authingo.mail.resets import MINUTES, draw_reset
from authingo.mail.settings import PENDING_PURPOSE, UNDO_PURPOSE, VERIFY_PURPOSE
from authingo.models import NO_CLIENT, Client, NewSession, NewUser, SignedIn, StartedSession
from authingo.stores.mails import Mail, NewMail
from authingo.stores.secrets import Matter, NewMatter, address_digest
from authingo.tokens import BrowserToken, digest, session_key

SIGN_UP = "sign_up"
ACCOUNT_EXISTS = "account_exists"
HOURS = 24  # that a link works, and that a sign-up waits
_WAITING = timedelta(hours=HOURS)


class _Waiting(msgspec.Struct):
    """What is stored of a sign-up that waits."""

    name: str
    password_hash: str
    profile: str | None = None


class _Facts(msgspec.Struct):
    sign_up: bytes  # the digest by which it is found


class SignUps:
    """Sign-ups that wait for their address to be verified."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def request(
        self,
        *,
        email: str,
        password: str,
        name: str,
        profile: Mapping[str, object] | None = None,
        client: Client = NO_CLIENT,
    ) -> str:
        """Store a sign-up that waits, and queue a mail. Nothing tells whether there is an account.

        Returns:
            The value of the cookie `pending`. A link that is opened in this browser completes the
            sign-up without the password.

        Raises:
            SignUpClosed: the setting `sign_up` is false.
            InvalidInput: the email, the password, the name or the profile is not acceptable.
            TooManyRequests, Busy: try again later.
        """
        arguments.require_text(email=email, password=password, name=name)
        arguments.require_client(client)
        settings, check = self._core.settings, self._core.password_check
        email, name = policy.accept_user(
            settings.passwords, email=email, password=password, name=name
        )
        text = profiles.changed(self._core.profiles, None, profile, by_client=True)
        if not settings.sign_up:
            raise SignUpClosed
        store = await self._core.opened()
        attempt = await check.count_sign_up(store, email, client)
        hashed = await check.hash_new(store, password, attempt, if_busy=attempt.not_made())
        allowed, browser = await counts_unproved(self._core, email), BrowserToken.generate()
        await store.secrets.open(
            NewMatter(
                purpose=PENDING_PURPOSE,
                digest=browser.digest,
                lifetime=_WAITING,
                address=email,
                subject=_about(email),
                data=msgspec.json.encode(_Waiting(name=name, password_hash=hashed, profile=text)),
            )
        )
        await self._core.capability(Queue).add(
            NewMail(
                kind=SIGN_UP,
                address=email,
                lifetime=_WAITING,
                language=client.language or "",
                facts=msgspec.json.encode(_Facts(sign_up=browser.digest)),
                due=allowed,
            )
        )
        return str(browser)

    async def complete(self, matter: Matter, presented: Presented) -> SignedIn:
        """Store the user of a sign-up, and sign in.

        A link proves the mailbox, no matter who had it sent. So it completes the sign-up of this
        browser with that address, if there is one: otherwise a stranger who signs up with an
        address, again and again, would use up the mails to its owner, who gets only links of the
        stranger then.

        Args:
            matter: of the link.
            presented: what came with it.

        Raises:
            InvalidToken: another sign-up with this address was completed, or the address is taken.
            PasswordRequired: this is not the browser that signed up, and no password came.
            InvalidCredentials: the password is wrong.
            TooManyRequests, Busy: the password was not checked.
        """
        store, settings = await self._core.opened(), self._core.settings
        proved = await self._proved_by(matter, presented)
        if proved is None or proved.address is None:
            raise InvalidToken
        waiting = msgspec.json.decode(proved.data or b"", type=_Waiting)
        attempt = await self._prove(proved, waiting, presented)
        new = NewUser(
            email=proved.address,
            name=waiting.name,
            password_hash=waiting.password_hash,
            profile=waiting.profile,
            email_verified=True,
        )
        admitted = await self._core.admit(
            "sign_up",
            new,
            version=None,
            methods=(sessions.PASSWORD if attempt else sessions.LINK,),
            client=presented.client,
            attempt=attempt,
        )
        verified = events.happened("email_verified", user_id=new.id, ip=presented.client.ip)
        token = presented.session_token

        async def write(session: NewSession, outcome: Outcome) -> StartedSession | None:
            return await store.recovery.sign_up(
                VERIFY_PURPOSE,
                presented.digest,
                new,
                session,
                waiting=PENDING_PURPOSE,
                proved=proved.digest,
                ending=session_key(token),
                outcome=replace(outcome, events=(*outcome.events, verified)),
            )

        begun = await sessions.begin(
            store,
            write,
            admitted,
            settings=settings.sessions,
            devices=presented.devices,
            attempt=attempt,
        )
        if begun is None:  # somebody was quicker, with this sign-up or another
            raise InvalidToken
        events.publish(store, verified)
        return begun

    async def _proved_by(self, matter: Matter, presented: Presented) -> Matter | None:
        """Return the sign-up that a link proves."""
        find = self._core.store.secrets.find
        if browser := BrowserToken.parse(presented.pending):
            own = await find(PENDING_PURPOSE, browser.digest)
            if own is not None and own.user_id is None and own.address == matter.address:
                return own
        return await find(PENDING_PURPOSE, matter.data or b"")

    async def _prove(
        self, proved: Matter, waiting: _Waiting, presented: Presented
    ) -> Attempt | None:
        """Find out whether a link came from the person who signed up. Nothing is spent."""
        if presented.password is not None:
            return await self._core.password_check.check_waiting(
                self._core.store,
                proved.address or "",
                presented.password,
                waiting.password_hash,
                client=presented.client,
                devices=presented.devices,
            )
        browser = BrowserToken.parse(presented.pending)
        if browser is None or not hmac.compare_digest(browser.digest, proved.digest):
            raise PasswordRequired
        return None


def _about(email: str) -> bytes:
    """Return what finds all sign-ups with an address."""
    return digest(b"sign-up " + email.encode())


async def write_sign_up(core: Core, mail: Mail) -> Content | None:
    """Write the mail of a sign-up: with a link that completes it, or that there is an account.

    A sign-up is for nothing if it has been forgotten. Others with the address do not end it:
    otherwise a stranger who knows the address could.
    """
    store = await core.opened()
    if not mail.due:
        return Content({"link": core.settings.public_url or "", "hours": str(HOURS)})
    account = await store.users.by_email(mail.address)
    if account is not None:
        if not account.user.may_be_taken_over:
            return None
        reset = await draw_reset(core, account.user, version=account.version)
        values = {"link": reset.url, "minutes": str(MINUTES)} if reset else {}
        return Content(values, reset, template=ACCOUNT_EXISTS) if reset else None
    if await store.secrets.open_about(UNDO_PURPOSE, address_digest(mail.address)):
        return None  # its owner has just changed to another address, and may want this one back
    sign_up = msgspec.json.decode(mail.facts or b"", type=_Facts).sign_up
    if await store.secrets.find(PENDING_PURPOSE, sign_up) is None:
        return None
    await hold_back_from_strangers(core, mail)
    new = NewMatter(
        purpose=VERIFY_PURPOSE,
        digest=new_digest(),
        lifetime=_WAITING,
        address=mail.address,
        data=sign_up,
    )
    link = await draw_link(
        core, new, address=mail.address, page=core.settings.link_to("verify_email")
    )
    return Content({"link": link.url, "hours": str(HOURS)}, link) if link else None
