"""What is to be said of a cookie: kind, state, whose, and what is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from authingo.config import Settings
from authingo.cookies import Cookie, Cookies, Kind
from authingo.models import RefreshMatch, Session, TokenMatch, User
from authingo.stores import Store
from authingo.tokens import RefreshToken, SessionToken

from .cookie_sources import Given

State = Literal["active", "expired", "rotated", "unknown", "malformed"]

_NAME = re.compile(r"(__Host-|__Secure-)?authingo_(session|refresh)")
_LENGTHS = {"session": 43, "refresh": 64}


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is known of one cookie. Never its value."""

    name: str
    kind: Kind | Literal["unknown"] = "unknown"
    state: State = "unknown"
    reason: str = "no cookie of authingo"
    user: User | None = None
    session: Session | None = None
    attributes: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)


class Inspector:
    """Judges cookies under one configuration."""

    def __init__(self, settings: Settings, given: list[Given]) -> None:
        self._settings = settings
        self._cookies = Cookies(settings)
        self._given = given
        self._verdicts = [self._first_look(one) for one in given]

    @property
    def needs_store(self) -> bool:
        """Whether there is a well-formed token to look up."""
        return any(_token(one, verdict) for one, verdict in self._pairs())

    def without_store(self) -> list[Verdict]:
        """Return what the spelling alone tells."""
        return self._verdicts

    async def with_store(self, store: Store) -> list[Verdict]:
        """Look the tokens up, changing nothing."""
        for given, verdict in self._pairs():
            token = _token(given, verdict)
            if isinstance(token, SessionToken):
                _judge_session(verdict, await store.session_and_user(token.digest))
            elif isinstance(token, RefreshToken):
                match = await store.session_by_refresh(token.selector_digest, token.verifier_digest)
                _judge_refresh(verdict, match)
        return self._verdicts

    def _pairs(self) -> zip[tuple[Given, Verdict]]:
        return zip(self._given, self._verdicts, strict=True)

    def _first_look(self, given: Given) -> Verdict:
        verdict = Verdict(name=given.name, attributes=given.attributes)
        verdict.kind = _kind(given)
        if verdict.kind == "unknown":
            return verdict
        if given.value == "" and given.attributes is not None:
            verdict.reason = "it carries no token: the server clears the cookie with it"
        elif (fault := _fault(given.value, verdict.kind)) is not None:
            verdict.state, verdict.reason = "malformed", fault
            verdict.problems.append(f"the server answers no_session: {fault}")
        expected = self._cookies.session if verdict.kind == "session" else self._cookies.refresh
        verdict.problems += self._name_problems(given, expected)
        if given.attributes is not None:
            verdict.problems += _attribute_problems(given, expected, self._settings)
        return verdict

    def _name_problems(self, given: Given, expected: Cookie) -> list[str]:
        problems = []
        if given.name and given.name != expected.name:
            problems.append(
                f"this configuration calls it {expected.name} (cookies.hardened_names): "
                "under this name the server does not look at it"
            )
        count = Counter(one.name for one in self._given)[given.name]
        if given.name and count > 1 and given.attributes is None:
            problems.append(
                f"it came {count} times, so the server takes none of them: clear the cookies "
                "of this site, and look for one set with another Path or Domain"
            )
        return problems


def _kind(given: Given) -> Kind | Literal["unknown"]:
    if match := _NAME.fullmatch(given.name):
        return "session" if match[2] == "session" else "refresh"
    if given.name == "":
        # A bare value: only its length tells.
        size = len(given.value.strip("\"'"))
        return "refresh" if size > (_LENGTHS["session"] + _LENGTHS["refresh"]) / 2 else "session"
    return "unknown"


def _token(given: Given, verdict: Verdict) -> SessionToken | RefreshToken | None:
    if verdict.kind == "session":
        return SessionToken.parse(given.value)
    return RefreshToken.parse(given.value) if verdict.kind == "refresh" else None


def _fault(value: str, kind: Kind) -> str | None:
    """Say what is wrong with the spelling, without repeating any of it."""
    parse = SessionToken.parse if kind == "session" else RefreshToken.parse
    if parse(value) is not None:
        return None
    if value[:1] in {'"', "'"} or value[-1:] in {'"', "'"}:
        return "there are quotes around it: something between browser and server added them"
    if "%" in value:
        return "it is percent-encoded: something between browser and server did that"
    if len(value) != _LENGTHS[kind]:
        return f"it has {len(value)} characters, and a {kind} token has {_LENGTHS[kind]}"
    return "it has a character that no token has, or another spelling of the same bytes"


def _judge_session(verdict: Verdict, match: TokenMatch | None) -> None:
    if match is None:
        verdict.reason = "no session has it: signed out, revoked, pruned, or of another database"
        return
    verdict.user, verdict.session = match.user, match.session
    if not match.current:
        verdict.state = "rotated"
        verdict.reason = (
            "a refresh has just replaced it; it still opens the session for the grace"
            if match.live
            else "a refresh has replaced it: the browser should have the next one"
        )
    elif match.live:
        verdict.state, verdict.reason = "active", "it opens the session"
    else:
        verdict.state, verdict.reason = "expired", "a refresh is due"


def _judge_refresh(verdict: Verdict, match: RefreshMatch | None) -> None:
    if match is None:
        verdict.reason = "no session has it: signed out, revoked, pruned, or of another database"
        return
    verdict.user, verdict.session = match.user, match.session
    if not match.live:
        verdict.state, verdict.reason = "expired", "the session is over: sign in again"
    elif match.current:
        verdict.state, verdict.reason = "active", "it can renew the session"
    elif match.nonce is not None:
        verdict.state = "rotated"
        verdict.reason = "it has just been used; for the grace it gets the same answer again"
    else:
        verdict.state, verdict.reason = "rotated", "it was used before"
        verdict.problems.append(
            "sent to /refresh it counts as stolen and ends the session: find out who still holds it"
        )


def _attribute_problems(given: Given, expected: Cookie, settings: Settings) -> list[str]:
    """Hold each attribute against what this configuration sets, and say what a browser does."""
    attributes = given.attributes or {}
    problems = []
    if not attributes.get("HttpOnly"):
        problems.append("HttpOnly is missing: scripts of the page can read the token")
    if expected.secure and not attributes.get("Secure"):
        problems.append("Secure is missing: it also travels over plain http")
    if attributes.get("Secure") and not expected.secure:
        problems.append(
            f"Secure is set, but {settings.public_url} is plain http: Safari drops it there"
        )
    path = attributes.get("Path")
    if path != expected.path:
        problems.append(
            f"Path is {path or 'missing'} and should be {expected.path}: "
            + ("a browser sends it to other addresses" if path else "a browser makes one up")
            + (", and not to the refresh route" if expected.kind == "refresh" else "")
        )
    problems += _domain_problems(given, expected, settings)
    if given.from_jar:
        return problems  # a jar knows neither SameSite nor Partitioned
    same_site = attributes.get("SameSite")
    if str(same_site).lower() != expected.same_site.lower():
        problems.append(f"SameSite is {same_site or 'missing'} and should be {expected.same_site}")
    if str(same_site).lower() == "none" and not attributes.get("Secure"):
        problems.append("SameSite=None without Secure: browsers drop the cookie")
    if bool(attributes.get("Partitioned")) != expected.partitioned:
        problems.append(f"Partitioned should be {'set' if expected.partitioned else 'absent'}")
    if "Max-Age" not in attributes:
        problems.append("Max-Age is missing: it is gone when the browser is closed")
    return problems


def _domain_problems(given: Given, expected: Cookie, settings: Settings) -> list[str]:
    attributes = given.attributes or {}
    domain = attributes.get("Domain")
    if given.from_jar:  # a jar writes the host where there was no Domain
        return []
    problems = []
    if domain != expected.domain:
        problems.append(
            f"Domain is {domain or 'missing'} and should be {expected.domain or 'absent'}"
            + (": every subdomain gets the token" if domain else "")
        )
    prefixed = given.name.startswith("__Host-")
    if prefixed and (domain or attributes.get("Path") != "/" or not attributes.get("Secure")):
        problems.append("__Host- needs Secure, Path=/ and no Domain: browsers drop the cookie")
    if given.name.startswith("__Secure-") and not attributes.get("Secure"):
        problems.append("__Secure- needs Secure: browsers drop the cookie")
    host = settings.public_url and settings.public_url.split("//")[-1].split("/")[0].split(":")[0]
    if domain and host and not (host == domain or host.endswith(f".{str(domain).lstrip('.')}")):
        problems.append(f"Domain does not cover {host}: browsers drop the cookie")
    return problems
