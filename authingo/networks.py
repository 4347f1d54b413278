"""The networks of an address, from that of one customer to that of a whole site.

One customer gets at least an IPv6 /64, often a /56, and can get a /48 for free, so a limit
for each address, or each /64, would not limit anything (RFC 6177; BCP 157). IPv4 addresses
are counted as they are, even if many people share one.
"""

from __future__ import annotations

import ipaddress
import socket

# The prefix lengths that are counted for an IPv6 address, the narrowest first.
_PREFIXES = (64, 56, 48)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def plain(address: IPAddress) -> IPAddress:
    """Return the IPv4 address inside an IPv6 address, or the address unchanged."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(address.packed[-4:])
        return address.ipv4_mapped or address
    return address


def networks(ip: str) -> tuple[str, ...]:
    """Return the networks of an address, the narrowest first: one for IPv4, three for IPv6.

    Raises:
        ValueError: it is no address.
    """
    address = plain(ipaddress.ip_address(ip))
    if address.version == 4:
        return (str(address),)
    return tuple(
        str(ipaddress.IPv6Network((int(address), bits), strict=False)) for bits in _PREFIXES
    )


def is_loopback(ip: str) -> bool:
    """Return whether an address is this machine's own.

    Raises:
        ValueError: it is no address.
    """
    return plain(ipaddress.ip_address(ip)).is_loopback


def is_in_network(ip: str, network: str) -> bool:
    """Return whether a stored address is in a network of `networks`.

    It is called for each session of an account, so it must take less than a microsecond: the
    time of a sign-in must not reveal whether the account exists (ASVS 5.0 V6.3.8).
    """
    if ":" not in ip or ":" not in network:
        return ip == network
    first, _, bits = network.partition("/")
    try:
        address, start = (socket.inet_pton(socket.AF_INET6, one) for one in (ip, first))
    except (OSError, ValueError):  # another program wrote it
        return False
    return address.startswith(start[: int(bits) // 8])
