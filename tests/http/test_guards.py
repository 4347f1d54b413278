"""One's own routes behind a session: FastAPI dependencies, the ASGI wrapper, WebSockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from pydantic import BaseModel
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from authingo import Auth, User
from authingo.config import settings_from
from authingo.fastapi import (
    CurrentSession,
    CurrentUser,
    OptionalUser,
    PageUser,
    current_user,
    websockets,
)
from authingo.models import UserAndSession
from authingo.testing import login_as, memory_auth
from tests.database import execute
from tests.server import LiveServer

HEADER = {"X-Authingo-Client": "true"}


class Note(BaseModel):
    text: str


def admin(user: CurrentUser) -> User:
    return user


def application(auth: Auth) -> FastAPI:
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)
    router = APIRouter(prefix="/nested")

    @app.get("/me")
    async def me(user: CurrentUser, session: CurrentSession) -> dict[str, str]:
        return {"email": user.email, "session": session.id}

    @app.get("/hello")
    @app.head("/hello")
    @app.post("/hello")
    async def hello(user: OptionalUser) -> str:
        return user.name if user else "stranger"

    @app.get("/page")
    @app.post("/page")
    async def page(user: PageUser) -> str:
        return user.name

    @app.post("/notes")
    async def notes(note: Note, user: CurrentUser) -> str:
        return note.text

    @router.post("/notes")
    async def nested_notes(note: Note, user: CurrentUser) -> str:
        return note.text

    @router.post("/open")
    async def open_to_all(note: Note) -> str:
        return note.text

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, user: CurrentUser) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text(f"{user.name}: {await websocket.receive_text()}")

    app.include_router(router)
    return app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(application(memory_auth()), base_url="https://testserver") as client:
        yield client


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


def test_a_guard_gives_user_and_session(client: TestClient) -> None:
    signed_in = login_as(client, "ada@example.com")
    answer = client.get("/me")
    assert answer.json() == {"email": "ada@example.com", "session": signed_in.session.id}
    assert refusal(client.get("/me", headers={"X-Authingo-Client": "no"})) == (
        403,
        "missing_client_header",
    )
    elsewhere = {"Origin": "https://evil.example"}
    assert refusal(client.get("/me", headers=elsewhere)) == (403, "origin_not_allowed")


def test_without_a_session_a_guard_refuses(client: TestClient) -> None:
    answer = client.get("/me", headers=HEADER)
    assert refusal(answer) == (401, "no_session")
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/hello", headers=HEADER).json() == "stranger"
    assert refusal(client.post("/hello")) == (403, "missing_client_header")


def test_a_page_that_greets_everybody_opens_in_a_browser(client: TestClient) -> None:
    """A browser sends no client header for a page; whose it is stays unknown then."""
    for headers in (
        {},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Origin": "https://evil.example"},
    ):
        assert client.get("/hello", headers=headers).json() == "stranger"
        assert client.head("/hello", headers=headers).status_code == 200
    login_as(client, "ada@example.com")
    assert client.get("/hello").json() == "ada"
    assert refusal(client.get("/hello", headers={"X-Authingo-Client": "1"})) == (
        403,
        "missing_client_header",
    )
    elsewhere = {"Origin": "https://evil.example"}
    assert refusal(client.get("/hello", headers=elsewhere)) == (403, "origin_not_allowed")
    del client.headers["X-Authingo-Client"]
    assert client.get("/hello").json() == "stranger", "without the header not even a session counts"


def test_an_expired_session_is_told_even_where_a_user_is_optional(
    serve_application: LiveServer,
) -> None:
    browser = serve_application.browser()
    browser.sign_up()
    assert browser.get("/hello", base="").json == "Ada"
    serve_application.age_sessions(16 * 60)
    for path in ("/me", "/hello", "/page"):
        assert browser.get(path, base="").code == "session_expired"


def test_a_page_guard_waives_the_header_for_get_alone(client: TestClient) -> None:
    login_as(client, "ada@example.com")
    del client.headers["X-Authingo-Client"]
    assert client.get("/page").json() == "ada"
    assert refusal(client.post("/page")) == (403, "missing_client_header")
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    window = {**linked, "Sec-Fetch-Dest": "document"}
    assert client.get("/page", headers=window).json() == "ada"
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert refusal(client.get("/page", headers=embedded)) == (403, "origin_not_allowed")


EMBEDDED = ["iframe", "frame", "object", "embed", "fencedframe", "empty", "image", "Document", None]


@pytest.mark.parametrize("path", ["/page", "/required-pages/"])
@pytest.mark.parametrize("kind", EMBEDDED)
def test_a_page_of_another_site_cannot_embed_what_a_page_guard_protects(
    path: str, kind: str | None
) -> None:
    """Each of these is a navigation too (Fetch Metadata, "Sec-Fetch-Dest")."""
    auth = memory_auth()
    app = application(auth)

    async def greet(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("ada")(scope, receive, send)

    app.mount("/required-pages", auth.require(greet, client_header=False))
    with TestClient(app, base_url="https://testserver") as client:
        login_as(client, "ada@example.com")
        del client.headers["X-Authingo-Client"]
        navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        into = navigation if kind is None else {**navigation, "Sec-Fetch-Dest": kind}
        assert refusal(client.get(path, headers=into)) == (403, "origin_not_allowed")
        window = {**navigation, "Sec-Fetch-Dest": "document"}
        assert client.get(path, headers=window).status_code == 200
        own = {**into, "Sec-Fetch-Site": "same-origin"}
        assert client.get(path, headers=own).status_code == 200, "from its own pages"


def test_a_guarded_route_reads_no_body_of_strangers(client: TestClient) -> None:
    """FastAPI would answer 422 about the body, and take in the upload, before the guard ran."""
    for path in ("/notes", "/nested/notes"):
        assert refusal(client.post(path, content=b"not json")) == (403, "missing_client_header")
        elsewhere = {**HEADER, "Origin": "null"}
        answer = client.post(path, content=b"x", headers=elsewhere)
        assert refusal(answer) == (403, "origin_not_allowed")
    assert client.post("/nested/open", json={"text": "x"}).json() == "x"
    assert client.post("/nested/open", content=b"x").status_code == 422, "the host's own, alone"
    login_as(client, "ada@example.com")
    assert client.post("/notes", json={"text": "x"}).json() == "x"
    assert client.post("/nested/notes", json={"text": "x"}).json() == "x"


def test_guards_can_be_overridden() -> None:
    app = application(memory_auth())
    someone = User(
        id="usr_1",
        email="x@example.com",
        name="X",
        email_verified=False,
        created_at=None,  # type: ignore[arg-type]
        updated_at=None,  # type: ignore[arg-type]
    )
    app.dependency_overrides[current_user] = lambda: someone
    with TestClient(app) as client:
        assert client.post("/notes", json={"text": "no header, no session"}).status_code == 200


def test_guards_work_in_a_mounted_application() -> None:
    auth = memory_auth()
    app, inner = FastAPI(lifespan=auth.lifespan), FastAPI()
    auth.install(app)
    auth.install(inner, routes=False)

    @inner.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email

    app.mount("/inner", inner)
    with TestClient(app, base_url="https://testserver") as client:
        assert refusal(client.get("/inner/me", headers=HEADER)) == (401, "no_session")
        login_as(client, "ada@example.com")
        assert client.get("/inner/me").json() == "ada@example.com"
        assert client.get("/inner/api/auth/session").status_code == 404


def test_a_guard_without_install_says_what_is_missing() -> None:
    app = FastAPI()

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email

    with pytest.raises(RuntimeError, match="call auth"):
        TestClient(app).get("/me")


def test_install_comes_before_the_first_request() -> None:
    auth, app = memory_auth(), FastAPI()
    TestClient(app).get("/")
    with pytest.raises(RuntimeError, match="before"):
        auth.install(app)


def test_lifespans_nest_and_are_composed_where_missing() -> None:
    opened: list[str] = []

    for with_auth in (True, False):
        auth = memory_auth()

        @contextlib.asynccontextmanager
        async def lifespan(
            app: FastAPI, auth: Auth = auth, with_auth: bool = with_auth
        ) -> AsyncIterator[dict[str, str]]:
            async with contextlib.AsyncExitStack() as stack:
                if with_auth:
                    await stack.enter_async_context(auth.lifespan(app))
                await auth.store.ping()
                opened.append("mine")
                yield {"mine": "kept"}
            opened.append("closed")

        app = FastAPI(lifespan=lifespan)
        auth.install(app)
        with TestClient(app) as client:
            assert client.get("/api/auth/health").status_code == 200
            assert client.app_state == {"mine": "kept"}
    assert opened == ["mine", "closed"] * 2


def test_it_opens_itself_where_no_lifespan_runs() -> None:
    app = application(memory_auth())
    client = TestClient(app, base_url="https://testserver")
    login_as(client, "ada@example.com")
    assert client.get("/me").status_code == 200


def test_routes_come_before_a_catch_all() -> None:
    auth, app = memory_auth(), FastAPI()

    @app.get("/{path:path}")
    async def everything(path: str) -> str:
        return path

    auth.install(app)
    with TestClient(app) as client:
        assert client.get("/api/auth/health").json() == {"status": "ok"}
        assert refusal(client.get("/api/auth/nowhere")) == (404, "not_found")
        assert client.get("/api/authors").json() == "api/authors"


def test_the_openapi_document_describes_the_routes(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) >= {"/me", "/api/auth/sign-up", "/api/auth/session", "/api/auth/health"}
    fields = paths["/api/auth/sign-up"]["post"]["requestBody"]["content"]["application/json"]
    assert set(fields["schema"]["properties"]) == {"email", "password", "name"}


@pytest.mark.parametrize("prefix", ["/api/auth", "/deep/er"])
def test_the_handler_can_be_mounted_anywhere(prefix: str) -> None:
    auth = memory_auth()
    app = FastAPI()
    app.mount(prefix, auth.handler)
    with TestClient(app, base_url="https://testserver") as client:
        assert client.get(f"{prefix}/health").json() == {"status": "ok"}
        body = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
        made = client.post(f"{prefix}/sign-up", json=body, headers=HEADER)
        assert made.status_code == 200
        assert client.get(f"{prefix}/session").json() == made.json()
        assert refusal(client.get(f"{prefix}/session/")) == (404, "not_found")


def test_the_handler_served_alone_is_open_from_start_to_end(tmp_path: Path) -> None:
    file = tmp_path / "authingo.db"
    server = LiveServer(
        lambda url: settings_from({"database_url": f"sqlite:///{file}", "public_url": url}),
        lambda auth: auth.handler,
    )
    assert file.exists(), "before the first request"
    assert server.browser().get("/health", base="").json == {"status": "ok"}
    assert file.with_name("authingo.db-wal").exists()
    server.stop()
    assert not file.with_name("authingo.db-wal").exists(), "SQLite removes it with the last close"


def test_require_protects_any_application() -> None:
    auth = memory_auth()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        admitted: UserAndSession = scope["authingo"]
        await PlainTextResponse(admitted.user.email)(scope, receive, send)

    host = FastAPI()
    auth.install(host)
    host.mount("/strict", auth.require(app))
    host.mount("/pages", auth.require(app, client_header=False))
    with TestClient(host, base_url="https://testserver") as client:
        assert refusal(client.get("/strict", headers=HEADER)) == (401, "no_session")
        assert refusal(client.get("/strict/x")) == (403, "missing_client_header")
        assert refusal(client.get("/pages/x")) == (401, "no_session")
        login_as(client, "ada@example.com")
        assert client.get("/strict/x").text == "ada@example.com"
        del client.headers["X-Authingo-Client"]
        assert client.get("/pages/x").text == "ada@example.com"
        assert refusal(client.post("/pages/x")) == (403, "missing_client_header")


@pytest.fixture
def serve_application(make_settings: Callable[..., Any]) -> Iterator[LiveServer]:
    def build(auth: Auth) -> FastAPI:
        app = application(auth)

        async def echo(scope: Any, receive: Any, send: Any) -> None:
            socket = WebSocket(scope, receive, send)
            await socket.accept()
            with contextlib.suppress(WebSocketDisconnect):
                while True:
                    name = scope["authingo"].user.name
                    await socket.send_text(f"{name}: {await socket.receive_text()}")

        app.mount("/required", auth.require(echo))
        return app

    server = LiveServer(lambda url: make_settings(public_url=url), build)
    yield server
    server.stop()


SOCKETS = ["/socket", "/required/"]


async def dial(server: LiveServer, path: str, **options: Any) -> ClientConnection:
    url = f"ws://127.0.0.1:{server.port}{path}"
    return await connect(url, proxy=None, **options)


@pytest.mark.anyio
@pytest.mark.parametrize("path", SOCKETS)
async def test_a_socket_needs_origin_and_session(serve_application: LiveServer, path: str) -> None:
    server = serve_application
    browser = server.browser()
    await asyncio.to_thread(browser.sign_up)
    cookie = {"Cookie": f"authingo_session={browser.cookies['authingo_session']}"}
    refused: list[dict[str, Any]] = [
        {"additional_headers": cookie},
        {"additional_headers": cookie, "origin": "https://evil.example"},
        {"additional_headers": cookie, "origin": "null"},
        {"origin": server.url},
    ]
    for options in refused:
        with pytest.raises(InvalidStatus) as error:
            await dial(server, path, **options)
        assert error.value.response.status_code == 403
    async with await dial(server, path, additional_headers=cookie, origin=server.url) as socket:
        await socket.send("hello")
        assert await socket.recv() == "Ada: hello"


@pytest.mark.anyio
@pytest.mark.parametrize("path", SOCKETS)
async def test_a_socket_closes_when_its_session_ends(
    serve_application: LiveServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "INTERVAL", 0.05)
    server = serve_application
    browser = server.browser()
    await asyncio.to_thread(browser.sign_up)
    cookie = {"Cookie": f"authingo_session={browser.cookies['authingo_session']}"}
    async with await dial(server, path, additional_headers=cookie, origin=server.url) as socket:
        await socket.send("hello")
        assert await socket.recv() == "Ada: hello"
        await asyncio.to_thread(execute, server.database_url, "DELETE FROM authingo_sessions")
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def test_dependencies_may_use_the_guard_themselves() -> None:
    auth = memory_auth()
    app = FastAPI()
    auth.install(app)

    @app.post("/admin")
    async def act(note: Note, user: Annotated[User, Depends(admin)]) -> str:
        return user.email

    with TestClient(app, base_url="https://testserver") as client:
        assert refusal(client.post("/admin", content=b"x")) == (403, "missing_client_header")
        login_as(client, "ada@example.com")
        assert client.post("/admin", json={"text": ""}).json() == "ada@example.com"


def test_middleware_of_the_application_stands_around_the_routes() -> None:
    """It may be there to refuse: nothing passes it by."""
    auth, app = memory_auth(), FastAPI()
    seen: list[str] = []

    class Sees:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                seen.append(scope["path"])
            await self._inner(scope, receive, send)

    app.add_middleware(Sees)
    auth.install(app)
    with TestClient(app, base_url="https://testserver") as client:
        assert client.get("/api/auth/health").json() == {"status": "ok"}
        assert refusal(client.get("/api/auth/session")) == (401, "no_session")
    assert seen == ["/api/auth/health", "/api/auth/session"]


def test_guards_of_one_request_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    auth, app = memory_auth(), FastAPI()
    auth.install(app)

    @app.get("/both")
    async def both(user: CurrentUser, session: CurrentSession, maybe: OptionalUser) -> list[str]:
        return [user.id, session.user_id, maybe.id if maybe else ""]

    asked = []
    resume = auth.resume

    async def counted(token: str | None) -> UserAndSession:
        asked.append(token)
        return await resume(token)

    monkeypatch.setattr(auth, "resume", counted)
    with TestClient(app, base_url="https://testserver") as client:
        assert refusal(client.get("/both", headers=HEADER)) == (401, "no_session")
        asked.clear()
        user = login_as(client, "ada@example.com").user
        assert client.get("/both").json() == [user.id] * 3
        assert len(asked) == 1
        assert refusal(client.get("/both", headers={"X-Authingo-Client": "no"})) == (
            403,
            "missing_client_header",
        )
