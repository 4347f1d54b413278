"""What a browser does with a cookie: keep it, drop it, send it, hold it back.

The rules are those of draft-ietf-httpbis-rfc6265bis-22 ("The Set-Cookie Header
Field", "Storage Model", "Retrieval Algorithm", "Cookie Name Prefixes", "Cookie
Lifetime Limits"), of CHIPS (draft-cutler-httpbis-partitioned-cookies) and, where
browsers differ, of what Chrome, Firefox and Safari do; then the text names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ..spans import span
from .headers import Given
from .places import Place, covers, is_public_suffix, path_matches

_MOST_OCTETS = 4096  # of name and value together
_LONGEST_LIFE = timedelta(days=400)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a cookie, and what to do about it."""

    text: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.text}. {self.mend[:1].upper()}{self.mend[1:]}" if self.mend else self.text


def lifetime(given: Given, now: datetime) -> timedelta | None:
    """Return for how long a browser keeps it: Max-Age before Expires. None: until it is closed."""
    attributes = given.attributes or {}
    age = str(attributes.get("Max-Age", ""))
    if _NUMBER.fullmatch(age):
        # Whatever a million digits say, it is for ever.
        return timedelta(seconds=int(age)) if len(age) < 11 else timedelta(days=36_500)
    expires = attributes.get("Expires")
    until = moment(str(expires)) if expires else None
    return until - now if until else None


def moment(text: str) -> datetime | None:
    """Read an Expires: of HTTP, of a jar (seconds since 1970), or of a HAR file (ISO 8601).

    What would be the year 33,000 in seconds are milliseconds, which some extensions write.
    """
    try:
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text):
            seconds = float(text)
            return datetime.fromtimestamp(seconds if seconds < 1e12 else seconds / 1000, UTC)
        read = (
            datetime.fromisoformat(text)
            if re.match(r"[0-9]{4}-", text)
            # Netscape's dashes, which browsers read and the parser does not
            else parsedate_to_datetime(re.sub(r"(\d)-([A-Za-z]{3})-(\d)", r"\1 \2 \3", text))
        )
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def refusals(given: Given, place: Place | None) -> list[Problem]:
    """Say why a browser drops a cookie that the response of a place sets."""
    rules = (_content, _transport, _needs_secure, _prefix, _domain, _other_site)
    return [problem for rule in rules for problem in rule(given, place)]


def _content(given: Given, _place: Place | None) -> Iterator[Problem]:
    if len(given.name) + len(given.value) > _MOST_OCTETS:
        yield Problem(f"browsers drop the cookie: name and value exceed {_MOST_OCTETS} octets")
    if _CONTROL.search(given.name + given.value):
        yield Problem("browsers drop the cookie: there is a control character in it")


def _transport(given: Given, place: Place | None) -> Iterator[Problem]:
    if place and place.plain and _has(given, "Secure"):
        yield Problem(
            f"browsers drop the cookie: it is Secure, and {place} is plain http",
            "serve that address by https",
        )


def _needs_secure(given: Given, _place: Place | None) -> Iterator[Problem]:
    if "Secure" in given.told and not _has(given, "Secure"):
        if _is_none(given):
            yield Problem("SameSite=None needs Secure: browsers drop the cookie")
        if _has(given, "Partitioned"):
            yield Problem("Partitioned needs Secure: browsers drop the cookie")


def _prefix(given: Given, _place: Place | None) -> Iterator[Problem]:
    name = given.name.lower()  # browsers take a prefix in any case
    insecure = "Secure" in given.told and not _has(given, "Secure")
    elsewhere = "Path" in given.told and _text(given, "Path") != "/"
    if name.startswith("__host-") and (insecure or elsewhere or _text(given, "Domain")):
        yield Problem("__Host- needs Secure, Path=/ and no Domain: browsers drop the cookie")
    if name.startswith("__secure-") and insecure:
        yield Problem("__Secure- needs Secure: browsers drop the cookie")


def _domain(given: Given, place: Place | None) -> Iterator[Problem]:
    domain = _text(given, "Domain").removeprefix(".").lower()
    if domain and is_public_suffix(domain) and not (place and place.host == domain):
        yield Problem(
            "Domain is one that strangers register names under: browsers drop the cookie",
            "correct cookies.domain, or leave it unset",
        )
    elif domain and place and not covers(domain, place.host):
        yield Problem(
            f"Domain does not cover {place.host}: browsers drop the cookie",
            "correct cookies.domain, or leave it unset",
        )


def _other_site(given: Given, _place: Place | None) -> Iterator[Problem]:
    if given.exchange.cross_site and "SameSite" in given.told and not _is_none(given):
        yield Problem(
            "a page of another site asked: browsers keep only SameSite=None cookies of the answer",
            'serve both under one domain, or set cookies.same_site = "none"',
        )


def life_problems(given: Given, now: datetime) -> Iterator[Problem]:
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


def keeps(given: Given, now: datetime) -> str:
    """Say for how long a browser keeps it."""
    left = lifetime(given, now)
    return f"keeps it for {span(min(left, _LONGEST_LIFE))}" if left else "keeps it until it closes"


def sends(given: Given, place: Place | None) -> Iterator[str]:
    """Say to what addresses a browser sends it, and for whose pages."""
    host = given.host or (place.host if place else "the host that set it")
    domain, path = _text(given, "Domain"), _text(given, "Path")
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


def withheld(given: Given, asked: Place, origin: Place | None) -> list[str]:
    """Say why a browser that has the cookie does not send it with a request.

    Args:
        given: the cookie.
        asked: what the request asks for.
        origin: where the cookie came from.
    """
    path, domain = _text(given, "Path"), _text(given, "Domain")
    host = given.host or (origin.host if origin else asked.host)
    found = []
    if _has(given, "Secure") and asked.plain:
        found.append(f"it is Secure, and {asked} is plain http")
    if path.startswith("/") and not path_matches(path, asked.path):
        found.append(f"its Path is {path}")
    if domain and not covers(domain, asked.host):
        found.append(f"its Domain is {domain}")
    elif not domain and host.lower() != asked.host:
        found.append(f"without a Domain it belongs to {host} alone")
    return found


def _has(given: Given, flag: str) -> bool:
    return bool((given.attributes or {}).get(flag))


def _text(given: Given, name: str) -> str:
    value = (given.attributes or {}).get(name, "")
    return value if isinstance(value, str) else ""


def _is_none(given: Given) -> bool:
    return _text(given, "SameSite").lower() == "none"
