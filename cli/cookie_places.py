"""Addresses as a browser compares them with a cookie: hosts, paths, sites."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from authingo.config import is_loopback

_ADDRESS = re.compile(r"[\d.]+|\[?[0-9a-f]*:[0-9a-f:.]*\]?", re.IGNORECASE)
_SUFFIXES = re.compile(
    r"(?:co|org|gov|ac)\.uk|(?:com|net|org)\.au|(?:co|ne|or)\.jp|co\.(?:nz|kr|in|za|il)"
    r"|com\.(?:br|mx|ar|cn|tw|hk|sg|tr)|git(?:hub|lab)\.io|(?:pages|workers|fly)\.dev"
    r"|(?:vercel|netlify|web|firebase|run|ngrok|ngrok-free)\.app|firebaseapp\.com|herokuapp\.com"
    r"|onrender\.com|azurewebsites\.net|azurestaticapps\.net|cloudfront\.net|amplifyapp\.com"
)


@dataclass(frozen=True, slots=True)
class Place:
    """An address that a browser asks. `scheme` is empty where that is not known."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, url: str) -> Place | None:
        """Read a URL; one without its scheme begins with two slashes. None: it is none."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if parts.scheme not in {"http", "https", ""} or not host:
            return None
        return cls(parts.scheme, host, port, parts.path or "/")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}{':' if self.scheme else ''}//{host}{port}".removeprefix("//")

    @property
    def loopback(self) -> bool:
        """Whether it is this machine to itself."""
        return is_loopback(self.host)

    @property
    def plain(self) -> bool:
        """Whether it is http, and not to this machine itself: no Secure cookie goes there."""
        return self.scheme == "http" and not self.loopback


def same_site(one: Place, other: Place) -> bool:
    """Tell whether two addresses are of one site: scheme and registrable domain are equal.

    The list of public suffixes has ten thousand lines and changes by the week;
    here are the few that applications are put under most, and the last two
    labels of all others ("Same-site and cross-site requests" of the draft).
    """
    schemes_differ = one.scheme != other.scheme and "" not in {one.scheme, other.scheme}
    return not schemes_differ and _registrable(one.host) == _registrable(other.host)


def is_public_suffix(domain: str) -> bool:
    """Tell whether names under a domain belong to strangers, as far as that is known here."""
    return "." not in domain or bool(_SUFFIXES.fullmatch(domain.lower()))


def _registrable(host: str) -> str:
    if _ADDRESS.fullmatch(host):
        return host
    labels = host.lower().split(".")
    return ".".join(labels[-3 if is_public_suffix(".".join(labels[-2:])) else -2 :])


def covers(domain: str, host: str) -> bool:
    """Tell whether a host domain-matches a cookie's Domain; an address only matches itself."""
    domain, host = domain.removeprefix(".").lower(), host.lower()
    return host == domain or (host.endswith(f".{domain}") and not _ADDRESS.fullmatch(host))


def path_matches(path: str, asked: str) -> bool:
    """Tell whether a cookie with this Path goes to an address with that one."""
    return asked == path or (
        asked.startswith(path) and (path.endswith("/") or asked[len(path)] == "/")
    )
