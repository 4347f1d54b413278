"""One session's life: begin, resume, rotate, revoke. No HTTP, no SQL.

Who may resume and who may rotate is decided by statements of the store, each
atomic and by the database's clock; this module says in which order they are
asked and what the answers mean.
"""

from __future__ import annotations

from authingo import events
from authingo.errors import NoSession, RefreshReused, SessionExpired
from authingo.models import (
    Client,
    Lifetimes,
    NewSession,
    Resumed,
    Rotation,
    SignedIn,
    TokenMatch,
    Tokens,
)
from authingo.stores import Store
from authingo.tokens import RefreshToken, SessionToken, new_nonce, session_digest


def mint(lifetimes: Lifetimes, client: Client) -> tuple[NewSession, Tokens]:
    """Draw the tokens of a new session: the record for the store, the secrets for the browser."""
    session, refresh = SessionToken.generate(), RefreshToken.generate()
    record = NewSession(
        token_digest=session.digest,
        selector_digest=refresh.selector_digest,
        verifier_digest=refresh.verifier_digest,
        lifetimes=lifetimes,
        client=client,
    )
    return record, Tokens(str(session), str(refresh))


async def resume(store: Store, token: str | None) -> Resumed:
    """Return who a session token stands for, by the store itself. Changes nothing.

    Raises:
        NoSession, SessionExpired: as `opened`; a misspelt token is not even looked up.
    """
    digest = session_digest(token) if token else None
    return opened(await store.session_and_user(digest) if digest else None)


def opened(match: TokenMatch | None) -> Resumed:
    """Return who a session token opens a session of, as far as the store knows it.

    The token that the last rotation replaced is good for the grace, and looked
    up only when no current one matches: a page that was loading while another
    tab refreshed keeps working.

    Raises:
        NoSession: there is no such token, or it is misspelt.
        SessionExpired: it is over, but a refresh may still renew the session.
    """
    if match is None:
        raise NoSession
    if not match.live:
        raise SessionExpired
    return match.resumed


async def rotate(store: Store, token: str | None, lifetimes: Lifetimes, client: Client) -> SignedIn:
    """Replace both tokens of a session; answer a repeated request with the same pair.

    1. The verifier that is current rotates: one atomic statement, so that of
       any number at once exactly one does.
    2. Its immediate predecessor, within the grace, gets the very pair that this
       rotation gave: tabs that refresh at once, and a browser that never saw the
       first answer, stay signed in. It extends nothing.
    3. Any other verifier with a known selector is a copy somebody kept (RFC 9700
       §4.14.2, ASVS 5.0 V10.4.5): the session ends, for the thief and the victim.

    Raises:
        NoSession: the token is unknown or misspelt.
        SessionExpired: the session can no longer be refreshed; this wins over reuse.
        RefreshReused: case 3, told once.
    """
    presented = RefreshToken.parse(token) if token else None
    if presented is None:
        raise NoSession
    selector, verifier = presented.selector_digest, presented.verifier_digest
    nonce = new_nonce()
    session_token, refresh_token = presented.successors(nonce)
    rotated = await store.rotate(
        Rotation(
            selector_digest=selector,
            verifier_digest=verifier,
            new_token_digest=session_token.digest,
            new_verifier_digest=refresh_token.verifier_digest,
            nonce=nonce,
            lifetimes=lifetimes,
            client=client,
        )
    )
    if rotated is not None:
        return _signed_in(rotated, session_token, refresh_token)
    match = await store.session_by_refresh(selector, verifier)
    if match is None:
        raise NoSession
    if not match.live:
        raise SessionExpired
    if match.nonce is not None:
        again = Resumed(match.user, match.session)
        return _signed_in(again, *presented.successors(match.nonce))
    if not await store.end_reused(selector, verifier):
        raise NoSession  # somebody else with the same stale token came first
    reused = events.happened(
        "refresh_reused", user_id=match.user.id, session_id=match.session.id, ip=client.ip
    )
    await events.record(store, reused)
    raise RefreshReused


def _signed_in(resumed: Resumed, session: SessionToken, refresh: RefreshToken) -> SignedIn:
    return SignedIn(resumed.user, resumed.session, Tokens(str(session), str(refresh)))
