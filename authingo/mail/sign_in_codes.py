"""Sign in with a code that comes by mail, where `mail.email_code` is on.

The code proves the mailbox, and the cookie of the browser that asked for it proves that browser:
neither opens anything by itself (ASVS 5.0 V6.6.2). A code is good once, for ten minutes (V6.5.5),
and for three tries (V6.6.3). Whoever can read somebody's mail can sign in as them, as they could
reset the password. So email is no out-of-band authenticator (NIST SP 800-63B-4 §3.1.3.1, ASVS 5.0
V6.3.6), and this is off unless it is turned on.

A request does the same for everybody, known or not: it counts, opens a matter that only the
browser finds, and queues one mail. The code is drawn and hashed when the mail is delivered, for an
unknown address too. A try costs one hash whatever comes of it (V6.3.8).
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import msgspec

from authingo import arguments, events, policy, sessions
from authingo.core import Core
from authingo.errors import Busy, InvalidToken
from authingo.limits import Attempt
from authingo.mail import codes
from authingo.mail.asked import whom_to_mail
from authingo.mail.links import Content
from authingo.mail.notices import said_when, said_where, seen_address
from authingo.mail.queue import Queue
from authingo.mail.settings import SIGN_IN_CODE_PURPOSE
from authingo.models import NO_CLIENT, Client, NewSession, Outcome, SignedIn, StartedSession
from authingo.stores import Store
from authingo.stores.mails import Mail, NewMail
from authingo.stores.secrets import Matter, NewMatter
from authingo.tokens import BrowserToken, DeviceToken, digest, session_digest

_MINUTES = 10  # from the request, of the code and of the mail that brings it
_LIFETIME = timedelta(minutes=_MINUTES)
_TRIES = 3
_KEPT = 3  # codes of one request: a mail whose delivery is uncertain is sent again with another


class _Facts(msgspec.Struct):
    """What the mail will need."""

    matter: bytes
    version: int | None  # the user's security version at the request
    at: datetime
    ip: str | None


class _Drawn(msgspec.Struct):
    """What the matter keeps: who signs in, and the hashes of the codes, which share one salt."""

    user_id: str | None
    version: int | None
    hashes: list[str]


class SignInCodes:
    """Send a code by mail, and sign in with it. Creates no users."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def request(
        self,
        *,
        email: str,
        ceremony: str | None = None,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> str:
        """Queue a mail with a code, and return the next value of the `ceremony` cookie.

        The code works only together with this value. Nothing tells whether there is such an
        account, or whether too many mails were asked for.

        Args:
            email: of the account; it need not exist.
            ceremony: the value that the browser had. What it was for ends.
            device: the device cookie of the browser, if it sent one.
            client: who asks.

        Raises:
            InvalidInput: `email` is empty or too long.
            TooManyRequests: the network asked for too many mails, to any addresses.
        """
        arguments.require_text(email=email)
        arguments.require_text_or_none(ceremony=ceremony, device=device)
        arguments.require_client(client)
        policy.refuse_sizes(email=email)
        found = await whom_to_mail(self._core, email, DeviceToken.parse_all(device), client)
        store, token = await self._core.opened(), BrowserToken.generate()
        if before := BrowserToken.parse(ceremony):
            await store.secrets.forget(SIGN_IN_CODE_PURPOSE, before.digest)
        # It belongs to nobody yet, because the same has to be stored for an unknown address.
        await store.secrets.open(
            NewMatter(purpose=SIGN_IN_CODE_PURPOSE, digest=token.digest, lifetime=_LIFETIME)
        )
        facts = _Facts(
            matter=token.digest,
            version=found.version if found else None,
            at=datetime.now(UTC),
            ip=seen_address(client),
        )
        await self._core.capability(Queue).add(
            NewMail(
                kind=SIGN_IN_CODE_PURPOSE,
                address=found.user.email if found else "",
                user_id=found.user.id if found else None,
                lifetime=_LIFETIME,
                language=client.language or "",
                facts=msgspec.json.encode(facts),
                due=found is not None,
            )
        )
        return str(token)

    async def sign_in(
        self,
        *,
        code: str,
        ceremony: str | None,
        session_token: str | None = None,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> SignedIn:
        """Sign in with a code, and the `ceremony` cookie of the browser that asked for it.

        The email is verified from then on. If it was not, somebody else may have signed up with
        it, so everything in the account ends, and the password becomes unusable.

        Args:
            code: as it was typed.
            ceremony: the value of the `ceremony` cookie.
            session_token: the session that the browser had ends.
            device: the device cookie of the browser, if it sent one.
            client: who signs in.

        Raises:
            InvalidToken: the code is wrong, spent, expired, of another browser, or was tried too
                often; or the user has been disabled or has changed meanwhile.
            InvalidInput: `code` is empty or too long.
            TooManyRequests, Busy: try again later. The code was not tried.
        """
        arguments.require_text(code=code)
        arguments.require_text_or_none(
            ceremony=ceremony, session_token=session_token, device=device
        )
        arguments.require_client(client)
        policy.refuse_sizes(code=code)
        store, token = await self._core.opened(), BrowserToken.parse(ceremony)
        attempt = await self._core.password_check.count_token(store, client, hashes=True)
        key = token.digest if token else digest(secrets.token_bytes(32))
        drawn = await self._drawn_if_right(store, key, code, attempt)
        begun = None
        if drawn.hashes and drawn.user_id is not None and drawn.version is not None:
            begun = await self._begin(
                store,
                key,
                user_id=drawn.user_id,
                version=drawn.version,
                ending=session_digest(session_token) if session_token else None,
                devices=DeviceToken.parse_all(device),
                client=client,
            )
        if begun is None:
            failed = events.happened("sign_in_failed", user_id=drawn.user_id, ip=client.ip)
            await events.record(store, failed)
            raise InvalidToken
        return begun

    async def _drawn_if_right(
        self, store: Store, key: bytes, code: str, attempt: Attempt
    ) -> _Drawn:
        """Count a try, and return what was drawn; without hashes if the code is not right.

        The hash comes first, so that a try is not used up where there was no time to hash. What
        it is compared with is read together with the count of the try.
        """
        known = _drawn(await store.secrets.find(SIGN_IN_CODE_PURPOSE, key))
        typed = codes.read(code)
        try:
            hashed = await self._core.hasher.run(
                attempt.hashes_for,
                codes.hash_code,
                typed or "",
                self._core.hasher.cost,
                next(iter(known.hashes), None),
            )
        except Busy:
            await store.events.record(attempt.not_made())
            raise
        drawn = _drawn(await store.secrets.count_try(SIGN_IN_CODE_PURPOSE, key, most=_TRIES))
        right = codes.is_one_of(hashed, drawn.hashes) and typed is not None
        return drawn if right else _Drawn(user_id=drawn.user_id, version=None, hashes=[])

    async def _begin(
        self,
        store: Store,
        key: bytes,
        *,
        user_id: str,
        version: int,
        ending: bytes | None,
        devices: tuple[DeviceToken, ...],
        client: Client,
    ) -> SignedIn | None:
        evicted = events.happened("user_evicted", user_id=user_id, ip=client.ip)

        async def write(session: NewSession, outcome: Outcome) -> StartedSession | None:
            return await store.recovery.sign_in_by_code(
                SIGN_IN_CODE_PURPOSE,
                key,
                user_id,
                session,
                version=version,
                ending=ending,
                outcome=outcome,
                eviction=Outcome(events=(evicted,)),
            )

        return await sessions.begin(
            write,
            "sign_in",
            user_id,
            settings=self._core.settings.sessions,
            methods=(sessions.CODE,),
            client=client,
            devices=devices,
            device=await sessions.recognized(store, devices, user_id),
        )


def _drawn(matter: Matter | None) -> _Drawn:
    if matter is None or matter.data is None:
        return _Drawn(user_id=None, version=None, hashes=[])
    return msgspec.json.decode(matter.data, type=_Drawn)


async def write_code(core: Core, mail: Mail) -> Content | None:
    """Draw the code, and write the mail with it; None where no code is due any more.

    A mail that nobody gets is written too, with a code that leads nowhere, because the hash takes
    time that somebody could measure (ASVS 5.0 V6.3.8). A mail that may have been delivered is
    sent again with another code, and both are good: many mailboxes show only the first of two
    with one Message-ID.

    Raises:
        Busy: too many passwords are being hashed.
    """
    facts = msgspec.json.decode(mail.facts or b"", type=_Facts)
    store, code = await core.opened(), codes.draw()
    matter = await store.secrets.find(SIGN_IN_CODE_PURPOSE, facts.matter)
    before = _drawn(matter).hashes
    hashed = await core.hasher.run(
        None, codes.hash_code, code, core.hasher.cost, next(iter(before), None)
    )
    found = await store.users.by_email(mail.address)
    same = found is not None and (found.user.id, found.version) == (mail.user_id, facts.version)
    if mail.due and (not same or (found and found.user.disabled_at)):
        return None
    drawn = _Drawn(user_id=mail.user_id, version=facts.version, hashes=[*before, hashed][-_KEPT:])
    if not await store.secrets.put(SIGN_IN_CODE_PURPOSE, facts.matter, msgspec.json.encode(drawn)):
        return None  # the browser has signed out, or has asked for another one
    return Content(
        {
            "code": codes.shown(code),
            "minutes": str(_MINUTES),
            "when": said_when(facts.at),
            "where": said_where(facts.ip, otherwise="an address that is not known"),
        }
    )
