"""Who is asking: the address that can be believed, and what the browser calls itself.

Anybody can write an X-Forwarded-For header, so it is read only where the peer of
the connection is one of `trusted_proxies`, and from the right: each proxy adds
the address it was reached from at the end, and the first one that is no trusted
proxy is the client (OWASP ASVS 5.0 V4.1.3; RFC 7239 §8.1). What stands further
left, the client may have written.

uvicorn reads that header by itself for connections from this machine, and puts
what it finds in the place of the peer, with port 0. Then the peer was this
machine, and the header is read again, by the rule above.
"""

from __future__ import annotations

import ipaddress
import logging

from authingo.config import Settings
from authingo.fastapi.headers import Scope, header_values
from authingo.models import Client

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
_MAX_USER_AGENT = 256  # characters kept
_log = logging.getLogger("authingo")


class ClientReader:
    """Reads who is asking under one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._trusted = [ipaddress.ip_network(item) for item in settings.trusted_proxies]
        self._warned = False

    def read(self, scope: Scope) -> Client:
        """Return the client of a request. Without a socket (in a test) it has no address."""
        forwarded = b",".join(header_values(scope, b"x-forwarded-for")).decode("latin-1")
        user_agent = _user_agent(scope)
        peer = _peer(scope, forwarded)
        if peer is None:
            return Client(None, user_agent)
        shared = False
        if forwarded:
            if self._trusts(peer):
                peer = self._client_of(peer, forwarded)
            elif peer.is_private:  # a proxy that was forgotten, rather than a liar
                shared = True
                self._warn(peer)
        return Client(str(peer), user_agent, shared)

    def _client_of(self, peer: IPAddress, forwarded: str) -> IPAddress:
        for entry in reversed(forwarded.split(",")):
            address = _address(entry)
            if address is None:
                return peer  # what a trusted proxy cannot have written: believe no more
            peer = address
            if not self._trusts(peer):
                return peer
        return peer

    def _trusts(self, address: IPAddress) -> bool:
        return any(address in network for network in self._trusted)

    def _warn(self, peer: IPAddress) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "%s sends X-Forwarded-For and is not in trusted_proxies: "
                "without it, no limit per address applies",
                peer,
            )


def _peer(scope: Scope, forwarded: str) -> IPAddress | None:
    client = scope.get("client")
    if client is None:  # a unix socket
        return _LOOPBACK
    host, port = client
    if forwarded and port == 0:
        return _LOOPBACK
    return _address(host)


def _address(text: str) -> IPAddress | None:
    """Read an address, with or without a port. An IPv4 address mapped into IPv6 is that address."""
    text = text.strip(" \t")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address


def _user_agent(scope: Scope) -> str | None:
    values = header_values(scope, b"user-agent")
    if len(values) != 1:
        return None
    text = values[0].decode("utf-8", "replace")
    return "".join(char for char in text if char.isprintable())[:_MAX_USER_AGENT] or None
