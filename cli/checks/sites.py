"""Which addresses are one origin, and which are one site, as browsers have it.

A site is a scheme and a registrable domain: what lies directly below a public
suffix, by the Public Suffix List (HTML Standard, "same site"; RFC 6265bis §5.2).
An address without a registrable domain (`authingo.domains`) is a site of its own. Ports
do not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from authingo.config import is_loopback, origin_of
from authingo.domains import covers, ip_address, is_public_suffix, registrable

__all__ = ["Address", "address", "covers", "is_public_suffix", "registrable"]


@dataclass(frozen=True, slots=True)
class Address:
    """What a browser makes of a URL. `host` is lower-case, without port and brackets."""

    scheme: str
    host: str
    port: int | None  # None: that of the scheme
    origin: str
    path: str

    @property
    def site(self) -> tuple[str, str]:
        """Scheme and registrable domain, or the host that has none."""
        return self.scheme, self.registrable or self.host

    @property
    def registrable(self) -> str | None:
        """The domain that somebody registered; None where there is none."""
        return registrable(self.host)

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address."""
        return ip_address(self.host) is not None

    @property
    def loopback(self) -> bool:
        """Whether it is this machine to itself."""
        return is_loopback(self.host)

    @property
    def private(self) -> bool:
        """Whether it is an address that only a local network has, as far as the name tells."""
        ip = ip_address(self.host)
        return self.loopback or self.host.endswith(".local") or (ip is not None and ip.is_private)


def address(url: str) -> Address:
    """Read a URL.

    Raises:
        ValueError: it is not an http or https address; the text says what it must be.
    """
    try:
        origin = origin_of(url)
    except UnicodeError:
        raise ValueError("must have a host that can be written in DNS") from None
    path = urlsplit(url).path.rstrip("/")
    if not re.fullmatch(r"[!-~]*", path):
        raise ValueError("must have a path of ASCII characters, others written as %XX")
    parts = urlsplit(origin)
    host = (parts.hostname or "").rstrip(".")
    return Address(parts.scheme, host, parts.port, origin, path)
