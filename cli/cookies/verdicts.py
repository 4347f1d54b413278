"""What is to be said of each cookie: what it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, Literal

from authingo.config import Settings
from authingo.cookies import Cookie, Cookies, Kind
from authingo.stores import Store

from .attributes import Attribute, compare
from .browsers import Problem, keeps, lifetime, refusals, sends, withheld
from .headers import Given
from .places import Place, covers, path_matches, same_site
from .redaction import problem_without_tokens, without_tokens
from .sources import NAME, Found, Seen
from .states import Standing, by_spelling, by_store, kind_of, token_of

_MOST_COMPARED = 100  # cookies of one name, each with each other
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
    standing: Standing
    attributes: dict[str, str | bool] | None = None
    compared: list[Attribute] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    does: list[str] = field(default_factory=list)  # a browser with it
    source: str = ""
    times: int = 1
    leftover: bool = False  # it expires what another cookies.domain or .partitioned has left
    note: str = ""  # on one that is not ours

    def add(self, problem: Problem) -> None:
        """Add a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def take_out_tokens(self) -> None:
        """Let no part of a token through that slipped into a name or an attribute."""
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
        asked: what a browser is going to ask for, if that was said.
    """

    def __init__(self, settings: Settings, found: Found, asked: Place | None = None) -> None:
        self._settings = settings
        self._cookies = Cookies(settings)
        self._public = Place.parse(settings.public_url) if settings.public_url else None
        self._asked = asked
        self._seen = found.cookies
        self._now = datetime.now(UTC)

    @property
    def needs_store(self) -> bool:
        """Whether there is a well-formed token to look up."""
        return any(token_of(seen.given, self._kind(seen.given)) for seen in self._seen)

    def without_store(self) -> list[Verdict]:
        """Return what the spelling alone tells."""
        return self._judge([by_spelling(one.given, self._kind(one.given)) for one in self._seen])

    async def with_store(self, store: Store) -> list[Verdict]:
        """Look the tokens up, changing nothing."""
        standings = []
        for seen in self._seen:
            kind = self._kind(seen.given)
            token = token_of(seen.given, kind)
            known = await by_store(store, token) if token else by_spelling(seen.given, kind)
            standings.append(known)
        return self._judge(standings)

    def _kind(self, given: Given) -> Kind | Literal["unknown"]:
        return kind_of(given, self._settings.cookies.prefix)

    def _judge(self, standings: list[Standing]) -> list[Verdict]:
        verdicts = [self._verdict(*one) for one in zip(self._seen, standings, strict=True)]
        self._find_shadows(verdicts)
        self._find_strangers(verdicts)
        for verdict in verdicts:
            verdict.take_out_tokens()
        return verdicts

    def _verdict(self, seen: Seen, standing: Standing) -> Verdict:
        given, kind = seen.given, self._kind(seen.given)
        attributes = given.attributes
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
        expected = self._cookies.session if kind == "session" else self._cookies.refresh
        verdict.problems = [standing.problem] if standing.problem else []
        verdict.problems += _name_problems(seen, expected)
        verdict.problems += self._of_another_server(given)
        if given.attributes is None:
            verdict.problems += _sent_elsewhere(given, expected)
        else:
            self._judge_attributes(given, expected, verdict)
        return verdict

    def _other_application(self, given: Given) -> str:
        """Tell a token under a name that another cookies.prefix makes."""
        match = NAME.fullmatch(given.name)
        if match is None or token_of(given, match["kind"].lower()) is None:
            return ""
        return (
            f"{without_tokens(given.name)} holds what a {match['kind'].lower()} token looks like: "
            "it is that of another application of authingo, or cookies.prefix, here "
            f"{self._settings.cookies.prefix}, is another one there"
        )

    def _judge_attributes(self, given: Given, expected: Cookie, verdict: Verdict) -> None:
        place = self._place_of(given)
        refused = refusals(given, place)
        verdict.leftover = _expires_another(given, expected)
        if verdict.leftover:  # only what it would expire can be judged
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
        verdict.problems += self._other_sites(given, place)

    def _place_of(self, given: Given) -> Place | None:
        """Return where a cookie came from: what its source says, else --url, else public_url."""
        said = _said(given)
        for known in (self._asked, self._public):
            if said and not said.scheme and known and known.host == said.host:
                return known  # a jar and HTTPie do not say whether it was https
        return said or self._asked or self._public

    def _of_another_server(self, given: Given) -> Iterator[Problem]:
        """Tell that it is held against the wrong configuration."""
        said, public, domain = _said(given), self._public, self._settings.cookies.domain
        if said is None or public is None or said.host == public.host:
            return
        if not (said.loopback and public.loopback) and not (domain and covers(domain, said.host)):
            yield Problem(
                f"it comes from {said}, and this configuration is for {public}",
                "name the configuration of that server with --config",
            )

    def _predict(self, given: Given, expected: Cookie, verdict: Verdict, asked: Place) -> None:
        """Say whether it goes with the request of --url, and whether that is as it should be."""
        held = withheld(given, asked, self._place_of(given))
        target = f"{asked.path} of {asked}"
        if not held:
            verdict.does.append(f"sends it to {target}")
        elif path_matches(expected.path, asked.path):
            text = f"a browser does not send it to {target}: {'; '.join(held)}"
            mend = "correct what sets it, or ask the address that it is for"
            verdict.problems.append(Problem(text, mend))
        else:
            verdict.does.append(f"does not send it to {target}: it is for {expected.path} alone")

    def _other_sites(self, given: Given, place: Place | None) -> Iterator[Problem]:
        """Name the trusted origins whose pages make requests without this cookie."""
        same = str((given.attributes or {}).get("SameSite", "")).lower()
        if "SameSite" not in given.told or same == "none" or place is None:
            return
        for origin in self._settings.trusted_origins:
            page = Place.parse(origin)
            if page is not None and not same_site(page, place):
                yield Problem(
                    f"pages of {page} are of another site than {place}: "
                    "a browser does not send it with what they ask for",
                    'serve both under one domain, or set cookies.same_site = "none"',
                )

    def _find_shadows(self, verdicts: list[Verdict]) -> None:
        """Tell cookies of one name that replace each other, or are kept beside each other."""
        groups: dict[str, list[tuple[Given, Verdict]]] = {}
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

    def _sent_together(self, one: Given, other: Given) -> bool:
        """Tell whether a browser keeps both of two of one name, and sends both with one request."""
        (path, domain, host), (other_path, other_domain, other_host) = map(self._key, (one, other))
        overlap = path_matches(path, other_path) or path_matches(other_path, path)
        return overlap and host == other_host and (path, domain) != (other_path, other_domain)

    def _key(self, given: Given) -> tuple[str, str, str]:
        """Return what a browser tells cookies of one name apart by, and the host."""
        attributes, place = given.attributes or {}, self._place_of(given)
        host = given.host or (place.host if place else "")
        return str(attributes.get("Path", "/")), str(attributes.get("Domain", "")).lower(), host

    def _find_strangers(self, verdicts: list[Verdict]) -> None:
        """Tell a pair of cookies that came together and are of different sessions."""
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


def _identity(given: Given) -> dict[str, Any]:
    """Return that by which a browser tells it from others of the same name and Path."""
    attributes = given.attributes or {}
    domain = str(attributes.get("Domain", "")).removeprefix(".").lower()
    return {"domain": domain or None, "partitioned": "Partitioned" in attributes}


def _expires_another(given: Given, expected: Cookie) -> bool:
    """Tell whether a response expires with it what other settings may have left."""
    expires = given.value == "" and (given.attributes or {}).get("Max-Age") == "0"
    own = {"domain": expected.domain, "partitioned": expected.partitioned}
    return expires and _identity(given) != own


def _said(given: Given) -> Place | None:
    """Return where a cookie came from, if its source says so."""
    url = given.exchange.url or (f"//{given.host}" if given.host else None)
    return Place.parse(url) if url else None


def _in_one_response(one: Given, other: Given) -> bool:
    return one.exchange == other.exchange and one.exchange.number > 0


def _source(given: Given) -> str:
    if given.name == "" and given.attributes is None:
        return ""
    if given.stored:
        return "as stored"
    return "sent with a request" if given.attributes is None else "set by a response"


def _name_problems(seen: Seen, expected: Cookie) -> Iterator[Problem]:
    name = seen.given.name
    if not name:
        if seen.given.attributes is not None:
            yield Problem(
                "it has no name: the server does not look at it", f"call it {expected.name}"
            )
        return
    if name != expected.name:
        spelling = name.lower() == expected.name.lower()
        why = "(names have a case)" if spelling else "(cookies.hardened_names)"
        yield Problem(
            f"this configuration calls it {expected.name} {why}: "
            "under this name the server does not look at it",
            "sign in again, or use the configuration of the running server",
        )
    if seen.copies > 1:
        yield Problem(
            f"it came {seen.copies} times, so the server takes none of them",
            "clear the cookies of this site, and look for one set with another Path or Domain",
        )


def _sent_elsewhere(given: Given, expected: Cookie) -> Iterator[Problem]:
    """Tell a refresh token that went to another address than the refresh route."""
    place = Place.parse(given.exchange.url) if given.exchange.url else None
    if place is not None and not path_matches(expected.path, place.path):
        yield Problem(
            f"it was sent to {place.path} and is for {expected.path} alone",
            "look for a Set-Cookie with another Path, or correct base_path",
        )
