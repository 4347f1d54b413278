"""A server behind something that hides its clients says so: in the log, and as an event."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from authingo import clock
from tests.database import execute
from tests.server import ADA, Answer, Browser, LiveServer
from tests.terminator import terminating

HTTPS = "https://example.com"
RECORDED = (
    "SELECT name, ip FROM authingo_events WHERE name IN ('proxy_not_trusted', 'proxy_names_nobody')"
    " ORDER BY id"
)
NOT_TRUSTED, NAMES_NOBODY = ("proxy_not_trusted", "127.0.0.1"), ("proxy_names_nobody", "127.0.0.1")


def guess(server: LiveServer, forwarded: str | None = None) -> Answer:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    body = {"email": ADA["email"], "password": "wrong"}
    return Browser(server.url).post("/sign-in", body, headers=headers)


def counted(server: LiveServer, **headers: str) -> list[str]:
    answer = Browser(server.url).get("/health", headers=headers)
    assert answer.json == {"status": "ok"}
    return answer.all("x-authingo-client-address")


def recorded(server: LiveServer) -> list[tuple[str, str | None]]:
    return [(name, ip) for name, ip in execute(server.database_url, RECORDED)]


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the clock for deadlines kept in memory on."""
    real, passed = clock.now, 0.0

    def move(by: float) -> None:
        nonlocal passed
        passed += by * 3600

    monkeypatch.setattr(clock, "now", lambda: real() + passed)
    return move


@pytest.mark.parametrize(
    ("values", "forwarded", "met", "says"),
    [
        ({}, "192.0.2.1", NOT_TRUSTED, "add it to trusted_proxies"),
        ({"public_url": HTTPS}, None, NOT_TRUSTED, "add it to trusted_proxies"),
        (
            {"public_url": HTTPS, "trusted_proxies": ["127.0.0.1"]},
            None,
            NAMES_NOBODY,
            "names no client",
        ),
        (
            {"public_url": HTTPS, "trusted_proxies": ["127.0.0.1"]},
            "127.0.0.1",
            NAMES_NOBODY,
            "trusted_proxies name proxies only",
        ),
    ],
)
def test_what_hides_clients_is_warned_about_and_recorded_once_an_hour(
    serve: Callable[..., LiveServer],
    hours: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    values: dict[str, object],
    forwarded: str | None,
    met: tuple[str, str],
    says: str,
) -> None:
    server = serve(**values)
    assert recorded(server) == []
    for _ in range(3):
        guess(server, forwarded)
    assert recorded(server) == [met]
    hours(0.9)
    guess(server, forwarded)
    assert recorded(server) == [met]
    hours(0.2)
    guess(server, forwarded)
    assert recorded(server) == [met, met]
    warnings = [one.getMessage() for one in caplog.records if "no limit" in one.getMessage()]
    assert len(warnings) == 2
    assert all(one.startswith("127.0.0.1 ") and says in one for one in warnings)


@pytest.mark.parametrize(
    ("values", "forwarded", "address"),
    [
        ({}, None, "127.0.0.1"),
        ({"trusted_proxies": ["127.0.0.1"]}, None, "127.0.0.1"),
        ({"trusted_proxies": ["127.0.0.1"]}, "192.0.2.1", "192.0.2.1"),
        ({"public_url": HTTPS, "trusted_proxies": ["127.0.0.1"]}, "192.0.2.1", "192.0.2.1"),
    ],
)
def test_nothing_is_reported_of_a_developer_and_of_a_proxy_that_names_its_clients(
    serve: Callable[..., LiveServer],
    values: dict[str, object],
    forwarded: str | None,
    address: str,
) -> None:
    server = serve(**values)
    guess(server, forwarded)
    assert recorded(server) == []
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert counted(server, **headers) == [address]


def test_a_health_check_is_answered_with_the_address_that_limits_count_and_reports_nothing(
    serve: Callable[..., LiveServer],
) -> None:
    """Health checks come past the proxy: what they show is nobody's fault."""
    server = serve(public_url=HTTPS)
    assert counted(server) == ["shared"]
    assert counted(server, **{"X-Forwarded-For": "192.0.2.1"}) == ["shared"]
    assert recorded(server) == []


def test_a_proxy_that_adds_no_header_shares_its_address_until_it_names_clients(
    serve: Callable[..., LiveServer], tmp_path: Path
) -> None:
    """A real one, in front of the real server: nobody behind it can be told from anybody."""
    server = serve(public_url=HTTPS, trusted_proxies=["127.0.0.1"])
    with terminating(tmp_path, server.port) as front:
        trusting = ssl.create_default_context(cafile=str(front.certificate))

        def seen() -> str | None:
            request = urllib.request.Request(f"{front.url}/api/auth/health")
            with urllib.request.urlopen(request, context=trusting, timeout=30) as answer:
                return str(answer.headers["X-Authingo-Client-Address"])

        assert seen() == "shared"
        front.adds = ("X-Forwarded-For: 198.51.100.7",)
        assert seen() == "198.51.100.7"


@pytest.mark.parametrize("trusted", [[], ["127.0.0.1"]])
def test_behind_a_proxy_that_names_nobody_nobody_locks_others_out(
    serve: Callable[..., LiveServer], trusted: list[str]
) -> None:
    """Everybody has the same address there, the owner too."""
    server = serve(public_url=HTTPS, trusted_proxies=trusted)
    owner = Browser(server.url)
    owner.sign_up()
    owner.cookies.clear()
    for _ in range(20):
        assert guess(server).code == "invalid_credentials"
    assert owner.sign_in().status == 200
