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

from dataclasses import dataclass, field
from typing import Literal

from authingo.config import Settings
from authingo.models import SignedIn

Kind = Literal["session", "refresh"]

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
    """Both cookies under one configuration: read, write, clear."""

    def __init__(self, settings: Settings) -> None:
        cross_site = settings.cookies.same_site == "none"
        hardened = settings.cookies.hardened_names
        self.session = Cookie(
            kind="session",
            name="__Host-authingo_session" if hardened else "authingo_session",
            path="/",
            same_site="None" if cross_site else "Lax",
            secure=settings.secure_cookies,
            domain=settings.cookies.domain,
            partitioned=settings.cookies.partitioned,
        )
        self.refresh = Cookie(
            kind="refresh",
            name="__Secure-authingo_refresh" if hardened else "authingo_refresh",
            path=settings.base_path + "/refresh",
            same_site="None" if cross_site else "Strict",
            secure=settings.secure_cookies,
            domain=settings.cookies.domain,
            partitioned=settings.cookies.partitioned,
        )

    def write(self, signed_in: SignedIn) -> list[str]:
        """Return the two Set-Cookie values that hand a session to the browser."""
        session = signed_in.session
        max_age = int((session.refresh_expires_at - session.last_used_at).total_seconds())
        return [
            self.session.header(signed_in.tokens.session, max_age),
            self.refresh.header(signed_in.tokens.refresh, max_age),
        ]

    def clear(self) -> list[str]:
        """Return the two Set-Cookie values that take it away: same name, Path, Domain, Secure."""
        return [self.session.header("", 0), self.refresh.header("", 0)]


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
