"""Sign in with a code that comes by mail, where `mail.email_code` is on.

The code proves the mailbox, and the cookie of the browser that asked for it proves that browser:
neither opens anything by itself (ASVS 5.0 V6.6.2). A code is good once, for ten minutes (V6.5.5),
and for three tries (V6.6.3). Who can read the mail of a user can sign in as them, and could reset
the password too. So email is no out-of-band authenticator (NIST SP 800-63B-4 §3.1.3.1, ASVS 5.0
V6.3.6), and this is off unless it is turned on.

A request does the same for everybody, known or not: it counts, opens a matter that only the
browser finds, and queues one mail. The code is drawn and hashed when the mail is delivered, for an
unknown address too. A try costs one hash whatever comes of it (V6.3.8).
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from authingo import arguments, events, policy, sessions
from authingo.attempts import Outcome
from authingo.core import Core
from authingo.errors import InvalidToken
from authingo.limits import Attempt
from authingo.mail.asked import whom_to_mail
from authingo.mail.mailed_codes import LIFETIME, code_mail, drawn_if_right
from authingo.mail.queue import Queue
from authingo.mail.settings import SIGN_IN_CODE_PURPOSE
from authingo.models import NO_CLIENT, Client, NewSession, SignedIn, StartedSession, TokenKey
from authingo.stores import Store
from authingo.stores.secrets import NewMatter
from authingo.tokens import BrowserToken, DeviceToken, digest, session_key


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
        devices = DeviceToken.parse_all(device)
        found = await whom_to_mail(self._core, "codes", email, devices, client)
        store, token = await self._core.opened(), BrowserToken.generate()
        if before := BrowserToken.parse(ceremony):
            await store.secrets.forget(SIGN_IN_CODE_PURPOSE, before.digest)
        # It belongs to nobody yet, because the same has to be stored for an unknown address.
        await store.secrets.open(
            NewMatter(purpose=SIGN_IN_CODE_PURPOSE, digest=token.digest, lifetime=LIFETIME)
        )
        mail = code_mail(SIGN_IN_CODE_PURPOSE, token.digest, found, client)
        await self._core.capability(Queue).add(mail)
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
        drawn = await drawn_if_right(
            self._core, SIGN_IN_CODE_PURPOSE, key, code, attempt, if_busy=attempt.not_made()
        )
        begun = None
        if drawn.hashes and drawn.user_id is not None and drawn.version is not None:
            begun = await self._begin(
                store,
                key,
                attempt=attempt,
                user_id=drawn.user_id,
                version=drawn.version,
                ending=session_key(session_token),
                devices=DeviceToken.parse_all(device),
                client=client,
            )
        if begun is None:
            failed = events.happened("sign_in_failed", user_id=drawn.user_id, ip=client.ip)
            await events.record(store, failed)
            raise InvalidToken
        return begun

    async def _begin(
        self,
        store: Store,
        key: bytes,
        *,
        attempt: Attempt,
        user_id: str,
        version: int,
        ending: TokenKey | None,
        devices: tuple[DeviceToken, ...],
        client: Client,
    ) -> SignedIn | None:
        user = await store.users.find(user_id)
        if user is None or not user.may_be_taken_over:
            return None
        admitted = await self._core.admit(
            "sign_in",
            replace(user, email_verified=True),
            version=version,
            methods=(sessions.CODE,),
            client=client,
            attempt=attempt,
        )
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
            store,
            write,
            admitted,
            settings=self._core.settings.sessions,
            devices=devices,
            device=await sessions.recognized(store, devices, user_id),
        )
