"""What a token is and in what state: by its spelling, and by what the store knows of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from authingo.cookies import Kind
from authingo.models import RefreshMatch, Session, TokenMatch, User
from authingo.stores import Store
from authingo.tokens import RefreshToken, SessionToken

from ..spans import span
from .browsers import Problem
from .headers import Given
from .sources import NAME

State = Literal["active", "expired", "rotated", "unknown", "malformed"]

_LENGTHS: dict[Kind, int] = {"session": 43, "refresh": 64}
# What tools write over a secret before a file is handed on.
_BLACKED_OUT = re.compile(
    r"\W?[\w -]{0,80}(redacted|saniti[sz]ed|removed|scrubbed|masked|hidden)[\w -]{0,80}\W?"
    r"|[*x\x80-\xff.-]{3,}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of a token and why; whose it is, and when the session ends at the latest."""

    state: State
    reason: str
    problem: Problem | None = None
    user: User | None = None
    session: Session | None = None
    ends: datetime | None = None


def kind_of(given: Given, prefix: str) -> Kind | Literal["unknown"]:
    """Tell by its name which cookie it is; of a value without a name, by the length.

    `prefix`: cookies.prefix. A name with another one is that of another application.
    """
    match = NAME.fullmatch(given.name)
    if match and match["prefix"].lower() == prefix.lower():
        return "session" if match["kind"].lower() == "session" else "refresh"
    if given.name == "":
        size = len(given.value.strip("\"'"))
        return "refresh" if size > sum(_LENGTHS.values()) / 2 else "session"
    return "unknown"


def token_of(given: Given, kind: str) -> SessionToken | RefreshToken | None:
    """Return the well-formed token that a cookie of a kind carries."""
    if kind == "session":
        return SessionToken.parse(given.value)
    return RefreshToken.parse(given.value) if kind == "refresh" else None


def by_spelling(given: Given, kind: Kind | Literal["unknown"]) -> Standing:
    """Judge a cookie that carries no well-formed token, without repeating any of it."""
    if kind == "unknown":
        return Standing(state="unknown", reason="no cookie of authingo")
    if given.value == "" and given.attributes is not None:
        reason = "it carries no token: the server clears the cookie with it"
        return Standing(state="unknown", reason=reason)
    if _BLACKED_OUT.fullmatch(given.value):
        reason = "its value was blacked out before it came here, so there is nothing to look up"
        return Standing(state="unknown", reason=reason)
    fault = _fault(given.value, kind)
    mend = "take the whole value, exactly as the server set it"
    problem = Problem(f"the server answers no_session: {fault}", mend)
    return Standing(state="malformed", reason=fault, problem=problem)


async def by_store(store: Store, token: SessionToken | RefreshToken) -> Standing:
    """Look a token up, changing nothing."""
    match: TokenMatch | RefreshMatch | None
    if isinstance(token, SessionToken):
        match = await store.session_and_user(token.digest)
    else:
        match = await store.session_by_refresh(token.selector_digest, token.verifier_digest)
    if match is None:
        reason = "no session has it: signed out, revoked, pruned, or of another database"
        return Standing(state="unknown", reason=reason)
    judge = _session_state(match) if isinstance(match, TokenMatch) else _refresh_state(match)
    state, reason, problem = judge
    return Standing(
        state=state,
        reason=reason,
        problem=problem,
        user=match.user,
        session=match.session,
        ends=await store.session_end(match.session.id),
    )


_Judged = tuple[State, str, Problem | None]


def _session_state(match: TokenMatch) -> _Judged:
    left = span(match.live_for)
    if match.current and match.live:
        return "active", f"it opens the session, for {left}; then a refresh is due", None
    if match.live:
        reason = f"a refresh has just replaced it; it still opens the session for the grace, {left}"
        return "rotated", reason, None
    if not match.current:
        return "rotated", "a refresh has replaced it: the browser should have the next one", None
    if match.session.refresh_expires_at <= datetime.now(UTC):
        return "expired", "the session is over: sign in again", None
    return "expired", "a refresh is due, which the client does by itself", None


def _refresh_state(match: RefreshMatch) -> _Judged:
    if not match.live:
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


def _fault(value: str, kind: Kind) -> str:
    right = _LENGTHS[kind]
    other: Kind = "refresh" if kind == "session" else "session"
    if value == "":
        fault = "it is empty"
    elif value[:1] in {'"', "'"} or value[-1:] in {'"', "'"}:
        fault = "there are quotes around it: something between browser and server added them"
    elif "%" in value:
        fault = "it is percent-encoded: something between browser and server did that"
    elif len(value) == _LENGTHS[other]:
        fault = f"it has {len(value)} characters, as a {other} token has: they are mixed up"
    elif len(value) != right:
        size = f"{len(value):,} character{'s' if len(value) > 1 else ''}"
        fault = f"it has {size}, and a {kind} token has {right}"
    else:
        fault = "it has a character that no token has, or another spelling of the same bytes"
    return fault
