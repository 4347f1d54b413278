"""The two cookies: the only place that knows their names and attributes.

                 session                       refresh
    Path         /                             base path + /refresh
    SameSite     Lax                           Strict
    always       HttpOnly; Secure (but on a loopback http public_url); no Domain

The refresh token travels to one address alone, so that no other route, log or
compromised handler ever sees it. Max-Age of both is the life of the refresh
token: the server enforces the short life of the session token, and a browser
that still has it can sign an idle tab out. (RFC 6265bis; ASVS 5.0 V3.3.1 to
V3.3.4, V7.2.)

It stands outside `authingo.fastapi` because the command line explains cookies
and must not import FastAPI to do so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from authingo.config import Settings
from authingo.domains import domains_above
from authingo.models import SignedIn

Kind = Literal["session", "refresh"]

_HOSTS_KEPT = 64
_LONGEST_HOST = 300  # characters; more is no host and a port
# Deeper hosts expire those next to the registrable domain only: proxies hold the headers of an
# answer to some kilobytes, and people set cookies.domain to what several hosts share.
_MOST_DOMAINS = 6
_SEMICOLON = ord(";")  # `59 in header` is a third of what `b";" in header` takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """One of the two cookies as a configuration sets it."""

    kind: Kind
    name: str
    path: str
    same_site: str
    secure: bool
    domain: str | None
    partitioned: bool
    start: bytes = field(init=False, repr=False)  # of its pair in a Cookie header

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", f"{self.name}=".encode())

    def read(self, header: bytes) -> str | None:
        """Return what `find` finds, as text."""
        found = self.find(header)
        return None if found is None else found.decode("latin-1")

    def find(self, header: bytes) -> bytes | None:
        """Return the value of the one cookie with this name, exactly as sent.

        `header`: all that are called Cookie, joined by `;`; empty where there is none.
        None where it is missing or came twice: another Path or a sibling domain can
        plant a second cookie of the same name, and which of the two a browser sends
        first is not ours to guess ("cookie tossing", RFC 6265 §8.6).
        """
        if _SEMICOLON not in header:  # where no other application shares the origin
            return self._value(header)
        found = None
        for part in header.split(b";"):
            value = self._value(part)
            if value is not None:
                if found is not None:
                    return None
                found = value
        return found

    def _value(self, part: bytes) -> bytes | None:
        pair = part.strip(b" \t")
        value = pair.removeprefix(self.start)
        return None if len(value) == len(pair) else value

    def header(self, value: str, max_age: int) -> str:
        """Write the value of a Set-Cookie header. `max_age` in seconds; 0 clears."""
        parts = [f"{self.name}={value}", f"Path={self.path}", f"Max-Age={max_age}"]
        if self.domain:
            parts.append(f"Domain={self.domain}")
        parts += ["HttpOnly", f"SameSite={self.same_site}"]
        if self.secure:
            parts.append("Secure")
        if self.partitioned:
            parts.append("Partitioned")
        return "; ".join(parts)


class Cookies:
    """Both cookies under one configuration: read, write, clear.

    A browser tells cookies of one name apart by Domain (none at all is one more kind),
    Path and partition, keeps them side by side and sends them all (RFC 6265bis §5.7,
    CHIPS). After a change of `cookies.domain` or `cookies.partitioned` it would hold the
    old one and the new one, and two are read as none. So whatever sets or clears the
    cookies first expires what the other settings may have left: without Domain, and with
    each domain from the request's host up to the registrable one, which is as far as a
    browser lets a host reach. What is set comes last, so that a browser that sees no
    difference between two of them keeps it.
    """

    def __init__(self, settings: Settings) -> None:
        cross_site = settings.cookies.same_site == "none"
        hardened = settings.cookies.hardened_names
        prefix = settings.cookies.prefix
        self.session = Cookie(
            kind="session",
            name=f"__Host-{prefix}_session" if hardened else f"{prefix}_session",
            path="/",
            same_site="None" if cross_site else "Lax",
            secure=settings.secure_cookies,
            domain=settings.cookies.domain,
            partitioned=settings.cookies.partitioned,
        )
        self.refresh = Cookie(
            kind="refresh",
            name=f"__Secure-{prefix}_refresh" if hardened else f"{prefix}_refresh",
            path=settings.base_path + "/refresh",
            same_site="None" if cross_site else "Strict",
            secure=settings.secure_cookies,
            domain=settings.cookies.domain,
            partitioned=settings.cookies.partitioned,
        )
        self._may_have_domain = not hardened  # the two do not go together
        # Partitioned cookies are for an https public_url only, so without it there are none.
        self._partitions = (False, True) if _is_https(settings.public_url) else (False,)
        self._public_host = urlsplit(settings.public_url or "").hostname or ""
        # Hosts come from requests: bounded in number here, in size by `domains_above`.
        self._expire_others = lru_cache(maxsize=_HOSTS_KEPT)(self._expirations)

    def write(self, signed_in: SignedIn, host: str = "") -> list[str]:
        """Return the Set-Cookie values that hand a session to the browser.

        `host`: the Host header of the request, "" where there is not exactly one.
        """
        session = signed_in.session
        max_age = int((session.refresh_expires_at - session.last_used_at).total_seconds())
        return [
            *self._expire_others(host[:_LONGEST_HOST]),
            self.session.header(signed_in.tokens.session, max_age),
            self.refresh.header(signed_in.tokens.refresh, max_age),
        ]

    def clear(self, host: str = "") -> list[str]:
        """Return the Set-Cookie values that take it away: same name, Path, Domain, Secure.

        `host`: as for `write`.
        """
        return [
            *self._expire_others(host[:_LONGEST_HOST]),
            self.session.header("", 0),
            self.refresh.header("", 0),
        ]

    def _expirations(self, host: str) -> tuple[str, ...]:
        """Return what expires the cookies that other settings may have left."""
        domains = (None, *(self._domains(host) if self._may_have_domain else ()))
        others = (
            replace(cookie, domain=domain, partitioned=partitioned)
            for cookie in (self.session, self.refresh)
            for domain in domains
            for partitioned in self._partitions
            if (domain, partitioned) != (cookie.domain, cookie.partitioned)
        )
        return tuple(other.header("", 0) for other in others)

    def _domains(self, host: str) -> tuple[str, ...]:
        """Return what Domain may have been, whatever a proxy made of the Host header."""
        asked, public = domains_above(host), domains_above(self._public_host)
        if public and asked[-1:] != public[-1:]:  # a proxy's own name for this server
            asked = public
        return asked[-_MOST_DOMAINS:]


def _is_https(url: str | None) -> bool:
    return (url or "").startswith("https:")


def pairs(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Split the Cookie headers. Nothing but spaces and tabs is trimmed, no quote removed."""
    found = []
    for key, raw in headers:
        if key == b"cookie":
            for part in raw.decode("latin-1").split(";"):
                name, separator, value = part.strip(" \t").partition("=")
                if separator:
                    found.append((name, value))
    return found
