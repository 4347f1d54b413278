"""Compare each attribute of a cookie with what this configuration would set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from authingo.config import Settings
from authingo.http.cookies import Cookie

from ..spans import span
from .headers import ParsedCookie
from .places import Place, path_matches
from .rules import (
    Problem,
    domain_of,
    dropped_by_safari,
    life_problems,
    lifetime,
    moment,
    stored_domain,
)

_REWRITTEN = "look for a proxy or a program that rewrites Set-Cookie: authingo sets it"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: what it is, what it should be, and what is wrong with it."""

    name: str
    is_: str
    should: str
    problems: tuple[Problem, ...] = ()


def compare(
    given: ParsedCookie, expected: Cookie, settings: Settings, place: Place | None
) -> list[Attribute]:
    """Compare every attribute that the source shows with the configuration's."""
    comparison = _Comparison(given, expected, settings, place)
    every = {
        "Path": comparison.path,
        "Domain": comparison.domain,
        "Max-Age": comparison.max_age,
        "Expires": comparison.expires,
        "HttpOnly": comparison.http_only,
        "Secure": comparison.secure,
        "SameSite": comparison.same_site,
        "Partitioned": comparison.partitioned,
    }
    rows = [look() for name, look in every.items() if name in given.told]
    return [row for row in rows if row is not None]


class _Comparison:
    """One cookie, compared with the one it should be."""

    def __init__(
        self, given: ParsedCookie, expected: Cookie, settings: Settings, place: Place | None
    ) -> None:
        self._given = given
        self._attributes = given.attributes or {}
        self._expected = expected
        self._settings = settings
        self._place = place

    def path(self) -> Attribute:
        path, should = self._text("Path"), self._expected.path
        if path == should:
            return Attribute("Path", path, should)
        refresh = self._expected.kind == "refresh"
        if not path.startswith("/"):
            does = "a browser makes one up from the address that set it"
        elif refresh and not path_matches(path, should):
            does = "a browser does not send it to the refresh route"
        elif path_matches(path, should):
            does = "a browser sends it to other addresses too"
        else:
            does = "a browser does not send it to the other pages"
        fix = (
            "set base_path to where the browser sees the routes, and let no proxy rewrite the path"
            if refresh
            else _REWRITTEN + " for /"
        )
        text = f"Path is {path or 'missing'} and should be {should}: {does}"
        return Attribute("Path", path, should, (Problem(text, fix),))

    def domain(self) -> Attribute:
        domain, should = self._text("Domain").removeprefix("."), self._expected.domain or ""
        if domain_of(self._given, self._place) == stored_domain(should, self._place):
            return Attribute("Domain", domain, should)
        text = f"Domain is {domain or 'missing'} and should be {should or 'absent'}" + (
            ": every subdomain of it gets the token"
            if domain
            else ": the subdomains do not get the cookie"
        )
        never = self._expected.life is not None  # cookies.domain is only for the other two
        fix = _REWRITTEN if never else "compare cookies.domain here with that of the running server"
        return Attribute("Domain", domain, should, (Problem(text, fix),))

    def max_age(self) -> Attribute:
        text, fixed = self._text("Max-Age"), self._expected.life
        longest = fixed or self._settings.sessions.refresh_lifetime
        if not self._given.value:
            return Attribute("Max-Age", text, "0, which clears")
        now = datetime.now(UTC)
        life = lifetime(self._given, now)
        problems = tuple(life_problems(self._given, now))
        if text and life is not None:
            text = f"{text} ({span(life)})"
            if fixed and life != longest and not self._given.stored:
                problems += (
                    Problem(f"Max-Age is not the {span(longest)} that authingo sets", _REWRITTEN),
                )
            elif life > longest:
                too_long = f"Max-Age is longer than sessions.refresh_lifetime, {span(longest)}"
                fix = "compare that here with that of the running server"
                problems += (Problem(too_long, fix),)
        most = "" if fixed else "at most "
        should = f"{most}{int(longest.total_seconds())} ({span(longest)})"
        return Attribute("Max-Age", text, should, problems)

    def expires(self) -> Attribute | None:
        text, beside = self._text("Expires"), "Max-Age" in self._given.told
        if beside and not text:
            return None  # Max-Age is what authingo sets
        until = moment(text) if text else None
        shown = f"{until:%Y-%m-%d %H:%M:%S} UTC" if until else text
        if beside or not self._given.value:
            return Attribute("Expires", shown, "")
        problems = tuple(life_problems(self._given, datetime.now(UTC)))
        return Attribute("Expires", shown, "a time to come", problems)

    def http_only(self) -> Attribute:
        if self._attributes.get("HttpOnly"):
            return Attribute("HttpOnly", "set", "set")
        text = "HttpOnly is missing: scripts of the page can read the token"
        return Attribute("HttpOnly", "", "set", (Problem(text, _REWRITTEN),))

    def secure(self) -> Attribute:
        """Judge it by public_url or, if that is unset, by where the cookie came from.

        `authingo serve` sets public_url for itself, and another program may not. So at a
        loopback http address a cookie may be Secure or not.
        """
        is_set, place = bool(self._attributes.get("Secure")), self._place
        either = self._settings.public_url is None and place is not None and place.loopback
        should = "set" if self._expected.secure else ""
        if either and place is not None and place.scheme != "https":
            should = "either, on loopback"
        shown = "set" if is_set else ""
        if is_set or should != "set":
            problems = tuple(dropped_by_safari(self._given, place))
            return Attribute("Secure", shown, should, problems)
        text = "Secure is missing: it also travels over plain http"
        fix = (
            "set public_url to the https address"
            if self._settings.public_url
            else "right only of a development server on this machine: then say where it came from "
            "with --url http://localhost:8080; else set public_url to the https address"
        )
        return Attribute("Secure", "", should, (Problem(text, fix),))

    def same_site(self) -> Attribute:
        same_site, should = self._text("SameSite"), self._expected.same_site
        if same_site.lower() == should.lower():
            return Attribute("SameSite", same_site, should)
        does = {
            "none": "pages of any site have it sent",
            "lax": "it is also sent when a link of another site is followed",
            "strict": "it is not sent when a link of another site is followed",
        }.get(same_site.lower(), "Chrome takes that for Lax, others may send it to any site")
        if should == "None" and same_site.lower() in {"lax", "strict"}:
            does = "it is not sent with what pages of another site ask for"
        text = f"SameSite is {same_site or 'missing'} and should be {should}: {does}"
        fix = "compare cookies.same_site here with that of the running server"
        return Attribute("SameSite", same_site, should, (Problem(text, fix),))

    def partitioned(self) -> Attribute | None:
        is_set, should = bool(self._attributes.get("Partitioned")), self._expected.partitioned
        shown, wanted = ("set" if flag else "" for flag in (is_set, should))
        if is_set == should:
            return Attribute("Partitioned", shown, wanted) if should else None
        text = f"Partitioned should be {'set' if should else 'absent'}: " + (
            "browsers that block third-party cookies do not keep it"
            if should
            else "there is another one for each site that embeds it"
        )
        fix = "compare cookies.partitioned here with that of the running server"
        return Attribute("Partitioned", shown, wanted, (Problem(text, fix),))

    def _text(self, name: str) -> str:
        value = self._attributes.get(name, "")
        return value if isinstance(value, str) else ""
