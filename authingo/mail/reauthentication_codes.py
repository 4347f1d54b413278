"""Prove again who is signed in, by a code that comes by mail, where there is no password.

Somebody who has a copy of a session token is signed in, but cannot read the mail (NIST SP 800-63B-4
§5.2; ASVS 5.0 V7.5.1). Only a user without a password can do it, because a mailbox is weaker than a
password and the mailbox together. The code works only with the cookie of the browser that asked
for it, and in its session. Tries are counted for the session together with wrong passwords.
"""

from __future__ import annotations

from authingo import arguments, events, passwords, policy
from authingo.config import Settings
from authingo.core import Core
from authingo.errors import InvalidToken
from authingo.mail.asked import counts_code
from authingo.mail.mailed_codes import LIFETIME, code_mail, drawn_if_right
from authingo.mail.queue import Queue
from authingo.mail.settings import REAUTHENTICATION_CODE_PURPOSE, sends_mail
from authingo.models import NO_CLIENT, Client, Credentials, SignedIn
from authingo.reauthentication import Reauthentication
from authingo.sessions import CODE
from authingo.stores.secrets import NewMatter
from authingo.tokens import BrowserToken, DeviceToken, digest


class ReauthenticationCodes:
    """Send a code to the user who is signed in, and reauthenticate with it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def request(
        self,
        *,
        session_token: str | None,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> str | None:
        """Queue a mail with a code, and return the next value of the `ceremony` cookie.

        Returns:
            None, and nothing is sent, if the user has a password or an address that is not
            verified, or gets no other mail for now. An earlier code still works then.

        Raises:
            NoSession, SessionExpired: nobody is signed in.
            TooManyRequests: the network asked for too many mails.
        """
        arguments.require_text_or_none(session_token=session_token, device=device)
        arguments.require_client(client)
        store, devices = await self._core.opened(), DeviceToken.parse_all(device)
        caller = await self._core.cache.ask(session_token)
        found = await store.users.by_email(caller.user.email)
        if (
            found is None
            or found.user.id != caller.user.id
            or not methods_of(self._core.settings, found)
        ):
            return None
        if not await counts_code(self._core, found.user, devices, client):
            return None
        token = BrowserToken.generate()
        key = _key(token, caller.session.id)
        await store.secrets.open(
            NewMatter(
                purpose=REAUTHENTICATION_CODE_PURPOSE,
                digest=key,
                lifetime=LIFETIME,
                user_id=found.user.id,
                version=found.version,
            )
        )
        mail = code_mail(REAUTHENTICATION_CODE_PURPOSE, key, found, client)
        await self._core.capability(Queue).add(mail)
        return str(token)

    async def reauthenticate(
        self,
        *,
        session_token: str | None,
        code: str,
        ceremony: str | None,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> SignedIn:
        """Prove again who is signed in, and replace the session token. See Auth.reauthenticate.

        Args:
            session_token: of the session that asked for the code.
            code: as it was typed.
            ceremony: the value of the `ceremony` cookie.
            device: the device cookie of the browser, if it sent one.
            client: who asks.

        Raises:
            NoSession, SessionExpired: nobody is signed in.
            InvalidToken: the code is wrong, spent, expired, of another browser or session, or was
                tried too often.
            InvalidInput: `code` is empty or too long.
            TooManyRequests, Busy: try again later. The code was not tried.
        """
        arguments.require_text(code=code)
        arguments.require_text_or_none(
            session_token=session_token, ceremony=ceremony, device=device
        )
        arguments.require_client(client)
        policy.refuse_sizes(code=code)
        store, devices = await self._core.opened(), DeviceToken.parse_all(device)
        caller = await self._core.cache.ask(session_token)
        check = self._core.password_check
        attempt = await check.count_current(store, caller, client, devices)
        key = _key(BrowserToken.parse(ceremony), caller.session.id)
        drawn = await drawn_if_right(
            self._core,
            REAUTHENTICATION_CODE_PURPOSE,
            key,
            code,
            attempt,
            if_busy=attempt.not_made(),
        )
        # Spent before the session changes: if that fails, the user needs another code.
        right = drawn.hashes and drawn.user_id == caller.user.id
        spent = await store.secrets.spend(REAUTHENTICATION_CODE_PURPOSE, key) if right else None
        if spent is None or spent.version is None:
            failed = events.happened(
                "reauthentication_failed",
                user_id=caller.user.id,
                session_id=caller.session.id,
                ip=client.ip,
            )
            await events.record_outcome(store, attempt.failed(failed))
            raise InvalidToken
        proved = events.happened(
            "reauthenticated",
            user_id=caller.user.id,
            session_id=caller.session.id,
            ip=client.ip,
        )
        renewed = await self._core.capability(Reauthentication).renew(
            session_token,
            caller,
            methods=(CODE,),
            version=spent.version,
            outcome=attempt.succeeded(proved),
        )
        if renewed is None:
            await self._core.cache.ask(session_token)
            raise InvalidToken
        return renewed


def methods_of(settings: Settings, found: Credentials) -> tuple[str, ...]:
    """Return the method that a user has here: a code, if there is no password."""
    has_password = passwords.is_hash(found.password_hash)
    may = sends_mail(settings) and found.user.email_verified and not has_password
    return (CODE,) if may else ()


def _key(token: BrowserToken | None, session_id: str) -> bytes:
    """Return the digest of the matter, which only this browser in this session finds."""
    return digest((token or BrowserToken.generate()).secret + session_id.encode())
