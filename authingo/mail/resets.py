"""Reset a password: send a link by mail, and accept a new password from its reader.

The answer to a request is the same for everybody, known or not, at about the same time, because
each request does the same: it counts, and queues one mail, which is dropped at delivery where
nothing is due (ASVS 5.0 V6.3.8; OWASP Forgot Password Cheat Sheet). The token is drawn when the
mail is delivered, so the queue holds no secret. A link proves only the mailbox: nobody is signed
in by it, and a second factor stays in force (ASVS 5.0 V6.4.3, NIST SP 800-63B-4 §4.2).
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from authingo import arguments, events, policy, sessions
from authingo.attempts import Outcome
from authingo.capabilities import lasting_purposes
from authingo.core import Core
from authingo.errors import InvalidToken, NoSuchUser
from authingo.mail.asked import whom_to_mail
from authingo.mail.invitations import invitation
from authingo.mail.links import Content, Link, addressee, draw_link, new_digest, token_digest
from authingo.mail.notices import PASSWORD_CHANGED, notice
from authingo.mail.queue import Queue
from authingo.mail.settings import PASSWORD_RESET, RESET_PURPOSE, require_mail
from authingo.models import NO_CLIENT, Client, User
from authingo.passwords import NO_PASSWORD
from authingo.stores.mails import Mail, NewMail
from authingo.stores.secrets import NewMatter
from authingo.tokens import DeviceToken

MINUTES = 60  # that a link works, from its delivery: mail takes longer than a code on a phone
_WORTH_SENDING = timedelta(hours=6)  # after that, somebody who still wants in has asked again


class _Facts(msgspec.Struct):
    version: int | None  # the user's security version when the mail was asked for; None: any


class PasswordResets:
    """Send a link to choose a new password, and store the password."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def request(
        self,
        *,
        email: str,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> None:
        """Queue a mail with a link to choose a new password.

        Nothing tells whether there is such an account, or whether too many mails were asked for.

        Args:
            email: of the account; it need not exist.
            device: the device cookie of the browser, if it sent one.
            client: who asks.

        Raises:
            InvalidInput: `email` is empty or too long.
            TooManyRequests: the network asked for too many mails, to any addresses.
        """
        arguments.require_text(email=email)
        arguments.require_text_or_none(device=device)
        arguments.require_client(client)
        policy.refuse_sizes(email=email)
        devices = DeviceToken.parse_all(device)
        found = await whom_to_mail(self._core, "resets", email, devices, client)
        mail = (
            reset_mail(found.user.id, found.user.email, client, version=found.version)
            if found
            else reset_mail(None, "", client)
        )
        await self._core.capability(Queue).add(mail)

    async def send(self, user: User) -> None:
        """Queue a mail with a link for a user whom an operator names. No limit counts it.

        A user who has no password and never proved the address gets an invitation.

        Raises:
            ConfigError: mail is off.
        """
        require_mail(self._core.settings)
        known = await (await self._core.opened()).users.by_email(user.email)
        if known is None or known.user.id != user.id:  # changed or deleted meanwhile
            raise NoSuchUser
        if known.password_hash == NO_PASSWORD and not known.user.email_verified:
            mail = invitation(user.id, user.email, known.version)
            await self._core.capability(Queue).add(mail)
        else:
            mail = reset_mail(known.user.id, known.user.email, NO_CLIENT, version=known.version)
            await self._core.capability(Queue).add(mail)

    async def reset(
        self,
        *,
        token: str,
        new_password: str,
        client: Client = NO_CLIENT,
    ) -> User:
        """Store a new password, and end every session of the user. Nobody is signed in.

        The token is spent together with the change: a password that is refused spends nothing.

        Raises:
            InvalidToken: the token is unknown, spent, expired or replaced.
            InvalidInput: the policy does not accept the password.
            TooManyRequests, Busy: try again later.
        """
        arguments.require_text(token=token, new_password=new_password)
        arguments.require_client(client)
        policy.refuse_sizes(token=token)
        rules, store = self._core.settings.passwords, await self._core.opened()
        policy.require_password(rules, new_password, email="", field="new_password")
        check, key = self._core.password_check, token_digest(token)
        attempt = await check.count_token(store, client, hashes=True)
        matter = await store.secrets.find(RESET_PURPOSE, key)
        if matter is None or matter.user_id is None or matter.address is None:
            raise InvalidToken
        policy.require_password(rules, new_password, email=matter.address, field="new_password")
        new_hash = await check.hash_new(store, new_password, attempt, if_busy=attempt.not_made())
        most = self._core.settings.sessions.max_per_user
        await sessions.end_surplus(store, matter.user_id, keep=most)
        done = events.happened(PASSWORD_RESET, user_id=matter.user_id, ip=client.ip)
        evicted = events.happened("user_evicted", user_id=matter.user_id, ip=client.ip)
        changed = await store.recovery.reset_password(
            RESET_PURPOSE,
            key,
            new_hash,
            keep=lasting_purposes(),
            mails=[notice(PASSWORD_CHANGED, matter.user_id, matter.address, client)],
            outcome=Outcome(events=(done,)),
            eviction=Outcome(events=(evicted,)),
        )
        if changed is None:  # somebody was quicker, or the account has changed meanwhile
            raise InvalidToken
        self._core.capability(Queue).wake()
        events.publish(store, done, *([evicted] if changed.evicted else []))
        return changed.user


def reset_mail(
    user_id: str | None, address: str, client: Client, *, version: int | None = None
) -> NewMail:
    """Return the mail with a link to choose a new password; one that nobody gets without a user.

    `version`: the security version that the link is for; None: the one at its delivery.
    """
    return NewMail(
        kind=RESET_PURPOSE,
        address=address,
        user_id=user_id,
        lifetime=_WORTH_SENDING,
        language=client.language or "",
        facts=msgspec.json.encode(_Facts(version=version)),
        due=user_id is not None,
    )


async def write_reset(core: Core, mail: Mail) -> Content | None:
    """Write the mail with the link, or return None where no link is due any more.

    One that nobody gets is written too, with a link that leads nowhere. Writing takes some
    milliseconds in which no request is answered, and somebody who measures that would learn
    whether there is such an account (ASVS 5.0 V6.3.8).
    """
    if not mail.due:
        return Content({"link": core.settings.public_url or "", "minutes": str(MINUTES)})
    facts = msgspec.json.decode(mail.facts or b"", type=_Facts)
    user = await addressee(core, mail)
    link = await draw_reset(core, user, version=facts.version) if user else None
    return Content({"link": link.url, "minutes": str(MINUTES)}, link) if link else None


async def draw_reset(core: Core, user: User, *, version: int | None) -> Link | None:
    """Draw a link to choose a new password; None if the user has another version by now."""
    new = NewMatter(
        purpose=RESET_PURPOSE,
        digest=new_digest(),
        lifetime=timedelta(minutes=MINUTES),
        user_id=user.id,
        version=version,
    )
    return await draw_link(
        core, new, address=user.email, page=core.settings.link_to("reset_password")
    )
