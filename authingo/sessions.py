"""How a session begins, is refreshed and ends. No HTTP, no SQL.

The store decides which tokens are valid and which may rotate, each in one atomic statement and by
the database's clock. This module calls the store in the right order and interprets the answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from authingo import events
from authingo.attempts import NewDevice, Outcome
from authingo.errors import NoSession, RefreshReused, SessionExpired
from authingo.ids import new_id
from authingo.limits import Attempt
from authingo.models import (
    Client,
    Event,
    Lifetimes,
    NewSession,
    Rotation,
    SignedIn,
    StartedSession,
    Tokens,
    UserAndSession,
    eviction_of,
)
from authingo.pace import repeat, soon
from authingo.stores import Store
from authingo.tokens import DeviceToken, RefreshToken, SessionToken, digest, new_nonce

if TYPE_CHECKING:
    from authingo.config import SessionSettings


# What `Session.methods` may have: how a user can prove who they are.
PASSWORD = "password"  # noqa: S105 - its name
DEVICE = "device"  # the purpose of the device tokens of a user
LINK = "link"  # in a mail, opened in the browser that asked for it
CODE = "code"  # from a mail, typed in the browser that asked for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Whose session may begin, and how. Only `Core.admit` makes one for a sign-up or a sign-in.

    Args:
        event: the event that is recorded with it.
        user_id: the user who signs in.
        methods: how the user has proved who they are, such as "password".
        client: the client that signs in.
    """

    event: events.EventName
    user_id: str
    methods: tuple[str, ...]
    client: Client


# Writes a new session and an outcome in one transaction. Returns None if it may not begin.
WriteSession = Callable[[NewSession, Outcome], Awaitable[StartedSession | None]]


async def begin(
    store: Store,
    write: WriteSession,
    admitted: Admitted,
    *,
    settings: SessionSettings,
    devices: Sequence[DeviceToken],
    device: DeviceToken | None = None,
    attempt: Attempt | None = None,
) -> SignedIn | None:
    """Begin a session. Every kind of sign-in ends here.

    Args:
        store: where `write` stores it.
        write: stores it.
        admitted: whose session it is.
        settings: its lifetimes, and how many sessions a user may have.
        devices: the device tokens of the request.
        device: the one of them by which the account recognizes the browser. Used only without
            an `attempt`, which has it already.
        attempt: the attempt that was counted; None if none was.

    Returns:
        The session with its tokens; None if the store did not let it begin.
    """
    client, user_id = admitted.client, admitted.user_id
    session_id, refresh = new_id("ses_"), RefreshToken.generate()
    session = SessionToken.generate(session_id)
    next_device = DeviceToken.generate(attempt.device if attempt else device)
    record = NewSession(
        id=session_id,
        token_digest=session.digest,
        selector_digest=refresh.selector_digest,
        verifier_digest=refresh.verifier_digest,
        lifetimes=settings.lifetimes,
        methods=admitted.methods,
        client=client,
        most=settings.max_per_user,
    )
    recognized = NewDevice(
        next_device.digest,
        next_device.browser_digest,
        presented=tuple(one.digest for one in devices),
    )
    happened = events.happened(admitted.event, user_id=user_id, session_id=record.id, ip=client.ip)
    if attempt is None:
        outcome = Outcome(events=(happened,), device=recognized)
    else:
        outcome = attempt.succeeded(happened, device=recognized)
    started = await write(record, outcome)
    if started is None:
        return None
    events.publish(store, *outcome.events, *started.events)
    tokens = Tokens(str(session), str(refresh), next_device.cookie(devices))
    return SignedIn(started.user, started.session, tokens)


async def recognized(
    store: Store, devices: Sequence[DeviceToken], user_id: str
) -> DeviceToken | None:
    """Return the one of these device tokens by which an account recognizes the browser.

    It is for sign-ins without an attempt. The next token replaces this one, so that the cookie
    has room for other users of the browser.
    """
    known = await store.devices.find([one.digest for one in devices]) if devices else {}
    for one in devices:
        match = known.get(one.digest)
        if match and match.active and match.user.id == user_id:
            return one
    return None


async def rotate(store: Store, token: str | None, lifetimes: Lifetimes, client: Client) -> SignedIn:
    """Replace both tokens of a session; answer a repeated request with the same pair.

    1. The current verifier is replaced in one atomic statement, so that exactly one of any
       number of simultaneous requests does it.
    2. During the grace, the verifier that was just replaced gets the same pair that the rotation
       gave. So tabs that refresh at the same time stay signed in, and so does a browser that
       never got the first answer. This extends no deadline. If a reauthentication has replaced
       the session token of that pair, only the refresh token is given: the browser has a newer
       session token, and must not be told to replace it by one that has ended.
    3. Any other verifier with a known selector is a stolen copy (RFC 9700 §4.14.2, ASVS 5.0
       V10.4.5): the session ends, for the thief and the victim.

    Raises:
        NoSession: the token is unknown or misspelt.
        SessionExpired: the session can no longer be refreshed. This is checked before case 3.
        RefreshReused: case 3. Only the first such request gets it.
    """
    presented = RefreshToken.parse(token) if token else None
    if presented is None:
        raise NoSession
    selector, verifier = presented.selector_digest, presented.verifier_digest
    nonce = new_nonce()
    secret, refresh_token = presented.successors(nonce)
    rotated = await store.sessions.rotate(
        Rotation(
            selector_digest=selector,
            verifier_digest=verifier,
            new_token_digest=digest(secret),
            new_verifier_digest=refresh_token.verifier_digest,
            nonce=nonce,
            lifetimes=lifetimes,
            client=client,
        )
    )
    if rotated is not None:
        return _signed_in(rotated, secret, refresh_token)
    match = await store.sessions.by_refresh(selector, verifier)
    if match is None:
        raise NoSession
    if not match.refreshable:
        raise SessionExpired
    if match.nonce is not None:
        again = UserAndSession(match.user, match.session)
        secret, refresh_token = presented.successors(match.nonce)
        is_current = digest(secret) == match.token_digest
        return _signed_in(again, secret if is_current else None, refresh_token)
    if not await store.sessions.end_reused(selector, verifier):
        raise NoSession  # another request with the same old token came first
    reused = events.happened(
        "refresh_reused", user_id=match.user.id, session_id=match.session.id, ip=client.ip
    )
    await events.record(store, reused)
    raise RefreshReused


async def revoke(
    store: Store,
    user_id: str,
    *,
    only: str | None = None,
    but: str | None = None,
    client: Client | None = None,
) -> int:
    """End sessions of a user and return how many, with one event for all of them.

    It works in steps, so that ending tens of thousands does not block other requests. A
    session is no longer accepted once its step is committed. If a step fails, the event counts
    the sessions that ended before.
    """
    total, last = 0, ""

    async def step(size: int) -> int:
        nonlocal total, last
        ended = await store.sessions.end_of_user(user_id, only=only, but=but, batch_size=size)
        total += len(ended)
        last = ended[-1] if ended else last
        return len(ended)

    try:
        await repeat(step, soon())
    finally:
        if total:
            await events.record(store, revoked(user_id, last, total, client))
    return total


def revoked(user_id: str, session_id: str, count: int, client: Client | None = None) -> Event:
    """Make the event that says how many sessions of a user were revoked; `session_id` is one."""
    return events.happened(
        "session_revoked",
        user_id=user_id,
        session_id=session_id if count == 1 else None,
        ip=client.ip if client else None,
        count=count if count > 1 else None,
    )


async def end_surplus(store: Store, user_id: str, *, keep: int, but: str | None = None) -> int:
    """End a user's sessions beyond `keep`, and return how many of them could be refreshed.

    Call it before a change that must end all of them in one transaction. It works in steps,
    like `revoke`, so that the transaction is short even if there are tens of thousands.
    """
    ended: list[str] = []

    async def step(size: int) -> int:
        surplus = await store.sessions.end_surplus(user_id, keep=keep, but=but, batch_size=size)
        ended.extend(one for one, refreshable in surplus.items() if refreshable)
        return len(surplus)

    try:
        await repeat(step, soon())
    finally:
        if eviction := eviction_of(ended, user_id, None):
            await events.record(store, eviction)
    return len(ended)


def _signed_in(found: UserAndSession, secret: bytes | None, refresh: RefreshToken) -> SignedIn:
    session = None if secret is None else str(SessionToken(secret, found.session.id))
    return SignedIn(found.user, found.session, Tokens(session, str(refresh)))
