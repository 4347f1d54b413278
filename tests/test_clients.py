"""Whose address is believed."""

from __future__ import annotations

from typing import Any

import pytest

from authingo.config import settings_from
from authingo.http.clients import ClientReader
from authingo.models import Client
from authingo.networks import is_in_network

PROXIES = ["10.0.0.0/8", "2001:db8:f::/48"]


def read(peer: tuple[str, int] | None, *forwarded: str, trusted: list[str] | None = None) -> Client:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    reader = ClientReader(settings_from({"trusted_proxies": trusted or []}))
    scope: dict[str, Any] = {"type": "http", "client": peer, "headers": headers}
    return reader.read(scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "ip"),
    [
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.1, 10.9.9.9"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.1", "192.0.2.1", "10.9.9.9"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:DB8::1"], "2001:db8::1"),
        ("10.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("2001:db8:f::1", ["192.0.2.1"], "192.0.2.1"),
        ("93.184.216.34", ["192.0.2.1"], "93.184.216.34"),
        ("93.184.216.34", ["10.0.0.1"], "93.184.216.34"),
        ("fe80::1%eth0", [], "fe80::1"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_trusted_proxy(
    peer: str, forwarded: list[str], ip: str
) -> None:
    client = read((peer, 4711), *forwarded, trusted=PROXIES)
    assert (client.ip, client.shared) == (ip, False)


@pytest.mark.parametrize(
    ("forwarded", "ip"),
    [
        (["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        (["192.0.2.1, not an address"], "10.0.0.1"),
        (["192.0.2.1, unknown, 10.0.0.7"], "10.0.0.7"),
        (["127.0.0.1"], "127.0.0.1"),
        (["192.0.2.1" + ", 10.0.0.2" * 60], "10.0.0.2"),  # more than anybody has
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_that_names_nobody_stands_for_everybody(
    forwarded: list[str], ip: str
) -> None:
    for trusted in (PROXIES, ["10.0.0.1", "10.0.0.0/8"]):
        client = read(("10.0.0.1", 4711), *forwarded, trusted=trusted)
        assert (client.ip, client.shared) == (ip, True)


@pytest.mark.parametrize(
    ("peer", "shared"),
    [("10.0.0.1", True), ("127.0.0.1", True), ("93.184.216.34", False), ("fd00::1", True)],
)
def test_a_private_peer_that_forwards_stands_for_many(peer: str, shared: bool) -> None:
    """A public one is a client that lies."""
    client = read((peer, 4711), "192.0.2.1")
    assert (client.ip, client.shared) == (peer, shared)


def test_a_chain_of_proxies_is_followed_for_fifty_of_them() -> None:
    """A header of 64 KiB of trusted addresses would else take a tenth of a second."""
    peer, client = ("10.0.0.1", 4711), "192.0.2.1"
    assert read(peer, ",".join([client, *["10.0.0.2"] * 50]), trusted=PROXIES).ip == client
    longer = read(peer, ",".join([client, *["10.0.0.2"] * 51]), trusted=PROXIES)
    assert longer.ip == "10.0.0.2"
    assert longer.shared


def test_without_a_socket_there_is_no_address() -> None:
    assert read(("testclient", 50000)).ip is None
    assert read(None).ip == "127.0.0.1", "a unix socket is this machine"


@pytest.mark.parametrize(
    ("ip", "network", "expected"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:DB8::1", "2001:db8::/64", True),
        ("2001:db8:0:1::1", "2001:db8::/64", False),
        ("2001:db8:0:1::1", "2001:db8::/56", True),
        ("2001:db8:0:100::1", "2001:db8::/56", False),
        ("2001:db8:0:100::1", "2001:db8::/48", True),
        ("192.0.2.1", "2001:db8::/64", False),
        ("::1", "192.0.2.1", False),
        ("fe80::1%eth0", "2001:db8::/64", False),
        ("no address: at all", "2001:db8::/64", False),
        ("::\x00", "::/64", False),
    ],
)
def test_a_stored_address_is_in_a_network_or_not(ip: str, network: str, expected: bool) -> None:
    assert is_in_network(ip, network) is expected
