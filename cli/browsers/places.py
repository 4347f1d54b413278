"""Compare addresses with each other and with a cookie, as browsers do.

A site is a scheme and a registrable domain: the domain directly below a public
suffix, by the Public Suffix List (HTML Standard, "same site"; RFC 6265bis §5.2).
An address without a registrable domain (`authingo.domains`) is a site of its own. Ports
do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from authingo import domains
from authingo.config import is_loopback, origin_of, split_url


@dataclass(frozen=True, slots=True)
class Place:
    """An address that a browser sends requests to.

    Args:
        scheme: empty if it is not known.
        host: in lower case, without port and brackets.
        port: None if it is the default of the scheme.
        path: "/" if the address has none.
    """

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, url: str) -> Place | None:
        """Parse a URL, which begins with // if it has no scheme. Return None if it is not one."""
        try:
            parts = split_url(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if parts.scheme not in {"http", "https", ""} or not host:
            return None
        default = {"http": 80, "https": 443}.get(parts.scheme)
        return cls(parts.scheme, host, None if port == default else port, parts.path or "/")

    def __str__(self) -> str:
        return self.origin

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers write them; an unknown scheme is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}" if self.scheme else host + port

    @property
    def site(self) -> str:
        """The registrable domain, or the host if it has none."""
        return self.registrable or self.host.rstrip(".")

    @property
    def registrable(self) -> str | None:
        """The registrable domain; None if there is none."""
        return domains.registrable(self.host.rstrip("."))

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address."""
        return domains.ip_address(self.host) is not None

    @property
    def loopback(self) -> bool:
        """Whether it is a loopback address."""
        return is_loopback(self.host)

    @property
    def private(self) -> bool:
        """Whether it is loopback or of a local network, as far as the host shows that."""
        ip = domains.ip_address(self.host)
        return self.loopback or self.host.endswith(".local") or (ip is not None and ip.is_private)

    @property
    def plain(self) -> bool:
        """Whether it is http and not loopback: browsers send no Secure cookie there."""
        return self.scheme == "http" and not self.loopback


def address(url: str) -> Place:
    """Parse what a user typed as the address of a server or of a page.

    Raises:
        ValueError: it is not an http or https address; the text says what it must be.
    """
    parts = split_url(origin_of(url))
    path = split_url(url).path.rstrip("/")
    return Place(parts.scheme, parts.hostname or "", parts.port, path or "/")


def same_site(one: Place, other: Place) -> bool:
    """Return whether two addresses are one site: scheme and registrable domain are equal."""
    schemes_differ = one.scheme != other.scheme and "" not in {one.scheme, other.scheme}
    return not schemes_differ and one.site == other.site


def path_matches(path: str, asked: str) -> bool:
    """Return whether a cookie with this Path is sent to an address with the path `asked`."""
    return asked == path or (
        asked.startswith(path) and (path.endswith("/") or asked[len(path)] == "/")
    )
