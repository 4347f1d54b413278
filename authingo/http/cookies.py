"""The cookies: the only place that knows their names and attributes.

                 session          refresh                  device
    Path         /                base path + /refresh     /
    SameSite     Lax              Strict                   Strict
    always       HttpOnly; Secure (except with a loopback http public_url); no Domain

There are two more, `pending` and `ceremony`, like the device cookie in everything but their
lives. They last for what a browser has begun: to prove the address it has signed up with
(24 hours), or to sign in with a code (10 minutes). Only capabilities use them.

These are the defaults. The settings of `cookies` can change SameSite, and Domain of the session
and refresh cookies.

The device cookie only proves that an account has signed in with this browser before. It gives
no access, and stays after sign-out. Its name begins with `__Host-` whenever it is Secure. It
lives for a year after the last sign-in.

A browser sends the refresh token to one path only, so that no other route, log or compromised
handler ever sees it. Max-Age of the session and refresh cookies is the lifetime of the refresh
token. The server enforces the shorter lifetime of the session token; a browser that still has
an expired one can use it to sign out an idle tab. (RFC 6265bis; ASVS 5.0 V3.3.1 to V3.3.4,
V7.2.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import Literal, get_args
from urllib.parse import urlsplit

from authingo.attempts import DEVICE_LIFE
from authingo.config import Settings
from authingo.domains import domains_above
from authingo.models import SignedIn

Kind = Literal["session", "refresh", "device", "pending", "ceremony"]
KINDS: tuple[Kind, ...] = get_args(Kind)

PENDING_LIFE = timedelta(hours=24)  # as long as the link that proves an address
CEREMONY_LIFE = timedelta(minutes=10)

_EXPIRATIONS_KEPT = 64  # two for each host
_LONGEST_HOST = 300  # characters; anything longer is not a host with a port
# For deeper hosts, only the domains closest to the registrable one are expired: proxies limit the
# headers of an answer to a few kilobytes, and cookies.domain is usually a domain that hosts share.
_MOST_DOMAINS = 6
_BLANK = b" \t"
_SEMICOLON = ord(";")  # `59 in header` takes a third of the time of `b";" in header`


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """One of the cookies, with the attributes that the settings give it.

    `life`: how long a browser keeps it; None if that depends on the session.
    """

    kind: Kind
    name: str
    path: str
    same_site: str
    secure: bool
    domain: str | None
    partitioned: bool
    life: timedelta | None = None
    start: bytes = field(init=False, repr=False)  # "name=", as its pair begins in a Cookie header

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", f"{self.name}=".encode())

    def read(self, header: bytes) -> str | None:
        """Return what `find` returns, as text."""
        found = self.find(header)
        return None if found is None else found.decode("latin-1")

    def find(self, header: bytes) -> bytes | None:
        """Return the value of the one cookie with this name, exactly as sent.

        `header` is all Cookie headers joined by `;`, or empty. Return None if the cookie is missing
        or came twice: an attacker can set a second cookie of the same name, with another Path or
        from a sibling domain, and the server cannot know which of them a browser sends first
        ("cookie tossing", RFC 6265 §8.6).
        """
        if _SEMICOLON not in header:  # a single cookie: no other application shares the origin
            pair = header.strip(_BLANK)
            value = pair.removeprefix(self.start)
            return None if len(value) == len(pair) else value
        before, start, after = header.partition(self.start)
        # True if it is there twice, or inside other names or values; also if `start` is "",
        # because it is not there at all.
        if start in after:
            return self._find_among(header) if start else None
        if before and (before := before.rstrip(_BLANK)) and before[-1] != _SEMICOLON:
            return None  # in the middle of another pair
        return after.partition(b";")[0].rstrip(_BLANK)

    def _find_among(self, header: bytes) -> bytes | None:
        found = None
        end = 0  # of the pairs that were read so far; each byte is read once
        while (at := header.find(self.start, end)) >= 0:
            begin = header.rfind(b";", end, at) + 1
            end = header.find(b";", at)
            if end < 0:
                end = len(header)
            if not header[begin:at].strip(_BLANK):
                if found is not None:
                    return None
                found = header[at + len(self.start) : end].rstrip(_BLANK)
        return found

    def header(self, value: str, max_age: int) -> str:
        """Return the value of a Set-Cookie header. `max_age` is in seconds; 0 clears the cookie."""
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
    """The cookies with one configuration: read, write, clear.

    A browser distinguishes cookies of the same name by Domain (or its absence), Path and
    partition. It keeps them side by side and sends them all (RFC 6265bis §5.7, CHIPS). So after
    a change of `cookies.domain` or `cookies.partitioned` it would send both the old cookie and
    the new one, and `find` treats two as none. Therefore an answer that sets or clears the
    cookies first expires those that other settings have set: without Domain, and with each
    domain from the request's host up to the registrable one, which is the highest that a browser
    lets a host set. The new cookies come last, so that a browser that does not distinguish them
    keeps the new ones.
    """

    def __init__(self, settings: Settings) -> None:
        cross_site = settings.cookies.same_site == "none"
        hardened = settings.cookies.hardened_names
        prefix = self._prefix = settings.cookies.prefix
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

        def host_only(kind: Kind, life: timedelta) -> Cookie:
            return Cookie(
                kind=kind,
                name=f"{'__Host-' if settings.secure_cookies else ''}{prefix}_{kind}",
                path="/",
                same_site="None" if cross_site else "Strict",
                secure=settings.secure_cookies,
                domain=None,
                partitioned=settings.cookies.partitioned,
                life=life,
            )

        self.device = host_only("device", DEVICE_LIFE)
        self.pending = host_only("pending", PENDING_LIFE)
        self.ceremony = host_only("ceremony", CEREMONY_LIFE)
        self.all = (self.session, self.refresh, self.device, self.pending, self.ceremony)
        used = settings.short_lived_cookies
        self._short_lived = [one for one in self.all if one.kind in used]
        self._may_have_domain = not hardened  # cookies.domain and hardened_names exclude each other
        # Partitioned cookies need an https public_url, so without one there are none to expire.
        self._partitions = (False, True) if _is_https(settings.public_url) else (False,)
        self._public_host = urlsplit(settings.public_url or "").hostname or ""
        # Hosts come from requests. So their number is limited here, and their size in
        # `domains_above`.
        self._expire_others = lru_cache(maxsize=_EXPIRATIONS_KEPT)(self._expirations)

    def write(self, signed_in: SignedIn, host: str = "") -> list[str]:
        """Return the Set-Cookie values that give the browser what there is of a session's tokens.

        `host` is the Host header of the request, or "" unless there is exactly one.
        """
        session, tokens = signed_in.session, signed_in.tokens
        max_age = int((session.refresh_expires_at - session.last_used_at).total_seconds())
        written: list[str] = []
        given = [
            (cookie, token)
            for cookie, token in ((self.session, tokens.session), (self.refresh, tokens.refresh))
            if token is not None
        ]
        for cookie, _ in given:
            written += self._expire_others(cookie, host[:_LONGEST_HOST])
        written += [cookie.header(token, max_age) for cookie, token in given]
        if tokens.device is not None:
            written += self.write_one(self.device, tokens.device)
        return written

    def clear(self, host: str = "") -> list[str]:
        """Return the Set-Cookie values that remove the session: same name, Path, Domain, Secure.

        They also remove the short-lived cookies that the settings use, but not the device cookie.
        `host`: as for `write`.
        """
        host = host[:_LONGEST_HOST]
        return [
            *(header for cookie in self._short_lived for header in self.clear_one(cookie)),
            *self._expire_others(self.session, host),
            *self._expire_others(self.refresh, host),
            self.session.header("", 0),
            self.refresh.header("", 0),
        ]

    def write_one(self, cookie: Cookie, value: str) -> list[str]:
        """Return the Set-Cookie values that set a cookie that has no Domain: all but two."""
        assert cookie.life is not None  # noqa: S101 - the session's and its refresh depend on it
        return [*self._twins(cookie), cookie.header(value, int(cookie.life.total_seconds()))]

    def clear_one(self, cookie: Cookie) -> list[str]:
        """Return the Set-Cookie values that remove a cookie that has no Domain."""
        return [*self._twins(cookie), cookie.header("", 0)]

    def renewal(self, mark: str) -> str:
        """Return the cookie that a page leaves itself when it has tried to renew a session.

        It is written by a script, so it is not HttpOnly; it opens nothing. See
        `authingo.http.renewal`. Lax, because the page may have been opened from another site.
        """
        secure = self.device.secure
        name = f"{'__Host-' if secure else ''}{self._prefix}_renewal"
        return f"{name}={mark}; Path=/; Max-Age=60; SameSite=Lax" + ("; Secure" if secure else "")

    def _twins(self, cookie: Cookie) -> list[str]:
        """Return the Set-Cookie values that expire the same cookie of another partition."""
        return [
            replace(cookie, partitioned=partitioned).header("", 0)
            for partitioned in self._partitions
            if partitioned != cookie.partitioned
        ]

    def _expirations(self, cookie: Cookie, host: str) -> tuple[str, ...]:
        """Return the Set-Cookie values that expire this cookie as other settings have set it."""
        domains = (None, *(self._domains(host) if self._may_have_domain else ()))
        others = (
            replace(cookie, domain=domain, partitioned=partitioned)
            for domain in domains
            for partitioned in self._partitions
            if (domain, partitioned) != (cookie.domain, cookie.partitioned)
        )
        return tuple(other.header("", 0) for other in others)

    def _domains(self, host: str) -> tuple[str, ...]:
        """Return the domains that earlier cookies may have, even if a proxy rewrites Host."""
        asked, public = domains_above(host), domains_above(self._public_host)
        if public and asked[-1:] != public[-1:]:  # Host is a proxy's own name for this server
            asked = public
        return asked[-_MOST_DOMAINS:]


def _is_https(url: str | None) -> bool:
    return (url or "").startswith("https:")


def pairs(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Split the Cookie headers. Trim only spaces and tabs, and keep quotes."""
    found = []
    for key, raw in headers:
        if key == b"cookie":
            for part in raw.decode("latin-1").split(";"):
                name, separator, value = part.strip(" \t").partition("=")
                if separator:
                    found.append((name, value))
    return found
