"""The client of a request: its address, as far as it can be believed, and its browser.

Anyone can write an X-Forwarded-For header. So it is read only if the peer of the
connection is one of `trusted_proxies`. It is read from the right: each proxy adds the
address of its own client at the end, and the first address that is not a trusted proxy is
the client (OWASP ASVS 5.0 V4.1.3; RFC 7239 §8.1). The client may have written everything
further left.

Sometimes all clients share one address (`Client.shared`). No limit may count such an
address: otherwise five wrong guesses by one client would lock out all of them. An address is
shared in these cases:

1. The peer is not trusted, `public_url` is https, and the request came over plain
   http. Browsers speak https, so the peer must be the proxy that terminates TLS, whether
   its address is private or public and whether it sends X-Forwarded-For or not.
   A server that terminates TLS itself sees its real clients.
2. The peer is not trusted and not public, and sends X-Forwarded-For.
3. The peer is trusted and names no client: the header is missing, invalid, or has only
   trusted proxies.
4. The server has replaced the peer's address, so it is unknown who wrote the header.

In development (`public_url` is unset or a loopback address), a peer on this machine
is the developer, unless 2 holds.

uvicorn reads X-Forwarded-For and X-Forwarded-Proto of connections from this machine
(`--proxy-headers`, on by default). It then replaces the peer's address (the port usually
becomes 0) and the scheme. A connection to a loopback address or a unix socket came from
this machine, whatever `scope["client"]` says, so the headers are read again by the rules
above. On any other connection, port 0, which no real peer has, means case 4; and a request
with X-Forwarded-Proto from a peer that is not public counts as plain http.
"""

from __future__ import annotations

import ipaddress
from functools import partial
from itertools import islice
from typing import Literal

from authingo.asgi import Scope
from authingo.config import Settings
from authingo.http.headers import header_values
from authingo.models import Client
from authingo.networks import IPAddress, plain

# The event for each reason why an address is shared.
Fault = Literal["proxy_not_trusted", "proxy_names_nobody"]

_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
_LOOPBACK_6 = ipaddress.IPv6Address("::1")
_MOST_PROXIES = 50  # proxies in a row; addresses further left are not read
_LONGEST = 256  # characters kept of a header


class ClientReader:
    """Determines the client of a request, with one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._trusted = [ipaddress.ip_network(item) for item in settings.trusted_proxies]
        self._https = (settings.public_url or "").startswith("https:")

    def read(self, scope: Scope) -> Client:
        """Return the client of a request. It has no address if the peer has none, as in a test."""
        return self.judge(scope)[0]

    def judge(self, scope: Scope) -> tuple[Client, Fault | None]:
        """Return the client of a request, and the reason why its address is shared, if it is."""
        forwarded = b",".join(header_values(scope, b"x-forwarded-for")).decode("latin-1").strip()
        client = partial(
            Client,
            user_agent=_printable(scope, b"user-agent"),
            language=_printable(scope, b"accept-language"),
        )
        if _is_replaced(scope):
            return client(None, shared=True), "proxy_not_trusted"
        peer = _peer(scope, forwarded)
        if peer is None:
            return client(None), None
        fault: Fault | None = None
        if self._trusts(peer):
            address = self._walk(peer, forwarded)
            if not self._is_client(address, peer):
                fault = "proxy_names_nobody"
        else:
            address = peer
            if self._is_proxy(scope, peer, forwarded):
                fault = "proxy_not_trusted"
        return client(str(address), shared=fault is not None), fault

    def _walk(self, peer: IPAddress, forwarded: str) -> IPAddress:
        for entry in reversed(forwarded.rsplit(",", _MOST_PROXIES)):
            address = _address(entry)
            if address is None:
                return peer  # no trusted proxy wrote this, so believe nothing further left
            peer = address
            if not self._trusts(peer):
                return peer
        return peer

    def _is_client(self, address: IPAddress, peer: IPAddress) -> bool:
        """Return whether the address that a trusted peer reported is a client's.

        A loopback address means that something else on the proxy's machine passes requests
        on. It is a client only in development, where everything runs on one machine.
        """
        if address.is_loopback and (self._https or not peer.is_loopback):
            return False
        return address.is_loopback or not self._trusts(address)

    def _is_proxy(self, scope: Scope, peer: IPAddress, forwarded: str) -> bool:
        """Return whether an untrusted peer is a proxy, which passes on others' requests."""
        if self._https and _came_in_the_clear(scope, peer):
            return True
        return bool(forwarded) and not peer.is_global  # a public peer with this header lies

    def _trusts(self, address: IPAddress) -> bool:
        return any(address in network for network in self._trusted)


def _came_in_the_clear(scope: Scope, peer: IPAddress) -> bool:
    if scope.get("scheme", "http") in {"http", "ws"}:
        return True
    return not peer.is_global and bool(header_values(scope, b"x-forwarded-proto"))


def _is_replaced(scope: Scope) -> bool:
    """Return whether the server has replaced the peer's address, so that it is unknown."""
    client = scope.get("client")
    return client is not None and client[1] == 0 and _own_loopback(scope) is None


def _peer(scope: Scope, forwarded: str) -> IPAddress | None:
    client, here = scope.get("client"), _own_loopback(scope)
    if client is None:
        return here or _LOOPBACK
    address = _address(client[0])
    is_here = address is not None and address.is_loopback
    if here and (client[1] == 0 or _is_unix(scope) or (forwarded and not is_here)):
        return here
    return address


def _own_loopback(scope: Scope) -> IPAddress | None:
    """Return this machine's address if the connection can only have come from it."""
    if _is_unix(scope):
        return _LOOPBACK
    server = scope.get("server")
    address = _address(server[0]) if server else None
    if address is None or not address.is_loopback:
        return None
    return _LOOPBACK if address.version == 4 else _LOOPBACK_6


def _is_unix(scope: Scope) -> bool:
    server = scope.get("server")
    return server is not None and server[1] is None


def _address(text: str) -> IPAddress | None:
    """Read an address, with or without a port. IPv4 written as IPv6 is returned as IPv4."""
    text = text.strip(" \t")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return plain(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _printable(scope: Scope, header: bytes) -> str | None:
    """Return the printable beginning of a header, if there is exactly one."""
    values = header_values(scope, header)
    if len(values) != 1:
        return None
    text = values[0].decode("utf-8", "replace")
    return "".join(islice(filter(str.isprintable, text), _LONGEST)) or None
