"""Which domains a cookie of a host can name: the rules of browsers and the Public Suffix List.

The registrable domain is what lies directly below a public suffix (HTML Standard,
"obtain a host's registrable domain"; RFC 6265bis §5.7). An IP address, a name without
a dot such as `localhost`, and a public suffix itself have none. The list is that of the
package publicsuffixlist, private suffixes such as github.io included; it is read when
it is first needed, which takes some 30 ms.
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_LONGEST = 253  # characters of a host name in DNS (RFC 1035 §2.3.4)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+", re.ASCII)
_PORT = re.compile(r":\d*\Z", re.ASCII)


def registrable(host: str) -> str | None:
    """Return the registrable domain of a host; None if it has none."""
    if ip_address(host) is not None or "." not in host:
        return None
    found: str | None = _list().privatesuffix(host)
    return found


def is_public_suffix(domain: str) -> bool:
    """Return whether anyone can register below a domain, so that no cookie may name it."""
    return bool(_list().publicsuffix(domain) == domain)


def covers(domain: str, host: str) -> bool:
    """Return whether a cookie's Domain covers a host (RFC 6265bis §5.1.3)."""
    return host == domain or (host.endswith("." + domain) and ip_address(host) is None)


def domains_above(host: str) -> tuple[str, ...]:
    """Return a host and each parent domain of it, up to the registrable one.

    Args:
        host: as in a Host header, with or without a port. Anyone can write one, so
            anything but a plain host name gets no domains.
    """
    host = _PORT.sub("", host).lower()
    if len(host) > _LONGEST or not _HOST.fullmatch(host):
        return ()
    last = registrable(host)
    if last is None:
        return ()
    labels = host.split(".")
    above = len(labels) - last.count(".")
    return tuple(".".join(labels[level:]) for level in range(above))


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read a host as an IP address; None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - reads its file

    return PublicSuffixList()
