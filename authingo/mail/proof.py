"""Who sent the token of a link: a link proves the mailbox, something else proves the person.

A link alone is not enough to verify or to change an address. Otherwise somebody could sign up with
the address of another person, or change to it by mistake, and that person's click, or a scanner
that opens links, would complete it (Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security
2022). So the link works together with one of these (ASVS 5.0 V6.3.5, V6.4.1):

- a session of the user, in a browser that the account recognizes. A session cookie alone does not
  suffice: another site of the same domain can plant one (RFC 6265 §8.6);
- the browser that signed up, or that signed in with the right password before the address was
  verified, within a day;
- the password. Then it is a sign-in, with the same limits.
"""

from __future__ import annotations

from dataclasses import dataclass

from authingo import arguments, events, policy, sessions
from authingo.core import Core
from authingo.errors import InvalidCredentials, InvalidToken, NoSession, PasswordRequired
from authingo.limits import Attempt
from authingo.mail.links import token_digest
from authingo.mail.settings import PENDING_PURPOSE
from authingo.models import NO_CLIENT, Client, Credentials, SignedIn, User, UserAndSession
from authingo.sessions import Admitted
from authingo.signing_in import SigningIn
from authingo.stores.secrets import Matter
from authingo.tokens import BrowserToken, DeviceToken


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Presented:
    """What came with the token of a link.

    Args:
        token: of the link.
        password: of the account. With it, this is a sign-in.
        session_token: of the browser.
        device: the device cookie of the browser.
        pending: the cookie of a browser that has to prove its address.
        client: who asks.
    """

    token: str
    password: str | None = None
    session_token: str | None = None
    device: str | None = None
    pending: str | None = None
    client: Client = NO_CLIENT

    def check(self) -> None:
        """Refuse what is of the wrong type or size.

        Raises:
            TypeError: a value is not a text.
            InvalidInput: token or password is empty or too long.
        """
        arguments.require_text(token=self.token)
        arguments.require_text_or_none(
            password=self.password,
            session_token=self.session_token,
            device=self.device,
            pending=self.pending,
        )
        arguments.require_client(self.client)
        given = {"token": self.token, "password": self.password}
        policy.refuse_sizes(**{name: text for name, text in given.items() if text is not None})

    @property
    def digest(self) -> bytes:
        """What the store keeps of the token."""
        return token_digest(self.token)

    @property
    def devices(self) -> tuple[DeviceToken, ...]:
        """The device tokens of the browser."""
        return DeviceToken.parse_all(self.device)


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """How the person was proved: by a session, a password, or the `pending` cookie (neither)."""

    caller: UserAndSession | None = None
    found: Credentials | None = None
    attempt: Attempt | None = None

    @property
    def method(self) -> str:
        """How, for a gate."""
        if self.caller:
            return "session"
        return sessions.PASSWORD if self.found else sessions.LINK


async def prove(core: Core, matter: Matter, presented: Presented) -> Person:
    """Find out whether a link came from the user of its matter. Nothing is spent.

    Raises:
        PasswordRequired: nothing but the link came, or it is that of another person.
        InvalidCredentials: the password is wrong.
        InvalidToken: the account has another address by now.
        SessionExpired: the session may prove it after a refresh.
        TooManyRequests, Busy: the password was not checked.
    """
    store = await core.opened()
    if presented.password is not None:
        found, attempt = await core.password_check.check_sign_in(
            store, matter.address or "", presented.password, presented.client, presented.devices
        )
        if found.user.id != matter.user_id:
            raise InvalidToken
        return Person(found=found, attempt=attempt)
    if browser := BrowserToken.parse(presented.pending):
        pending = await store.secrets.find(PENDING_PURPOSE, browser.digest)
        if pending is not None and pending.user_id == matter.user_id:
            return Person()
    try:
        caller = await core.cache.ask(presented.session_token)
    except NoSession:
        raise PasswordRequired from None
    if caller.user.id != matter.user_id or not await sessions.recognized(
        store, presented.devices, caller.user.id
    ):
        raise PasswordRequired
    return Person(caller=caller)


async def admit(
    core: Core, person: Person, user: User, presented: Presented, *, version: int
) -> Admitted | None:
    """Let somebody sign in by a link; None if they have a session already, which stays.

    Call it before anything is spent. `user`: as they will be after it.

    Raises:
        AuthError: no session may begin.
    """
    if person.caller is not None:
        return None
    return await core.admit(
        "sign_in",
        user,
        version=version,
        methods=(person.method,),
        client=presented.client,
        attempt=person.attempt,
    )


async def session_of(
    core: Core,
    person: Person,
    user: User,
    presented: Presented,
    admitted: Admitted | None,
    *,
    version: int,
) -> SignedIn | UserAndSession:
    """Return the session of the request, or begin one where the link was a sign-in.

    Args:
        core: of the application.
        person: who was proved.
        user: as they are now.
        presented: what the request had.
        admitted: what `admit` returned.
        version: the security version that the user has now.

    Raises:
        InvalidCredentials: the user has changed meanwhile.
    """
    if person.caller is not None:
        return UserAndSession(user, person.caller.session)
    assert admitted is not None  # noqa: S101 - otherwise there is a session
    signing_in = core.capability(SigningIn)
    begun = await signing_in.begin(
        admitted,
        version=version,
        session_token=presented.session_token,
        devices=presented.devices,
        attempt=person.attempt,
    )
    if begun is None:
        failed = events.happened("sign_in_failed", user_id=user.id, ip=presented.client.ip)
        await events.record(core.store, failed)
        raise InvalidCredentials
    if person.found is not None and person.attempt is not None and presented.password is not None:
        await core.password_check.strengthen(
            core.store, person.found, presented.password, person.attempt
        )
    return begun
