"""Judge each cookie: say what it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, Literal

from authingo.config import Settings
from authingo.domains import covers
from authingo.http.cookies import Cookie, Cookies, Kind
from authingo.stores import Store

from ..browsers.attributes import Attribute, compare
from ..browsers.headers import ParsedCookie
from ..browsers.places import Place, path_matches
from ..browsers.rules import (
    Problem,
    domain_of,
    keeps,
    lifetime,
    refusals,
    sends,
    unreachable_pages,
    withheld,
)
from .redaction import problem_without_tokens, without_tokens
from .sources import NAME, Found, Seen
from .states import Tokens, TokenState, by_spelling, by_store, kind_of, tokens_of

_MOST_COMPARED = 100  # cookies of one name that are compared with each other
_SHADOWED = Problem(
    "there is another one with another Path or Domain: a browser keeps and sends both, "
    "and the server then takes neither",
    "clear the cookies of this site, and look for what sets the other one",
)
_REPLACED = Problem(
    "the same response sets it once more below: a browser keeps the last",
    "look for what sets it twice",
)


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is known of one cookie. Never its value."""

    name: str
    kind: Kind | Literal["unknown"]
    standing: TokenState
    attributes: dict[str, str | bool] | None = None
    compared: list[Attribute] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    does: list[str] = field(default_factory=list)  # what a browser does with it
    source: str = ""
    times: int = 1
    leftover: bool = False  # it expires a cookie of another cookies.domain or .partitioned
    note: str = ""  # about a cookie of another application

    def add(self, problem: Problem) -> None:
        """Add a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def take_out_tokens(self) -> None:
        """Remove every part of a token that got into a name or an attribute by mistake."""
        self.name = without_tokens(self.name)
        for key, value in (self.attributes or {}).items():
            if self.attributes is not None and isinstance(value, str):
                self.attributes[key] = without_tokens(value)
        self.problems = [problem_without_tokens(one) for one in self.problems]
        self.compared = [
            replace(
                row,
                is_=without_tokens(row.is_),
                problems=tuple(map(problem_without_tokens, row.problems)),
            )
            for row in self.compared
        ]
        self.does = [without_tokens(text) for text in self.does]


class Inspector:
    """Judges cookies under one configuration.

    Args:
        settings: what the cookies should be like.
        found: the cookies.
        asked: the address that a browser is going to request, if it was given.
    """

    def __init__(self, settings: Settings, found: Found, asked: Place | None = None) -> None:
        self._settings = settings
        self._expected = {one.kind: one for one in Cookies(settings).all}
        self._public = Place.parse(settings.public_url) if settings.public_url else None
        self._asked = asked
        self._seen = found.cookies
        self._kinds = [kind_of(seen.given, settings.cookies.prefix) for seen in found.cookies]
        self._now = datetime.now(UTC)

    @property
    def needs_store(self) -> bool:
        """Whether there is a well-formed token to look up."""
        return any(tokens_of(seen.given, kind) for seen, kind in self._each())

    def without_store(self) -> list[Verdict]:
        """Judge the cookies by their spelling alone."""
        return self._judge([by_spelling(seen.given, kind) for seen, kind in self._each()])

    async def with_store(self, store: Store) -> list[Verdict]:
        """Look the tokens up, changing nothing."""
        standings = []
        for index, (seen, kind) in enumerate(self._each()):
            token = tokens_of(seen.given, kind)
            known = await self._look_up(store, token) if token else by_spelling(seen.given, kind)
            if seen.given.name == "" and kind == "refresh" and known.session is None:
                device = tokens_of(seen.given, "device")  # a device token looks the same
                of_device = await self._look_up(store, device) if device else known
                if of_device.user:
                    known, self._kinds[index] = of_device, "device"
            standings.append(known)
        return self._judge(standings)

    async def _look_up(self, store: Store, token: Tokens) -> TokenState:
        used = self._settings.short_lived_cookies.values()
        purposes = tuple(one for purposes in used for one in purposes)
        return await by_store(store, token, purposes)

    def _each(self) -> list[tuple[Seen, Kind | Literal["unknown"]]]:
        return list(zip(self._seen, self._kinds, strict=True))

    def _judge(self, standings: list[TokenState]) -> list[Verdict]:
        verdicts = [
            self._verdict(seen, kind, standing)
            for (seen, kind), standing in zip(self._each(), standings, strict=True)
        ]
        self._find_shadows(verdicts)
        self._find_strangers(verdicts)
        for verdict in verdicts:
            verdict.take_out_tokens()
        return verdicts

    def _verdict(
        self, seen: Seen, kind: Kind | Literal["unknown"], standing: TokenState
    ) -> Verdict:
        given, attributes = seen.given, seen.given.attributes
        if attributes is not None:
            attributes = {"Domain": given.host, **attributes} if given.host else {**attributes}
        verdict = Verdict(
            name=given.name,
            kind=kind,
            standing=standing,
            attributes=attributes,
            source=_source(given),
            times=seen.times,
        )
        if kind == "unknown":
            verdict.note = self._other_application(given)
            return verdict
        expected = self._expected[kind]
        verdict.problems = [standing.problem] if standing.problem else []
        if not self._may_have_either_name(given, expected):
            verdict.problems += _name_problems(given, expected)
        verdict.problems += _copies(seen)
        verdict.problems += self._of_another_server(given)
        if given.attributes is None:
            verdict.problems += _sent_elsewhere(given, expected)
        else:
            self._judge_attributes(given, expected, verdict)
        return verdict

    def _may_have_either_name(self, given: ParsedCookie, expected: Cookie) -> bool:
        """Return whether a cookie may be named with or without `__Host-`.

        Those that never have a Domain have the prefix whenever they are Secure. If public_url is
        unset, that depends on the server: `authingo serve` sets public_url for itself, and its
        cookies are then not Secure.
        """
        if (
            expected.life is None
            or self._settings.public_url
            or "Secure" in (given.attributes or {})
        ):
            return False
        place = self._place_of(given)
        unclear = place is None or (place.loopback and place.scheme != "https")
        return unclear and given.name.removeprefix("__Host-") == expected.name.removeprefix(
            "__Host-"
        )

    def _other_application(self, given: ParsedCookie) -> str:
        """Return a note if a name with another cookies.prefix holds a token."""
        match = NAME.fullmatch(given.name)
        if match is None or tokens_of(given, match["kind"].lower()) is None:
            return ""
        return (
            f"{without_tokens(given.name)} holds what a {match['kind'].lower()} token looks like: "
            "it is that of another application of authingo, or cookies.prefix, here "
            f"{self._settings.cookies.prefix}, is another one there"
        )

    def _judge_attributes(self, given: ParsedCookie, expected: Cookie, verdict: Verdict) -> None:
        place = self._place_of(given)
        refused = refusals(given, place)
        verdict.leftover = _expires_another(given, expected)
        if verdict.leftover:  # judge it as the cookie that it expires
            expected = replace(expected, **_identity(given))
        verdict.compared = compare(given, expected, self._settings, place)
        verdict.problems += refused
        for name in given.misspelled:
            text = f"{name} is misspelled, and browsers ignore what they do not know"
            verdict.problems.append(Problem(text, f"write {name}"))
        verdict.problems += [one for row in verdict.compared for one in row.problems]
        left = lifetime(given, self._now)
        over = left is not None and left <= timedelta(0)
        if given.value == "":
            if not over and not refused:
                text = "it has no token, and browsers keep it so"
                verdict.problems.append(Problem(text, "clear it with Max-Age=0"))
            forgets = f"forgets what it has of this Path{' and Domain' if verdict.leftover else ''}"
            verdict.does = ["drops it"] if refused else [forgets] * over
            return
        if refused or over:
            verdict.does = ["drops it" if refused else "forgets it"]
            return
        verdict.does = list(sends(given, place))
        if given.told & {"Max-Age", "Expires"}:
            verdict.does.insert(0, keeps(given, self._now))
        if self._asked is not None:
            self._predict(given, expected, verdict, self._asked)
        verdict.problems += unreachable_pages(given, place, self._settings)

    def _place_of(self, given: ParsedCookie) -> Place | None:
        """Return where a cookie came from: what its source says, else --url, else public_url."""
        said = _said(given)
        for known in (self._asked, self._public):
            if said and not said.scheme and known and known.host == said.host:
                return known  # a jar and HTTPie do not say whether it was https
        return said or self._asked or self._public

    def _of_another_server(self, given: ParsedCookie) -> Iterator[Problem]:
        """Report a cookie that is compared with the wrong configuration."""
        said, public, domain = _said(given), self._public, self._settings.cookies.domain
        if said is None or public is None or said.host == public.host:
            return
        if not (said.loopback and public.loopback) and not (domain and covers(domain, said.host)):
            yield Problem(
                f"it comes from {said}, and this configuration is for {public}",
                "name the configuration of that server with --config",
            )

    def _predict(
        self, given: ParsedCookie, expected: Cookie, verdict: Verdict, asked: Place
    ) -> None:
        """Say whether a browser sends it with the request of --url, and whether it should."""
        held = withheld(given, asked, self._place_of(given))
        target = f"{asked.path} of {asked}"
        if not held:
            verdict.does.append(f"sends it to {target}")
        elif path_matches(expected.path, asked.path):
            text = f"a browser does not send it to {target}: {'; '.join(held)}"
            fix = "correct what sets it, or ask the address that it is for"
            verdict.problems.append(Problem(text, fix))
        else:
            verdict.does.append(f"does not send it to {target}: it is for {expected.path} alone")

    def _find_shadows(self, verdicts: list[Verdict]) -> None:
        """Report cookies of one name that replace each other or that a browser keeps together."""
        groups: dict[str, list[tuple[ParsedCookie, Verdict]]] = {}
        for seen, verdict in zip(self._seen, verdicts, strict=True):
            given = seen.given
            if verdict.kind != "unknown" and given.name and given.attributes and given.value:
                groups.setdefault(given.name, []).append((given, verdict))
        for group in groups.values():
            for (one, earlier), (other, later) in combinations(group[:_MOST_COMPARED], 2):
                if self._sent_together(one, other):
                    for verdict in (earlier, later):
                        verdict.add(_SHADOWED)
                elif self._key(one) == self._key(other) and _in_one_response(one, other):
                    earlier.add(_REPLACED)

    def _sent_together(self, one: ParsedCookie, other: ParsedCookie) -> bool:
        """Return whether a browser keeps both cookies, and sends both with one request."""
        (path, domain, host), (other_path, other_domain, other_host) = map(self._key, (one, other))
        overlap = path_matches(path, other_path) or path_matches(other_path, path)
        return overlap and host == other_host and (path, domain) != (other_path, other_domain)

    def _key(self, given: ParsedCookie) -> tuple[str, str, str]:
        """Return what distinguishes cookies of one name in a browser, and the host."""
        place = self._place_of(given)
        host = given.host or (place.host if place else "")
        return str((given.attributes or {}).get("Path", "/")), domain_of(given, place), host

    def _find_strangers(self, verdicts: list[Verdict]) -> None:
        """Report two cookies that came together but belong to different sessions."""
        first: dict[tuple[int, str | None], Verdict] = {}
        for seen, verdict in zip(self._seen, verdicts, strict=True):
            session = verdict.standing.session
            if session is None or seen.given.name == "":
                continue
            together = seen.given.exchange.number, seen.given.host
            other = first.setdefault(together, verdict)
            beside = other.standing.session
            if other.kind != verdict.kind and beside and beside.id != session.id:
                text = f"it is of another session than the {other.kind} cookie beside it"
                verdict.problems.append(Problem(text, "sign out, clear the cookies, and sign in"))


def _identity(given: ParsedCookie) -> dict[str, Any]:
    """Return what distinguishes it in a browser from others of the same name and Path."""
    attributes = given.attributes or {}
    domain = str(attributes.get("Domain", "")).removeprefix(".").lower()
    return {"domain": domain or None, "partitioned": "Partitioned" in attributes}


def _expires_another(given: ParsedCookie, expected: Cookie) -> bool:
    """Return whether it expires a cookie that other settings may have left."""
    expires = given.value == "" and (given.attributes or {}).get("Max-Age") == "0"
    own = {"domain": expected.domain, "partitioned": expected.partitioned}
    return expires and _identity(given) != own


def _said(given: ParsedCookie) -> Place | None:
    """Return where a cookie came from, if its source says so."""
    url = given.exchange.url or (f"//{given.host}" if given.host else None)
    return Place.parse(url) if url else None


def _in_one_response(one: ParsedCookie, other: ParsedCookie) -> bool:
    return one.exchange == other.exchange and one.exchange.number > 0


def _source(given: ParsedCookie) -> str:
    if given.name == "" and given.attributes is None:
        return ""
    if given.stored:
        return "as stored"
    return "sent with a request" if given.attributes is None else "set by a response"


def _name_problems(given: ParsedCookie, expected: Cookie) -> Iterator[Problem]:
    name = given.name
    if not name:
        if given.attributes is not None:
            yield Problem(
                "it has no name: the server does not look at it", f"call it {expected.name}"
            )
        return
    if name != expected.name:
        spelling = name.lower() == expected.name.lower()
        prefix = "as it is Secure" if expected.secure else "as it is not Secure"
        why = prefix if expected.life else "cookies.hardened_names"
        why = "names have a case" if spelling else why
        yield Problem(
            f"this configuration calls it {expected.name} ({why}): "
            "under this name the server does not look at it",
            "sign in again, or use the configuration of the running server",
        )


def _copies(seen: Seen) -> Iterator[Problem]:
    if seen.given.name and seen.copies > 1:
        yield Problem(
            f"it came {seen.copies} times, so the server takes none of them",
            "clear the cookies of this site, and look for one set with another Path or Domain",
        )


def _sent_elsewhere(given: ParsedCookie, expected: Cookie) -> Iterator[Problem]:
    """Report a cookie that was sent to the wrong path, such as a refresh token."""
    place = Place.parse(given.exchange.url) if given.exchange.url else None
    if place is not None and not path_matches(expected.path, place.path):
        yield Problem(
            f"it was sent to {place.path} and is for {expected.path} alone",
            "look for a Set-Cookie with another Path, or correct base_path",
        )
