"""Headers of any size: what is too large is refused unread, the rest takes time as it has bytes."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from authingo import Auth
from authingo.config import settings_from
from authingo.fastapi import CurrentSession, CurrentUser, OptionalUser, PageUser
from authingo.http import headers
from authingo.testing import login_as
from tests.server import ADA, CLIENT, LiveServer

LIMIT = 64 * 1024


def application(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)

    @app.get("/user")
    @app.post("/user")
    async def user(user: CurrentUser) -> str:
        return user.email

    @app.get("/session")
    async def session(session: CurrentSession) -> str:
        return session.user_id

    @app.get("/optional")
    async def optional(user: OptionalUser) -> str:
        return "hello"

    @app.get("/page")
    async def page(user: PageUser) -> str:
        return user.email

    @app.get("/open")
    async def unguarded() -> str:
        return "open"

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, user: CurrentUser) -> None:
        await websocket.accept()

    async def required(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b'"required"'})

    app.mount("/handler", auth.handler)
    app.mount("/required", auth.require(required))
    return app


HOSTED = [
    ("GET", "/open"),  # FastAPI parses cookies before it knows of guards
    *(("GET", path) for path in ("/user", "/session", "/optional", "/page", "/required/")),
    *(("POST", path) for path in ("/user", "/required/")),
]
ROUTES = [
    ("GET", "/session"),
    ("GET", "/health"),
    ("GET", "/sessions"),
    ("DELETE", "/sessions"),
    ("POST", "/sign-in"),
    ("POST", "/sign-up"),
    ("POST", "/sign-out"),
    ("POST", "/refresh"),
    ("POST", "/change-password"),
    ("OPTIONS", "/sign-in"),
    ("GET", "/nowhere"),
    ("GET", ""),
]
EVERYTHING = [
    *HOSTED,
    *((method, prefix + path) for prefix in ("/api/auth", "/handler") for method, path in ROUTES),
]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    file = tmp_path_factory.mktemp("large-headers") / "test.db"  # sessions in it are remembered
    settings = {"database_url": f"sqlite:///{file}", "limits": {"enabled": False}}
    server = LiveServer(lambda url: settings_from({**settings, "public_url": url}), application)
    yield server
    server.stop()


def ask(
    server: LiveServer, method: str, path: str, sent: list[tuple[str, str]], *, of_size: int
) -> tuple[int, Any]:
    """Ask with these headers and one more, which makes them as large as that."""
    own = [("host", f"127.0.0.1:{server.port}"), *CLIENT.items(), *sent]
    size = sum(len(name) + len(value) for name, value in own)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in own:
        connection.putheader(name, value)
    if size < of_size:
        connection.putheader("x-more", "x" * (of_size - size - len("x-more")))
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body else None


def test_headers_of_more_than_64_kib_are_refused(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    cookie = [("cookie", f"authingo_session={browser.cookies['authingo_session']}")]
    for method, path in EVERYTHING:
        assert browser.get("/session").status == 200  # the session is in memory
        for sent in (cookie, [("cookie", "a=1"), *cookie]):
            status, said = ask(server, method, path, sent, of_size=LIMIT + 1)
            assert (status, said["code"]) == (431, "headers_too_large"), (method, path)


def test_headers_of_64_kib_are_read(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    cookie = [("cookie", f"authingo_session={browser.cookies['authingo_session']}")]
    for path in ("/user", "/page", "/required/", "/api/auth/session", "/handler/session"):
        for sent in (cookie, cookie, [("cookie", "a=1"), *cookie]):
            assert ask(server, "GET", path, sent, of_size=LIMIT)[0] == 200, path


@pytest.mark.parametrize(
    "sent",
    [
        [("cookie", ";" * 1_000_000)],
        [("cookie", ";" * 40_000), ("cookie", "a=1;" * 10_000)],
        [(f"x-{number}", "") for number in range(15_000)],
        [("user-agent", "x" * LIMIT)],
        [("origin", "https://" + "a." * LIMIT)],
    ],
    ids=["a cookie", "two cookies", "names", "user agent", "origin"],
)
def test_what_they_consist_of_does_not_matter(
    server: LiveServer, sent: list[tuple[str, str]]
) -> None:
    for method, path in (("GET", "/user"), ("GET", "/api/auth/session"), ("POST", "/required/")):
        status, said = ask(server, method, path, sent, of_size=0)
        assert (status, said["code"]) == (431, "headers_too_large"), (method, path)


def test_a_websocket_with_larger_headers_is_refused() -> None:
    app = application(Auth(settings_from({"database_url": "sqlite:///:memory:"})))
    with TestClient(app, base_url="https://testserver") as client:
        login_as(client, "ada@example.com")
        for path in ("/socket", "/required/"):
            sent = {"Origin": "https://testserver", "X-More": "x" * (LIMIT // 2)}
            with client.websocket_connect(path, headers=sent):
                pass
            sent["X-Another"] = sent["X-More"]
            with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=sent):
                raise AssertionError("it opened")


def test_a_preflight_that_is_too_large_gets_no_leave() -> None:
    origin = "https://console.example.com"
    settings = {"database_url": "sqlite:///:memory:", "trusted_origins": [origin]}
    with TestClient(application(Auth(settings_from(settings)))) as client:
        for size, status in ((100, 204), (LIMIT, 431)):
            preflight = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x" * size,
            }
            answer = client.options("/api/auth/sign-in", headers=preflight)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == origin


# What a parser may stumble over, repeated.
PIECES = [
    *(b";", b"; ", b"a=1;", b"authingo_session=", b"authingo_session=;", b"=authingo_session=;"),
    *(b" ", b"\t", b",", b", ", b".", b":", b"/", b"-", b"=", b'"', b"[", b"]", b"@", b"%"),
    *(b"1", b"1.", b"a.", b"::", b"127.0.0.1,", b"192.0.2.1, ", b"\xe9", b"\xe9.", b"\x00"),
    *(b"xn--", b"xn--a.", b"Chrome", b"AppleWebKit/", b"application/json ", b"charset=utf-8;"),
]
# What each of these headers begins with, and the requests on which something looks into it.
CHECKED, SIGN_IN, SOCKET = (
    ("http", "/user"),
    ("http", "/api/auth/sign-in"),
    ("websocket", "/socket"),
)
STARTS = {
    b"cookie": (b"", [CHECKED, SIGN_IN, SOCKET]),
    b"host": (b"localhost:", [CHECKED, SIGN_IN, SOCKET]),
    b"origin": (b"http://", [CHECKED, SOCKET]),
    b"sec-fetch-site": (b"", [CHECKED]),
    b"x-authingo-client": (b"true", [CHECKED]),
    b"content-type": (b"application/json;", [SIGN_IN]),
    b"content-length": (b"", [SIGN_IN]),
    b"content-encoding": (b"", [SIGN_IN]),
    b"user-agent": (b"Mozilla/5.0 AppleWebKit/", [SIGN_IN]),
    b"x-forwarded-for": (b"", [SIGN_IN]),
    b"x-forwarded-proto": (b"", [SIGN_IN]),
    b"x-anything-else": (b"", [CHECKED, SIGN_IN]),
}
USUAL = {
    b"host": b"localhost",
    b"x-authingo-client": b"true",
    b"content-type": b"application/json",
}
SMALL, DOUBLINGS = 16 * 1024, 4
ALLOWED = 40  # times as long for 16 times as much: 16 is linear, 256 quadratic


@pytest.fixture
def without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is below the limit is to grow with its size, which shows above it."""
    monkeypatch.setattr(headers, "MAX_SIZE", 1 << 40)


class Asking:
    """Sends one request to an application, with no server between, and takes the time."""

    def __init__(self, app: Any, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner
        self.answers = 0

    def seconds(self, kind: str, path: str, sent: dict[bytes, bytes], body: bytes) -> float:
        scope = {
            "type": kind,
            "path": path,
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "client": ("127.0.0.1", 4711),
            "server": ("127.0.0.1", 80),
            "headers": list(sent.items()),
        }
        if kind == "http":
            scope["method"] = "POST"
        return self._runner.run(self._ask(scope, body))

    async def _ask(self, scope: dict[str, Any], body: bytes) -> float:
        bodies = [body]

        async def receive() -> dict[str, Any]:
            if not bodies:
                await asyncio.get_running_loop().create_future()  # until it is cancelled
            return {"type": "http.request", "body": bodies.pop()}

        async def send(message: Any) -> None:
            self.answers += 1

        began = time.process_time()
        await self._app(scope, receive, send)
        return time.process_time() - began


@pytest.mark.usefixtures("without_limit")
@pytest.mark.parametrize("name", STARTS, ids=bytes.decode)
@pytest.mark.parametrize("public_url", ["http://localhost", None], ids=["loopback", "no url"])
def test_the_time_grows_as_the_header_does(name: bytes, public_url: str | None) -> None:
    auth = Auth(
        settings_from(
            {
                "database_url": "sqlite:///:memory:",
                "public_url": public_url,
                "trusted_proxies": ["127.0.0.1"],
                "trusted_origins": ["https://console.example.com"],
                "passwords": {"bcrypt_cost": 4},
                "limits": {"enabled": False},
            }
        )
    )
    app = application(auth)
    ada = json.dumps({"email": ADA["email"], "password": ADA["password"]}).encode()
    start, requests = STARTS[name]
    with asyncio.Runner() as runner:
        runner.run(auth.create_user(email=ADA["email"], password=ADA["password"]))
        asking = Asking(app, runner)
        for kind, path in requests:
            body = ada if (kind, path) == SIGN_IN else b""
            for piece in PIECES:

                def seconds(size: int) -> float:
                    value = (start + piece * (size // len(piece)))[:size]  # noqa: B023
                    sent = {**USUAL, name: value}
                    return asking.seconds(kind, path, sent, body)  # noqa: B023

                assert grows_linearly(seconds), (path, piece)
        runner.run(auth.close())
    assert asking.answers


def grows_linearly(seconds: Callable[[int], float]) -> bool:
    """Compare the shortest of several times: other work on the machine only adds to them."""
    small, large = [], []
    for _ in range(8):
        small.append(seconds(SMALL))
        large.append(seconds(SMALL << DOUBLINGS))
        if min(large) <= ALLOWED * max(min(small), 1e-4):
            return True
    return False
