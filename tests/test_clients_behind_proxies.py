"""Which addresses stand for everybody: every combination of what can be in front of a server."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from authingo.config import settings_from
from authingo.http.clients import ClientReader
from authingo.models import Client

HTTPS, LOCAL = "https://example.com", "http://localhost:8000"
REAL = "93.184.216.34"  # a client's own address, which is public
# What the server's end of the connection is, and the peer.
PEERS: dict[str, tuple[Any, Any]] = {
    "loopback": (("127.0.0.1", 8000), ("127.0.0.1", 4711)),
    "loopback of IPv6": (("::1", 8000), ("::1", 4711)),
    "unix socket": (("/run/app.sock", None), None),
    "private": (("10.0.0.9", 8000), ("10.0.0.1", 4711)),
    "shared space": (("100.64.0.9", 8000), ("100.64.0.1", 4711)),
    "public": (("203.0.113.5", 8000), ("142.250.1.1", 4711)),
}
TRUSTING = ["127.0.0.1", "::1", "10.0.0.1", "100.64.0.1", "142.250.1.1"]
FORWARDED = {
    "none": None,
    "a client": REAL,
    "a client with its port": f"{REAL}:4711",
    "one more that the client wrote": f"192.0.2.1, {REAL}",
    "garbage": "not an address",
    "blank": " ",
    "trusted": "10.0.0.1",
}
NAMING = {"a client", "a client with its port", "one more that the client wrote"}


def read(
    peer: str,
    *,
    scheme: str = "http",
    public: str | None = HTTPS,
    trusted: bool = False,
    forwarded: str = "none",
    proto: str | None = None,
    believing: str | None = None,
) -> Client:
    """Read a request as uvicorn hands it on that believes the headers of these peers."""
    server, client = PEERS[peer]
    headers = [(b"host", b"example.com")]
    if (value := FORWARDED[forwarded]) is not None:
        headers.append((b"x-forwarded-for", value.encode()))
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    scope: Any = {"type": "http", "scheme": scheme, "server": server, "client": client}
    scope["headers"] = headers
    settings = {"public_url": public, "trusted_proxies": TRUSTING if trusted else []}
    return asyncio.run(_handed_on(scope, settings, believing))


async def _handed_on(scope: Any, settings: dict[str, Any], believing: str | None) -> Client:
    found = []

    async def app(scope: Any, *_: Any) -> None:
        found.append(ClientReader(settings_from(settings)).read(scope))

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    around: Any = app if believing is None else ProxyHeadersMiddleware(app, believing)
    await around(scope, nothing, nothing)
    return found[0]


ROWS: list[tuple[str, dict[str, Any], tuple[str | None, bool]]] = [
    # Plain http beside an https public_url: something in front terminates TLS.
    ("loopback", {}, ("127.0.0.1", True)),
    ("loopback of IPv6", {}, ("::1", True)),
    ("unix socket", {}, ("127.0.0.1", True)),
    ("private", {}, ("10.0.0.1", True)),
    ("shared space", {}, ("100.64.0.1", True)),
    ("public", {}, ("142.250.1.1", True)),
    ("private", {"forwarded": "a client"}, ("10.0.0.1", True)),
    ("public", {"forwarded": "a client"}, ("142.250.1.1", True)),
    ("public", {"scheme": "ws"}, ("142.250.1.1", True)),
    # A server that terminates TLS itself sees its clients.
    ("private", {"scheme": "https"}, ("10.0.0.1", False)),
    ("public", {"scheme": "https"}, ("142.250.1.1", False)),
    ("public", {"scheme": "wss"}, ("142.250.1.1", False)),
    ("public", {"scheme": "https", "forwarded": "a client"}, ("142.250.1.1", False)),
    ("public", {"scheme": "https", "proto": "http"}, ("142.250.1.1", False)),
    ("private", {"scheme": "https", "forwarded": "a client"}, ("10.0.0.1", True)),
    ("private", {"scheme": "https", "proto": "https"}, ("10.0.0.1", True)),
    ("loopback", {"scheme": "https"}, ("127.0.0.1", False)),
    ("loopback", {"scheme": "https", "proto": "https"}, ("127.0.0.1", True)),
    # Trusted, and naming nobody.
    ("private", {"trusted": True}, ("10.0.0.1", True)),
    ("private", {"trusted": True, "scheme": "https"}, ("10.0.0.1", True)),
    ("private", {"trusted": True, "public": None}, ("10.0.0.1", True)),
    ("private", {"trusted": True, "forwarded": "garbage"}, ("10.0.0.1", True)),
    ("private", {"trusted": True, "forwarded": "trusted"}, ("10.0.0.1", True)),
    ("loopback", {"trusted": True}, ("127.0.0.1", True)),
    ("unix socket", {"trusted": True}, ("127.0.0.1", True)),
    # Development: the developer's own machine.
    ("loopback", {"public": LOCAL}, ("127.0.0.1", False)),
    ("loopback", {"public": None}, ("127.0.0.1", False)),
    ("loopback of IPv6", {"public": LOCAL}, ("::1", False)),
    ("unix socket", {"public": LOCAL}, ("127.0.0.1", False)),
    ("loopback", {"public": LOCAL, "trusted": True}, ("127.0.0.1", False)),
    ("private", {"public": LOCAL}, ("10.0.0.1", False)),
    ("loopback", {"public": LOCAL, "forwarded": "a client"}, ("127.0.0.1", True)),
    ("private", {"public": LOCAL, "forwarded": "a client"}, ("10.0.0.1", True)),
    ("shared space", {"public": None, "forwarded": "a client"}, ("100.64.0.1", True)),
    ("public", {"public": None, "forwarded": "a client"}, ("142.250.1.1", False)),
]


@pytest.mark.parametrize(("peer", "what", "expected"), ROWS)
def test_whom_an_address_stands_for(
    peer: str, what: dict[str, Any], expected: tuple[str | None, bool]
) -> None:
    client = read(peer, **what)
    assert (client.ip, client.shared) == expected


@pytest.mark.parametrize("peer", PEERS)
def test_a_trusted_proxy_that_names_its_client_is_believed_everywhere(peer: str) -> None:
    for scheme, public, forwarded, proto in itertools.product(
        ("http", "https"), (HTTPS, LOCAL, None), sorted(NAMING), (None, "https")
    ):
        client = read(
            peer, scheme=scheme, public=public, trusted=True, forwarded=forwarded, proto=proto
        )
        assert (client.ip, client.shared) == (REAL, False)


@pytest.mark.parametrize("peer", PEERS)
def test_behind_what_terminates_tls_only_a_name_given_by_a_trusted_proxy_counts(peer: str) -> None:
    for trusted, forwarded, proto in itertools.product(
        (False, True), FORWARDED, (None, "http", "https")
    ):
        client = read(peer, trusted=trusted, forwarded=forwarded, proto=proto)
        assert client.shared is not (trusted and forwarded in NAMING), (trusted, forwarded)


@pytest.mark.parametrize("peer", ["loopback", "loopback of IPv6", "unix socket"])
def test_what_uvicorn_makes_of_the_headers_of_this_machine_changes_nothing(peer: str) -> None:
    """By default it believes 127.0.0.1; FORWARDED_ALLOW_IPS can widen that."""
    for public, trusted, forwarded, proto in itertools.product(
        (HTTPS, LOCAL, None), (False, True), FORWARDED, (None, "http", "https", "nonsense")
    ):
        what: dict[str, Any] = {"public": public, "trusted": trusted, "forwarded": forwarded}
        plain = read(peer, **what, proto=proto)
        for believing in ("127.0.0.1", "127.0.0.1,::1", "127.0.0.1,::1,10.0.0.1", "*"):
            assert read(peer, **what, proto=proto, believing=believing) == plain, (what, believing)


@pytest.mark.parametrize("peer", ["private", "shared space", "public"])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_peer_elsewhere_that_uvicorn_has_replaced_is_nobody(peer: str, trusted: bool) -> None:
    for scheme, public, believing in itertools.product(
        ("http", "https"), (HTTPS, LOCAL, None), ("*", PEERS[peer][1][0])
    ):
        client = read(
            peer,
            scheme=scheme,
            public=public,
            trusted=trusted,
            forwarded="a client",
            proto="https",
            believing=believing,
        )
        assert (client.ip, client.shared) == (None, True)


def test_a_scheme_that_uvicorn_has_replaced_hides_nothing() -> None:
    """The proxy says https and names nobody, so its address is all that is known."""
    for peer in ("loopback", "private", "shared space"):
        client = read(peer, proto="https", believing="*")
        assert client.shared, peer
        assert client.ip == (PEERS[peer][1] or ("127.0.0.1",))[0]


def test_a_test_client_has_no_address() -> None:
    """Starlette's: no real connection, so nothing that could stand for anybody."""
    scope: dict[str, Any] = {"type": "http", "scheme": "http", "server": ("testserver", 80)}
    scope |= {"client": ("testclient", 50000), "headers": []}
    client = ClientReader(settings_from({"public_url": HTTPS})).read(scope)
    assert (client.ip, client.shared) == (None, False)
