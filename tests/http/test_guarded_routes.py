"""Guards on FastAPI routes of many kinds: each request is checked, and nothing around is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import msgspec
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.dependencies.utils import get_parameterless_sub_dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from authingo import Auth
from authingo.config import Settings
from authingo.fastapi import CurrentSession, CurrentUser, OptionalUser, PageUser, current_user
from authingo.testing import login_as, memory_auth
from tests.server import CLIENT


class Note(BaseModel):
    text: str


class Turnstile(Exception):
    """Raised by a dependency that stands before a guard."""


def turnstile(request: Request) -> None:
    if "stop" in request.query_params:
        raise Turnstile


class Gated(APIRoute):
    """A route with a turnstile of its own, before every dependency."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def gated(request: Request) -> Response:
            turnstile(request)
            return await handle(request)

        return gated


@pytest.fixture
def app() -> FastAPI:  # noqa: C901 - a list of routes
    auth = memory_auth()
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)
    router = APIRouter(prefix="/included", dependencies=[Depends(current_user)])
    gated = APIRouter(route_class=Gated)

    @app.get("/both")
    async def both(user: CurrentUser, session: CurrentSession, number: int = 1) -> list[Any]:
        return [user.email, session.user_id == user.id, number]

    @app.get("/thread")
    def in_a_thread(user: CurrentUser, request: Request) -> list[str]:
        return [user.email, request.url.path]

    @app.get("/connection")
    async def with_connection(user: CurrentUser, connection: HTTPConnection) -> list[str]:
        return [user.email, connection.url.path]

    @app.get("/optional")
    async def optional(user: OptionalUser) -> str:
        return user.email if user else "stranger"

    @app.get("/page")
    async def page(user: PageUser) -> str:
        return user.email

    @app.post("/notes")
    async def notes(note: Note, user: CurrentUser) -> list[str]:
        return [user.email, note.text]

    @app.get("/stream")
    async def stream(user: CurrentUser) -> StreamingResponse:
        async def letters() -> AsyncIterator[str]:
            for letter in user.email:
                yield letter

        return StreamingResponse(letters())

    @app.get("/late", dependencies=[Depends(turnstile)])
    async def behind_another(user: CurrentUser) -> str:
        return user.email

    @router.get("/route")
    async def included(number: int) -> int:
        return number

    @gated.get("/gated")
    async def behind_a_gate(user: CurrentUser) -> str:
        return user.email

    app.include_router(router)
    app.include_router(gated)
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="https://testserver") as client:
        yield client


# What each route answers to somebody and to nobody.
ANSWERS: dict[str, tuple[object, int]] = {
    "/both?number=2": (["ada@example.com", True, 2], 401),
    "/both?number=x": (None, 401),  # who is nobody learns nothing of what is expected
    "/thread": (["ada@example.com", "/thread"], 401),
    "/connection": (["ada@example.com", "/connection"], 401),
    "/optional": ("ada@example.com", 200),
    "/page": ("ada@example.com", 401),
    "/included/route?number=3": (3, 401),
    "/late": ("ada@example.com", 401),
    "/gated": ("ada@example.com", 401),
}


@pytest.mark.parametrize("path", ANSWERS)
def test_every_request_to_a_guarded_route_gets_the_same_answer(
    client: TestClient, path: str
) -> None:
    expected, refused = ANSWERS[path]
    login_as(client, "ada@example.com")
    for _ in range(3):
        answer = client.get(path, headers=CLIENT)
        assert (answer.status_code, answer.json()) == (200, expected) or answer.status_code == 422
        assert (answer.status_code == 422) == (expected is None)
    kept = dict(client.cookies)
    for _ in range(3):
        client.cookies.clear()
        assert client.get(path, headers=CLIENT).status_code == refused
        client.cookies.update(kept)
        assert client.get(path).status_code != 403  # login_as sets the header for all requests


def test_a_stream_and_a_body_pass(client: TestClient) -> None:
    login_as(client, "ada@example.com")
    for text in ("one", "two", "three"):
        assert client.get("/stream").text == "ada@example.com"
        assert client.post("/notes", json={"text": text}).json() == ["ada@example.com", text]


@pytest.mark.parametrize("path", ["/late", "/gated"])
def test_what_stands_before_a_guard_stays_before_it(client: TestClient, path: str) -> None:
    login_as(client, "ada@example.com")
    client.get(path)
    client.cookies.clear()
    for _ in range(3):
        with pytest.raises(Turnstile):
            client.get(f"{path}?stop", headers=CLIENT)


def test_an_override_counts_at_once_and_as_long_as_it_is_there(
    app: FastAPI, client: TestClient
) -> None:
    login_as(client, "ada@example.com")
    for _ in range(2):
        assert client.get("/thread").json() == ["ada@example.com", "/thread"]
    somebody = client.get("/api/auth/session").json()["user"]

    class Somebody:
        email = "eve@example.com"
        id = somebody["id"]

    app.dependency_overrides[current_user] = Somebody
    for _ in range(2):
        assert client.get("/thread").json() == ["eve@example.com", "/thread"]
    app.dependency_overrides.clear()
    for _ in range(3):
        assert client.get("/thread").json() == ["ada@example.com", "/thread"]


class Sent(list[Any]):
    async def __call__(self, message: Any) -> None:
        self.append(message)

    @property
    def status(self) -> int:
        return int(self[0]["status"])


async def send_slowly(app: FastAPI, path: str, body: asyncio.Event) -> int:
    """Send a request whose body comes when the event says so."""
    sent = Sent()

    async def receive() -> dict[str, Any]:
        await body.wait()
        return {"type": "http.request", "body": b'{"text": "x"}', "more_body": False}

    headers = [(b"host", b"test"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "http_version": "1.1",
        "server": ("test", 443),
        "client": ("192.0.2.7", 5),
        "headers": [*headers, (b"x-authingo-client", b"true")],
    }
    await app(scope, receive, sent)
    return sent.status


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/notes", "/nameless", "/included/notes"])
async def test_a_body_that_arrives_late_opens_nothing(path: str) -> None:
    """FastAPI reads it before it looks at the dependencies, of which the guard is one."""
    auth = memory_auth()
    app, router, ran = FastAPI(lifespan=auth.lifespan), APIRouter(prefix="/included"), []
    auth.install(app)

    @app.post("/nameless", dependencies=[Depends(current_user)])
    async def nameless(note: Note) -> None:
        ran.append(note)

    @app.post("/notes")
    @router.post("/notes")
    async def notes(note: Note, user: CurrentUser) -> None:
        ran.append(note)

    app.include_router(router)
    async with auth.lifespan():
        late, now = asyncio.Event(), asyncio.Event()
        now.set()
        slow = asyncio.create_task(send_slowly(app, path, late))
        await asyncio.sleep(0)
        assert [await send_slowly(app, path, now) for _ in range(2)] == [401, 401]
        late.set()
        assert await slow == 401
    assert ran == []


class AdminsOnly:
    """A layer around one route, as a host application may add it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if (b"x-admin", b"true") in scope["headers"]:
            await self.inner(scope, receive, send)
        else:
            await Response(status_code=418)(scope, receive, send)


class AdminRoute(APIRoute):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app = AdminsOnly(self.app)


@pytest.mark.parametrize("wrapped", ["by its class", "in a loop over the routes"])
def test_a_layer_around_a_guarded_route_stays(wrapped: str) -> None:
    auth = memory_auth()
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)
    if wrapped == "by its class":
        app.router.route_class = AdminRoute

    @app.get("/admin")
    async def admin(user: CurrentUser) -> str:
        return user.email

    if wrapped != "by its class":
        for route in app.routes:
            if isinstance(route, APIRoute):
                route.app = AdminsOnly(route.app)
    with TestClient(app, base_url="https://testserver") as client:
        login_as(client, "ada@example.com")
        for _ in range(3):
            assert client.get("/admin", headers={"X-Admin": "true"}).json() == "ada@example.com"
            assert client.get("/admin").status_code == 418


def test_a_dependency_that_is_added_later_runs() -> None:
    auth = memory_auth()
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email

    route = next(one for one in app.routes if isinstance(one, APIRoute) and one.path == "/me")
    with TestClient(app, base_url="https://testserver") as client:
        login_as(client, "ada@example.com")
        for _ in range(3):
            assert client.get("/me").json() == "ada@example.com"
        route.dependant.dependencies.append(
            get_parameterless_sub_dependant(depends=Depends(turnstile), path=route.path)
        )
        assert client.get("/me").json() == "ada@example.com"
        with pytest.raises(Turnstile):
            client.get("/me?stop")


def test_a_route_in_two_applications_has_the_guard_of_each() -> None:
    router = APIRouter()

    @router.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email

    clients = {}
    for name in ("ada", "bob"):
        auth = memory_auth()
        app = FastAPI(lifespan=auth.lifespan)
        auth.install(app)
        app.router.routes.extend(router.routes)
        clients[name] = TestClient(app, base_url="https://testserver")
    with clients["ada"] as ada, clients["bob"] as bob:
        for client, name in ((ada, "ada"), (bob, "bob")):
            login_as(client, f"{name}@example.com")
        for _ in range(3):
            assert ada.get("/me").json() == "ada@example.com"
            assert bob.get("/me").json() == "bob@example.com"
        stolen = ada.cookies["authingo_session"]
        bob.cookies.clear()
        answer = bob.get("/me", headers={**CLIENT, "Cookie": f"authingo_session={stolen}"})
        assert answer.status_code == 401


def test_a_mounted_application_answers_by_its_own_rules() -> None:
    """The layer of the application around it must not refuse what the mounted one allows."""
    settings = Settings(database_url="sqlite:///:memory:", public_url="https://testserver")
    trusting = msgspec.structs.replace(settings, trusted_origins=("https://console.example.com",))
    outer, inner = FastAPI(), FastAPI()
    Auth(settings).install(outer)
    Auth(trusting).install(inner, routes=False)

    @inner.post("/notes")
    async def notes(note: Note, user: CurrentUser) -> str:
        return user.email

    class Ada:
        email = "ada@example.com"

    outer.mount("/inner", inner)
    client = TestClient(outer, base_url="https://testserver")
    sent = {**CLIENT, "Origin": "https://console.example.com"}
    answer = client.post("/inner/notes", json={"text": "x"}, headers=sent)
    assert answer.json()["code"] == "no_session", "not origin_not_allowed"
    inner.dependency_overrides[current_user] = Ada
    answer = client.post("/inner/notes", json={"text": "x"})
    assert answer.json() == "ada@example.com", "not missing_client_header"
