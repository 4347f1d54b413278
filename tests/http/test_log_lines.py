"""What the log says when a browser's requests cannot work, and that strangers can't write it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from authingo import Auth, clock
from authingo.config import Settings, settings_from
from authingo.fastapi import CurrentUser
from authingo.http import refused_origins
from authingo.http.dropped_cookies import DroppedCookies
from authingo.testing import memory_auth
from tests.server import CLIENT, Answer, LiveServer

SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Safari/605.1.15"
)
CHROME_ON_IOS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1"
)
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
DEV_SERVER = "http://localhost:5173"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """Return what the logger `authingo` has said since the last call."""

    def read() -> list[str]:
        said = [record.getMessage() for record in caplog.records if record.name == "authingo"]
        caplog.clear()
        return said

    with caplog.at_level(logging.WARNING, "authingo"):
        yield read


def sign_out(server: LiveServer, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.browser().post("/sign-out", headers=names)


def test_a_refused_origin_is_named_in_the_log_with_what_to_set(
    server: LiveServer, lines: Callable[[], list[str]]
) -> None:
    answer = sign_out(server, Origin=DEV_SERVER)
    assert (answer.status, answer.code) == (403, "origin_not_allowed")
    (line,) = lines()
    assert f"refused a request from a page of {DEV_SERVER}" in line
    assert f"public_url is {server.url}" in line
    assert f'public_url = "{DEV_SERVER}"' in line
    assert f'trusted_origins = ["{DEV_SERVER}"]' in line
    message = answer.json["message"]
    assert "public_url" in message
    assert "trusted_origins" in message
    assert server.url in message, "of this machine, so it may be named"
    assert DEV_SERVER not in answer.body.decode(), "an answer repeats nothing that was sent"


def test_without_a_public_url_the_line_names_the_host(
    serve: Callable[..., LiveServer], lines: Callable[[], list[str]]
) -> None:
    server = serve(public_url=None)
    answer = sign_out(server, Origin=DEV_SERVER)
    (line,) = lines()
    assert f"the request was for the host 127.0.0.1:{server.port}, public_url is unset" in line
    assert "127.0.0.1" not in answer.json["message"]


def test_a_public_address_is_not_given_to_a_stranger(
    serve: Callable[..., LiveServer], lines: Callable[[], list[str]]
) -> None:
    server = serve(public_url="https://app.example.com")
    answer = sign_out(server, Origin="https://other.example")
    assert "app.example.com" not in answer.body.decode()
    assert "public_url is https://app.example.com" in lines()[0]


def test_every_reason_to_refuse_has_its_line(
    server: LiveServer, lines: Callable[[], list[str]]
) -> None:
    for headers, part in (
        ({"Origin": "null"}, "from the origin null"),
        ({"Origin": "capacitor://localhost"}, "Only http and https origins can be trusted"),
        ({"Sec_Fetch_Site": "cross-site"}, "it has no Origin header"),
        ({"Host": "evil.example"}, "for the host evil.example"),
    ):
        assert sign_out(server, **headers).code == "origin_not_allowed"
        (line,) = lines()
        assert part in line


def test_a_preflight_that_gets_no_leave_is_logged(
    server: LiveServer, lines: Callable[[], list[str]]
) -> None:
    """A page of another origin never gets as far as a 403: its browser sends no more than this."""
    asks = {"Access-Control-Request-Method": "POST", "Origin": DEV_SERVER}
    answer = server.browser().request("OPTIONS", "/sign-in", headers=asks)
    assert answer.status == 405
    (line,) = lines()
    assert f"no CORS for a page of {DEV_SERVER}" in line
    assert f'trusted_origins = ["{DEV_SERVER}"]' in line
    assert server.browser().request("OPTIONS", "/sign-in").status == 405
    assert lines() == []


def test_a_refused_websocket_is_logged(lines: Callable[[], list[str]]) -> None:
    auth = memory_auth()
    app = FastAPI()
    auth.install(app)

    @app.websocket("/socket")
    async def socket(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()

    with TestClient(app, base_url="https://testserver") as client:
        for headers, part in (
            ({}, "a WebSocket without an Origin"),
            ({"Origin": "https://other.example"}, "a page of https://other.example"),
        ):
            with (
                pytest.raises(WebSocketDisconnect),
                client.websocket_connect("/socket", headers=headers),
            ):
                pass
            (line,) = lines()
            assert part in line


@pytest.mark.parametrize(
    "hostile",
    [
        "http://evil.example\x1b[31m",
        "http://evil.example\tx",
        "http://evil.example/ ERROR: forged",
        "http://evil.example\x85forged",
        "http://evil.example\xe2\x80\xae",
        "http://evil example",
        'http://evil.example" x="',
        "http://evil.example%0a",
        "http://user:secret@evil.example",
        "http://" + "a" * 300,
        "javascript:alert(1)",
        "<script>",
    ],
)
@pytest.mark.parametrize("header", [b"origin", b"host"])
def test_nobody_can_write_into_the_log(
    lines: Callable[[], list[str]], header: bytes, hostile: str
) -> None:
    auth = Auth(settings_from({"public_url": "http://localhost:8000"}))
    sent = {b"host": b"localhost:8000", b"x-authingo-client": b"true"}
    sent[header] = hostile.encode("latin-1")
    scope = {
        "type": "http", "method": "POST", "path": "/sign-out", "headers": list(sent.items()),
    }  # fmt: skip
    started: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        started.append(message)

    async def answer() -> None:
        await auth.handler(scope, receive, send)

    asyncio.run(answer())
    assert started[0]["status"] == 403
    (line,) = lines()
    assert "(not a valid one)" in line
    assert hostile not in line
    assert line.isprintable()
    assert line.isascii()


def test_the_lines_are_bounded_and_come_again_later(
    server: LiveServer, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(refused_origins, "clock", SimpleNamespace(now=lambda: now))
    for _ in range(2):
        for number in range(30):
            sign_out(server, Origin=f"http://localhost:{1000 + number}")
    assert len(lines()) == 10
    now += 61
    sign_out(server, Origin=DEV_SERVER)
    assert [line.partition(":")[0] for line in lines()] == [
        "40 more requests were refused and not logged",
        "origin_not_allowed",
    ]
    now += 61
    sign_out(server, Origin=DEV_SERVER)
    assert len(lines()) == 1


@pytest.mark.parametrize("agent", [SAFARI, CHROME_ON_IOS])
def test_a_webkit_browser_that_drops_the_cookies_is_told_of_once(
    serve: Callable[..., LiveServer], lines: Callable[[], list[str]], agent: str
) -> None:
    server = serve(public_url=None)
    here = {"User-Agent": agent, "Host": f"localhost:{server.port}"}
    body = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
    assert server.browser().post("/sign-up", body, headers=here).status == 200
    (line,) = lines()
    assert f'public_url = "http://localhost:{server.port}"' in line
    del body["name"]
    assert server.browser().post("/sign-in", body, headers=here).status == 200
    assert lines() == []


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({}, {"User-Agent": CHROME}),
        ({}, {"User-Agent": FIREFOX}),
        ({}, {"Host": "app.example.com"}),
        ({}, {"Host": "localhost", "Origin": "https://localhost"}),
        ({"public_url": "http://localhost:8000"}, {"Host": "localhost:8000"}),
        (
            {"public_url": "https://app.example.com", "trusted_proxies": ["127.0.0.1"]},
            {"Host": "localhost:8000", "X-Forwarded-For": "192.0.2.1"},
        ),
    ],
)
def test_a_browser_that_keeps_the_cookies_is_not(
    serve: Callable[..., LiveServer],
    lines: Callable[[], list[str]],
    settings: dict[str, Any],
    headers: dict[str, str],
) -> None:
    server = serve(**{"public_url": None, **settings})
    body = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
    headers = {**CLIENT, "User-Agent": SAFARI, "Host": f"localhost:{server.port}", **headers}
    assert server.browser().post("/sign-up", body, headers=headers).status == 200
    assert lines() == []


def test_a_long_user_agent_takes_no_time_without_end() -> None:
    """A pattern that looks again and again at the same text would not come back from this."""
    agent = b"AppleWebKit/" * 100_000 + b"Chrome/"
    scope = {"headers": [(b"user-agent", agent), (b"host", b"localhost")], "scheme": "http"}
    DroppedCookies(Settings()).look(scope)
