"""Find out what a token is and in what state, from its spelling and from the store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from authingo.http.cookies import Kind
from authingo.models import RefreshMatch, Session, TokenMatch, User, WrongSecret
from authingo.stores import Store
from authingo.tokens import BrowserToken, DeviceToken, RefreshToken, SessionToken

from ..browsers.headers import ParsedCookie
from ..browsers.rules import Problem
from ..spans import span
from . import devices
from .sources import NAME

State = Literal["active", "expired", "rotated", "unknown", "malformed"]

Tokens = SessionToken | RefreshToken | BrowserToken | tuple[DeviceToken, ...]  # of a cookie

_LENGTHS: dict[Kind, tuple[int, ...]] = {
    "session": (70, 43),  # the shorter one is the form of earlier versions
    "refresh": (64,),
    "device": (64, 129, 194),  # up to three, joined by dots
    "pending": (43,),
    "ceremony": (43,),
}
_BETWEEN = (
    53  # characters: longer is a refresh token, shorter is a session token of earlier versions
)
# What the server does without a cookie.
_WITHOUT = {
    "device": "takes the browser for a stranger",
    "pending": "does not know what this browser has begun",
    "ceremony": "does not know what this browser has begun",
}
# What tools put in place of a secret before a file is shared.
_BLACKED_OUT = re.compile(
    r"\W?[\w -]{0,80}(redacted|saniti[sz]ed|removed|scrubbed|masked|hidden)[\w -]{0,80}\W?"
    r"|[*x\x80-\xff.-]{3,}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenState:
    """The state of a token and why, its user, and when the session ends at the latest.

    A device cookie has up to three tokens, and `devices` has one entry for each. Its state is
    the best of theirs, and its user is that of the latest one that an account recognizes.
    """

    state: State
    reason: str
    problem: Problem | None = None
    user: User | None = None
    session: Session | None = None
    ends: datetime | None = None
    devices: tuple[devices.Device, ...] = ()


def kind_of(given: ParsedCookie, prefix: str) -> Kind | Literal["unknown"]:
    """Return which cookie it is, by its name, or by the length of a value without a name.

    `prefix` is cookies.prefix. A name with another one belongs to another application.
    """
    match = NAME.fullmatch(given.name)
    if match and match["prefix"].lower() == prefix.lower():
        kind = match["kind"].lower()
        return next(known for known in _LENGTHS if known == kind)
    if given.name == "":
        if len(DeviceToken.parse_all(given.value)) > 1:
            return "device"
        value = given.value.strip("\"'")
        return "refresh" if "." not in value and len(value) > _BETWEEN else "session"
    return "unknown"


def tokens_of(given: ParsedCookie, kind: str) -> Tokens | None:
    """Return the tokens in a cookie of this kind, or None if they are not well-formed."""
    if kind == "session":
        return SessionToken.parse(given.value)
    if kind == "device":
        return DeviceToken.parse_all(given.value) or None
    if kind in {"pending", "ceremony"}:
        return BrowserToken.parse(given.value)
    return RefreshToken.parse(given.value) if kind == "refresh" else None


def by_spelling(given: ParsedCookie, kind: Kind | Literal["unknown"]) -> TokenState:
    """Judge a cookie that carries no well-formed token, without repeating any of it."""
    if kind == "unknown":
        return TokenState(state="unknown", reason="no cookie of authingo")
    if given.value == "" and given.attributes is not None:
        reason = "it carries no token: the server clears the cookie with it"
        return TokenState(state="unknown", reason=reason)
    if _BLACKED_OUT.fullmatch(given.value):
        reason = "its value was blacked out before it came here, so there is nothing to look up"
        return TokenState(state="unknown", reason=reason)
    fault = _fault(given.value, kind)
    fix = "take the whole value, exactly as the server set it"
    does = _WITHOUT.get(kind, "answers no_session")
    problem = Problem(f"the server {does}: {fault}", fix)
    return TokenState(state="malformed", reason=fault, problem=problem)


async def by_store(store: Store, token: Tokens, purposes: tuple[str, ...]) -> TokenState:
    """Look a token up, or those of a device cookie. Changes nothing.

    `purposes` are those of what the short-lived cookies find.
    """
    match: TokenMatch | WrongSecret | RefreshMatch | None
    if isinstance(token, tuple):
        return _device_state(await devices.look_up(store, token))
    if isinstance(token, BrowserToken):
        return await _begun_state(store, token, purposes)
    if isinstance(token, SessionToken):
        match = await store.sessions.by_token(token.key)
    else:
        match = await store.sessions.by_refresh(token.selector_digest, token.verifier_digest)
    if match is None:
        reason = "no session has it: signed out, revoked, pruned, or of another database"
        return TokenState(state="unknown", reason=reason)
    if isinstance(match, WrongSecret):
        reason = "its session has other tokens by now, so earlier refreshes have replaced it"
        return TokenState(state="rotated", reason=reason)
    judge = _session_state(match) if isinstance(match, TokenMatch) else _refresh_state(match)
    state, reason, problem = judge
    return TokenState(
        state=state,
        reason=reason,
        problem=problem,
        user=match.user,
        session=match.session,
        ends=await store.sessions.absolute_deadline(match.session.id),
    )


_Judged = tuple[State, str, Problem | None]


def _session_state(match: TokenMatch) -> _Judged:
    left = span(match.active_for)
    if match.current and match.active:
        return "active", f"it opens the session, for {left}; then a refresh is due", None
    if match.active:
        reason = f"a refresh has just replaced it; it still opens the session for the grace, {left}"
        return "rotated", reason, None
    if not match.current:
        reason = "a refresh or a reauthentication has replaced it: the browser should have the next"
        return "rotated", reason, None
    if match.session.refresh_expires_at <= datetime.now(UTC):
        return "expired", "the session is over: sign in again", None
    return "expired", "a refresh is due, which the client does by itself", None


def _refresh_state(match: RefreshMatch) -> _Judged:
    if not match.refreshable:
        return "expired", "the session is over: sign in again", None
    if match.current:
        left = span(match.session.refresh_expires_at - datetime.now(UTC))
        return "active", f"it can renew the session, for {left}", None
    if match.nonce is not None:
        reason = "it has just been used; for the grace it gets the same answer again"
        return "rotated", reason, None
    problem = Problem(
        "sent to /refresh it counts as stolen and ends the session",
        "find out who still holds it; the browser should have the next one",
    )
    return "rotated", "it was used before: the session goes on with another one", problem


def _device_state(found: tuple[devices.Device, ...]) -> TokenState:
    """Sum up a device cookie. A browser without one is a stranger, which is no problem."""
    state = devices.state_of(found)
    user = next((one.user for one in found if one.user), None)
    return TokenState(state=state, reason=devices.REASONS[state], user=user, devices=found)


async def _begun_state(store: Store, token: BrowserToken, purposes: tuple[str, ...]) -> TokenState:
    """Say what a browser has begun, and how much longer it can go on."""
    for purpose in purposes:
        if matter := await store.secrets.find(purpose, token.digest):
            left = span(matter.expires_at - datetime.now(UTC))
            return TokenState(state="active", reason=f"it finds a {purpose}, for {left}")
    reason = (
        "it finds nothing by itself: what the browser had begun is over, or needs the session too"
    )
    return TokenState(state="unknown", reason=reason)


def _fault(value: str, kind: Kind) -> str:
    right = _LENGTHS[kind]
    size = f"{len(value):,} character{'s' if len(value) > 1 else ''}"
    others = [other for other, lengths in _LENGTHS.items() if len(value) in lengths]
    if value == "":
        fault = "it is empty"
    elif value[:1] in {'"', "'"} or value[-1:] in {'"', "'"}:
        fault = "there are quotes around it: something between browser and server added them"
    elif "%" in value:
        fault = "it is percent-encoded: something between browser and server did that"
    elif len(value) not in right and others:
        fault = f"it has {size}, as a {others[0]} token has: they are mixed up"
    elif kind == "device" and len(value) not in right:
        fault = f"it has {size}, and one to three tokens joined by dots have 64, 129 or 194"
    elif len(value) not in right:
        fault = f"it has {size}, and a {kind} token has {right[0]}"
    else:
        fault = "it has a character that no token has, or another spelling of the same bytes"
    return fault
