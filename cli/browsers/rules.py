"""The rules by which a browser keeps, drops, sends or withholds a cookie.

`authingo cookies inspect` and every check of `authingo doctor` about cookies use them, so that
all of them judge the same cookie at the same place alike.

The rules are those of draft-ietf-httpbis-rfc6265bis-22 ("The Set-Cookie Header
Field", "Storage Model", "Retrieval Algorithm", "Cookie Name Prefixes", "Cookie
Lifetime Limits"), of CHIPS (draft-cutler-httpbis-partitioned-cookies) and, where
browsers differ, of what Chrome, Firefox and Safari do; then the message names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from authingo import domains
from authingo.config import Settings
from authingo.http.cookies import Cookie

from ..spans import span
from .headers import Exchange, ParsedCookie, of_response
from .places import Place, path_matches, same_site

_MOST_OCTETS = 4096  # of name and value together
_LONGEST_LIFE = timedelta(days=400)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a cookie, and what to do about it.

    Args:
        in_some: it is a problem in some browsers only.
    """

    text: str
    fix: str = ""
    in_some: bool = False

    def __str__(self) -> str:
        return f"{self.text}. {self.fix[:1].upper()}{self.fix[1:]}" if self.fix else self.text


def lifetime(given: ParsedCookie, now: datetime) -> timedelta | None:
    """Return how long a browser keeps it; None until it closes. Max-Age overrides Expires."""
    attributes = given.attributes or {}
    age = str(attributes.get("Max-Age", ""))
    if _NUMBER.fullmatch(age):
        # More digits mean for ever, so they are not even converted.
        return timedelta(seconds=int(age)) if len(age) < 11 else timedelta(days=36_500)
    expires = attributes.get("Expires")
    until = moment(str(expires)) if expires else None
    return until - now if until else None


def moment(text: str) -> datetime | None:
    """Read an expiry from HTTP, a jar (seconds since 1970), or a HAR file (ISO 8601).

    Some extensions write milliseconds. A number that would be the year 33,000 in seconds is
    taken for those.
    """
    try:
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text):
            seconds = float(text)
            return datetime.fromtimestamp(seconds if seconds < 1e12 else seconds / 1000, UTC)
        read = (
            datetime.fromisoformat(text)
            if re.match(r"[0-9]{4}-", text)
            # browsers accept Netscape's dashes, but the parser does not
            else parsedate_to_datetime(re.sub(r"(\d)-([A-Za-z]{3})-(\d)", r"\1 \2 \3", text))
        )
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def as_set(cookie: Cookie) -> ParsedCookie:
    """Return a cookie as a configuration sets it, for the rules to judge."""
    return of_response(cookie.header("token", 1), Exchange())


def refusals(given: ParsedCookie, place: Place | None) -> list[Problem]:
    """Say why a browser drops a cookie that the response of a place sets."""
    rules = (
        _content,
        refused_over_http,
        _needs_secure,
        _prefix,
        refused_domain,
        _asked_by_other_site,
    )
    return [problem for rule in rules for problem in rule(given, place)]


def _content(given: ParsedCookie, _place: Place | None) -> Iterator[Problem]:
    if len(given.name) + len(given.value) > _MOST_OCTETS:
        yield Problem(f"browsers drop the cookie: name and value exceed {_MOST_OCTETS} octets")
    if _CONTROL.search(given.name + given.value):
        yield Problem("browsers drop the cookie: there is a control character in it")


def refused_over_http(given: ParsedCookie, place: Place | None) -> Iterator[Problem]:
    """Secure needs https, except on a loopback address (RFC 6265bis §5.7)."""
    if place and place.plain and _has(given, "Secure"):
        yield Problem(
            f"browsers drop the cookie: it is Secure, and {place} is plain http",
            "serve that address by https",
        )


def _needs_secure(given: ParsedCookie, _place: Place | None) -> Iterator[Problem]:
    if "Secure" in given.told and not _has(given, "Secure"):
        if _is_none(given):
            yield Problem("SameSite=None needs Secure: browsers drop the cookie")
        if _has(given, "Partitioned"):
            yield Problem("Partitioned needs Secure: browsers drop the cookie")


def _prefix(given: ParsedCookie, _place: Place | None) -> Iterator[Problem]:
    name = given.name.lower()  # browsers take a prefix in any case
    insecure = "Secure" in given.told and not _has(given, "Secure")
    elsewhere = "Path" in given.told and _text(given, "Path") != "/"
    if name.startswith("__host-") and (insecure or elsewhere or _text(given, "Domain")):
        yield Problem("__Host- needs Secure, Path=/ and no Domain: browsers drop the cookie")
    if name.startswith("__secure-") and insecure:
        yield Problem("__Secure- needs Secure: browsers drop the cookie")


def stored_domain(domain: str, place: Place | None) -> str:
    """Return the Domain that a browser stores; "" if the cookie is for one host only.

    A public suffix is ignored if it is the host that sets the cookie (RFC 6265bis §5.7).
    """
    domain = domain.removeprefix(".").lower()
    own = place is not None and place.host == domain
    return "" if own and domains.is_public_suffix(domain) else domain


def domain_of(given: ParsedCookie, place: Place | None) -> str:
    """Return the `stored_domain` of a cookie."""
    return stored_domain(_text(given, "Domain"), place)


def refused_domain(given: ParsedCookie, place: Place | None) -> Iterator[Problem]:
    """Domain must cover the host that sets it, and be no public suffix (RFC 6265bis §5.7)."""
    domain = domain_of(given, place)
    hint = "correct cookies.domain, or leave it unset"
    if domain and domains.is_public_suffix(domain):
        yield Problem(
            f"Domain {domain} is a public suffix, below which strangers register names: "
            "browsers drop the cookie",
            hint,
        )
    elif domain and place and not domains.covers(domain, place.host):
        yield Problem(
            f"Domain {domain} does not cover {place.host}: browsers drop the cookie", hint
        )


_ONE_DOMAIN = 'serve both under one domain, or set cookies.same_site = "none"'


def _asked_by_other_site(given: ParsedCookie, _place: Place | None) -> Iterator[Problem]:
    if given.exchange.cross_site and is_for_own_site(given):
        yield Problem(
            "a page of another site asked: browsers keep only SameSite=None cookies of the answer",
            _ONE_DOMAIN,
        )


def is_for_own_site(given: ParsedCookie) -> bool:
    """Return whether requests from pages of other sites can neither set nor carry it (§5.6.7)."""
    return "SameSite" in given.told and not _is_none(given)


def dropped_by_safari(given: ParsedCookie, place: Place | None) -> Iterator[Problem]:
    """Only Safari treats http on a loopback address as insecure."""
    if place and place.scheme == "http" and place.loopback and _has(given, "Secure"):
        yield Problem(
            f"Secure is set, but {place} is plain http: Safari drops the cookie there, "
            "Chromium and Firefox keep it",
            f'for development set public_url = "{place}", or use another browser',
            in_some=True,
        )


def blocked_by_some(given: ParsedCookie) -> Iterator[Problem]:
    """All browsers keep a cookie with SameSite=None only if it is partitioned."""
    if _is_none(given) and "Partitioned" in given.told and not _has(given, "Partitioned"):
        yield Problem(
            "SameSite=None without Partitioned: browsers that block third-party cookies drop it "
            "from pages of other sites (Safari always, Firefox and Chromium by their settings)",
            "set cookies.partitioned = true, or put both under one domain",
            in_some=True,
        )


def unreachable_pages(
    given: ParsedCookie, place: Place | None, settings: Settings
) -> Iterator[Problem]:
    """Name the trusted origins whose pages make requests without this cookie.

    `place` is where the API is if public_url is unset.
    """
    api = (Place.parse(settings.public_url) if settings.public_url else None) or place
    if api is None or not is_for_own_site(given):
        return
    for origin in settings.trusted_origins:
        page = Place.parse(origin)
        if page is not None and not same_site(page, api):
            yield Problem(
                f"pages of {page} are of another site than {api}: "
                "a browser does not send it with what they ask for",
                _ONE_DOMAIN,
            )


def life_problems(given: ParsedCookie, now: datetime) -> Iterator[Problem]:
    """Say what is wrong with how long a browser keeps a cookie that carries a token."""
    if not given.told & {"Max-Age", "Expires"}:
        return
    age, life = _text(given, "Max-Age"), lifetime(given, now)
    if age and not _NUMBER.fullmatch(age):
        yield Problem("Max-Age is not a number of seconds: browsers ignore it")
    elif life is None:
        what = "Max-Age is missing" if "Max-Age" in given.told else "it has no expiry"
        yield Problem(f"{what}: it is gone when the browser is closed")
    elif life <= timedelta(0) and given.stored:
        yield Problem("its expiry is past: it is not sent any more", "sign in again")
    elif life <= timedelta(0):
        yield Problem("it is expired as it comes: browsers delete it at once")
    elif life > _LONGEST_LIFE + timedelta(days=1) and not given.stored:
        yield Problem("browsers keep it for 400 days at most, whatever it asks for")


def keeps(given: ParsedCookie, now: datetime) -> str:
    """Say for how long a browser keeps it."""
    left = lifetime(given, now)
    return f"keeps it for {span(min(left, _LONGEST_LIFE))}" if left else "keeps it until it closes"


def sends(given: ParsedCookie, place: Place | None) -> Iterator[str]:
    """Say to what addresses a browser sends it, and for whose pages."""
    host = given.host or (place.host if place else "the host that set it")
    domain, path = domain_of(given, place), _text(given, "Path")
    where = f"{domain} and its subdomains" if domain else f"{host}, no subdomain"
    what = "every path" if path == "/" else (path or "the path that set it")
    secure = "by https " if _has(given, "Secure") and not (place and place.loopback) else ""
    yield f"sends it {secure}to {what} of {where}"
    pages = {
        "strict": "does so for pages of the same site, not even when a link elsewhere leads there",
        "lax": "does so for pages of the same site, and when a link elsewhere leads there",
        "none": "does so for pages of any site, where third-party cookies are not blocked",
    }.get(_text(given, "SameSite").lower())
    if pages:
        yield pages


def withheld(given: ParsedCookie, asked: Place, origin: Place | None) -> list[str]:
    """Say why a browser that has the cookie does not send it with a request.

    Args:
        given: the cookie.
        asked: what the request asks for.
        origin: where the cookie came from.
    """
    path, domain = _text(given, "Path"), domain_of(given, origin)
    host = given.host or (origin.host if origin else asked.host)
    found = []
    if _has(given, "Secure") and asked.plain:
        found.append(f"it is Secure, and {asked} is plain http")
    if path.startswith("/") and not path_matches(path, asked.path):
        found.append(f"its Path is {path}")
    if domain and not domains.covers(domain, asked.host):
        found.append(f"its Domain is {domain}")
    elif not domain and host.lower() != asked.host:
        found.append(f"without a Domain it belongs to {host} alone")
    return found


def _has(given: ParsedCookie, flag: str) -> bool:
    return bool((given.attributes or {}).get(flag))


def _text(given: ParsedCookie, name: str) -> str:
    value = (given.attributes or {}).get(name, "")
    return value if isinstance(value, str) else ""


def _is_none(given: ParsedCookie) -> bool:
    return _text(given, "SameSite").lower() == "none"
