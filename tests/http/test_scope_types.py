"""Every kind of connection that a server can bring, to every path, gets an orderly answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from authingo import Auth
from authingo.config import settings_from
from authingo.fastapi import CurrentUser, OptionalUser, PageUser, current_user
from tests.server import LiveServer


def installed(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, user: CurrentUser) -> None:
        raise LookupError("nobody is signed in")

    @app.websocket("/page-socket")
    async def page_socket(websocket: WebSocket, user: PageUser) -> None:
        raise LookupError("nobody is signed in")

    @app.websocket("/optional-socket")
    async def optional_socket(websocket: WebSocket, user: OptionalUser) -> None:
        await websocket.close()

    return app


def with_middleware(auth: Auth) -> FastAPI:
    app = installed(auth)
    app.add_middleware(GZipMiddleware)
    return app


def mounted(auth: Auth) -> FastAPI:
    app = FastAPI()
    app.mount("/inner", installed(auth))
    app.mount("/api/auth", auth.handler)
    app.mount("/required", auth.require(nobody_comes_here))
    return app


def handler(auth: Auth) -> Any:
    return auth.handler


def required(auth: Auth) -> Any:
    return auth.require(nobody_comes_here)


def required_for_pages(auth: Auth) -> Any:
    return auth.require(nobody_comes_here, client_header=False)


def required_around_an_application(auth: Auth) -> Any:
    return auth.require(installed(auth))


async def nobody_comes_here(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        raise LookupError("nobody is signed in")
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


APPLICATIONS: list[Callable[[Auth], Any]] = [
    installed,
    with_middleware,
    mounted,
    handler,
    required,
    required_for_pages,
    required_around_an_application,
]
BELOW = ["", "/", "/session", "/sign-in", "/sessions", "/sessions/ses_1", "/health", "/nowhere"]
PATHS = [
    *("/api/auth" + path for path in BELOW),
    *("/inner/api/auth" + path for path in BELOW),
    *BELOW[1:],
    *("/me", "/socket", "/page-socket", "/optional-socket", "/inner/socket", "/required/x"),
]


@pytest.fixture(params=[(), ("https://app.example.com",)], ids=["one origin", "with CORS"])
def auth(request: pytest.FixtureRequest) -> Auth:
    """With trusted origins there is one more layer."""
    origins = list(request.param)
    return Auth(settings_from({"database_url": "sqlite:///:memory:", "trusted_origins": origins}))


@pytest.mark.parametrize("application", APPLICATIONS)
def test_http_is_answered_without_a_failure(auth: Auth, application: Callable[[Auth], Any]) -> None:
    with TestClient(application(auth), base_url="https://testserver") as client:
        for path in PATHS:
            for method in ("GET", "POST", "HEAD", "OPTIONS", "BREW"):
                assert client.request(method, path).status_code < 500, (method, path)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_a_websocket_is_refused_before_it_opens(
    auth: Auth, application: Callable[[Auth], Any]
) -> None:
    with TestClient(application(auth), base_url="https://testserver") as client:
        for path in PATHS:
            for headers in ({}, {"Origin": "https://testserver"}, {"Origin": "null"}):
                with (
                    pytest.raises(WebSocketDisconnect),
                    client.websocket_connect(path, headers=headers),
                ):
                    raise AssertionError(f"{path} opened")


@pytest.fixture
def serve(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., LiveServer]]:
    servers = []

    def start(application: Callable[[Auth], Any]) -> LiveServer:
        settings = {"database_url": "sqlite:///:memory:"}
        servers.append(
            LiveServer(lambda url: settings_from({**settings, "public_url": url}), application)
        )
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
    errors = [record for record in caplog.get_records("call") if record.levelname == "ERROR"]
    assert errors == [], "what uvicorn caught is an error too"


@pytest.mark.anyio
@pytest.mark.parametrize("application", APPLICATIONS)
async def test_a_browser_that_opens_a_websocket_gets_a_403(
    serve: Callable[..., LiveServer], application: Callable[[Auth], Any]
) -> None:
    server = await asyncio.to_thread(serve, application)
    for path in PATHS:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{server.port}{path}", origin=server.url, proxy=None)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403, path


async def talk(app: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[Any]:
    """Return what an application sends when it receives these messages."""
    waiting, sent = list(messages), []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.mark.anyio
@pytest.mark.parametrize("application", APPLICATIONS)
async def test_a_server_starts_and_stops_it(auth: Auth, application: Callable[[Auth], Any]) -> None:
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = await talk(application(auth), scope, *messages)
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("application", APPLICATIONS)
async def test_what_nobody_knows_is_refused_with_an_exception(
    auth: Auth, application: Callable[[Auth], Any]
) -> None:
    """The ASGI specification wants one, or a server would take silence for consent."""
    app = application(auth)
    for path in PATHS:
        scope = {"type": "telepathy", "path": path, "root_path": "", "headers": []}
        with pytest.raises((NotImplementedError, AssertionError)):  # Starlette asserts it
            await talk(app, scope)


@pytest.mark.anyio
async def test_the_layer_of_guards_passes_on_what_is_not_for_it(auth: Auth) -> None:
    """An override must count for a WebSocket too, and a layer around it sees all of it."""
    app = installed(auth)
    app.dependency_overrides[current_user] = lambda: None

    @app.websocket("/open")
    async def socket(websocket: WebSocket, user: CurrentUser) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    with TestClient(app) as client, client.websocket_connect("/open") as opened:
        assert opened.receive_text() == "hello"
