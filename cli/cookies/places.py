"""Addresses as a browser compares them with a cookie: hosts, paths, sites."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from authingo.config import is_loopback

from ..checks import sites


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
    """Tell whether two addresses are of one site: scheme and registrable domain are equal."""
    schemes_differ = one.scheme != other.scheme and "" not in {one.scheme, other.scheme}
    return not schemes_differ and _site(one.host) == _site(other.host)


def _site(host: str) -> str:
    return sites.registrable(host.lower()) or host.lower()


def is_public_suffix(domain: str) -> bool:
    """Tell whether names under a domain belong to strangers."""
    return sites.is_public_suffix(domain.lower())


def covers(domain: str, host: str) -> bool:
    """Tell whether a host domain-matches a cookie's Domain; an address only matches itself."""
    return sites.covers(domain.removeprefix(".").lower(), host.lower())


def path_matches(path: str, asked: str) -> bool:
    """Tell whether a cookie with this Path goes to an address with that one."""
    return asked == path or (
        asked.startswith(path) and (path.endswith("/") or asked[len(path)] == "/")
    )
