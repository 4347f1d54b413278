"""Guards that run before FastAPI's own dependencies: the same answers, in the same order."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from authingo.fastapi import CurrentSession, CurrentUser, OptionalUser, PageUser, current_user
from authingo.fastapi.injection import is_taken_over
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


async def slow(request: Request) -> None:
    waiting, go_on = request.app.state.gate
    if "wait" in request.query_params:
        waiting.set()
        await go_on.wait()


Slow = Annotated[None, Depends(slow)]


def now_async(call: Callable[..., str]) -> Callable[..., Awaitable[str]]:
    @functools.wraps(call)
    async def decorated(*args: Any, **values: Any) -> str:
        return call(*args, **values)

    return decorated


def still_async(call: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    @functools.wraps(call)
    def decorated(*args: Any, **values: Any) -> Awaitable[str]:
        return call(*args, **values)

    return decorated


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

    @app.get("/now-async")
    @now_async
    def made_async(user: CurrentUser) -> str:
        return user.email

    @app.get("/still-async")
    @still_async
    async def decorated(user: CurrentUser) -> str:
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
    "/now-async": ("ada@example.com", 401),
    "/still-async": ("ada@example.com", 401),
    "/included/route?number=3": (3, 401),
    "/late": ("ada@example.com", 401),
    "/gated": ("ada@example.com", 401),
}


@pytest.mark.parametrize("path", ANSWERS)
def test_the_first_request_and_the_next_ones_get_the_same_answer(
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


def test_a_route_is_taken_over_by_its_first_request(app: FastAPI, client: TestClient) -> None:
    """Else this file tests FastAPI, and a guard costs what a dependency does."""
    login_as(client, "ada@example.com")
    for path in ANSWERS:
        client.get(path)
    taken = {
        getattr(route, "path", "")
        for route in app.routes
        if hasattr(route, "app") and is_taken_over(route)
    }
    assert taken == {
        "/both",
        "/thread",
        "/connection",
        "/optional",
        "/page",
        "/now-async",
        "/still-async",
    }


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


def test_a_request_under_way_when_its_route_is_taken_over_is_answered() -> None:
    """It has solved its dependencies with the guard among them, and then waits."""
    auth = memory_auth()
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)
    waiting, go_on = app.state.gate = (asyncio.Event(), asyncio.Event())

    @app.get("/slow")
    async def route(user: CurrentUser, _: Slow) -> str:
        return user.email

    async def run() -> list[str]:
        async with auth.lifespan():
            signed_in = await auth.sign_up(
                email="ada@example.com", password="correct horse battery", name="Ada"
            )
            cookies = {"authingo_session": signed_in.tokens.session}
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(
                transport=transport, base_url="https://test", cookies=cookies, headers=CLIENT
            ) as browser:
                app.dependency_overrides[current_user] = current_user  # so that it is not taken
                first = asyncio.create_task(browser.get("/slow?wait=1"))
                await asyncio.wait(
                    {first, asyncio.create_task(waiting.wait())}, return_when="FIRST_COMPLETED"
                )
                assert waiting.is_set(), first.result().text
                app.dependency_overrides.clear()
                others = [(await browser.get("/slow")).json() for _ in range(3)]
                go_on.set()
                return [*others, (await first).json()]

    assert asyncio.run(run()) == ["ada@example.com"] * 4


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
async def test_a_body_under_way_when_its_route_is_taken_over_opens_nothing(path: str) -> None:
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
