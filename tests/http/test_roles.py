"""Roles: who gets past which guard, at once after a change, and nobody by what they send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.testclient import TestClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from authingo import Auth, Forbidden, InvalidInput, NoSuchUser, User
from authingo.config import Settings
from authingo.fastapi import (
    PageUser,
    RequirePermission,
    RequireRole,
    VerifiedUser,
    websockets,
)
from authingo.testing import login_as, memory_auth
from tests.database import execute
from tests.documents import blocks, read
from tests.server import ADA, Browser, LiveServer
from tests.waiting import until

Admin = Annotated[User, Depends(RequireRole("admin"))]
Writer = Annotated[User, Depends(RequirePermission("posts:write"))]
ROLES = {"admin": {"*"}, "editor": {"posts:write"}, "reader": set[str]()}


def routes(auth: Auth) -> FastAPI:
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)

    @app.get("/admin")
    async def admin(user: Admin) -> str:
        return user.email

    @app.post("/posts")
    async def write(user: Writer) -> str:
        return user.email

    @app.get("/verified")
    async def verified(user: VerifiedUser) -> str:
        return user.email

    @app.get("/page")
    async def page(user: PageUser) -> str:
        if "admin" not in user.roles:
            raise Forbidden
        return user.email

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, user: Admin) -> None:
        await websocket.accept()
        while True:
            await websocket.receive_text()

    return app


def application(auth: Auth) -> FastAPI:
    return routes(Auth(auth.settings, roles=ROLES))


@pytest.fixture
def server(make_settings: Callable[..., Settings]) -> Iterator[LiveServer]:
    server = LiveServer(lambda url: make_settings(public_url=url), application)
    yield server
    server.stop()


def change(server: LiveServer, user_id: str, **change: set[str]) -> User:
    """Change the roles in another process's place: with an Auth of its own."""

    async def work() -> User:
        auth = Auth(server.auth.settings)
        async with auth.lifespan():
            return await auth.change_roles(user_id, **change)

    return asyncio.run(work())


def signed_up(server: LiveServer) -> tuple[Browser, str]:
    browser = server.browser()
    return browser, browser.sign_up().json["user"]["id"]


def codes(browser: Browser) -> list[str]:
    answers = [browser.get(path, base="") for path in ("/admin", "/page")]
    answers.append(browser.post("/posts", base=""))
    return [one.code_or_ok for one in answers]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (set[str](), ["forbidden", "forbidden", "forbidden"]),
        ({"reader"}, ["forbidden", "forbidden", "forbidden"]),
        ({"editor"}, ["forbidden", "forbidden", "ok"]),
        ({"admin"}, ["ok", "ok", "ok"]),
        ({"undeclared", "posts:write"}, ["forbidden", "forbidden", "forbidden"]),
    ],
    ids=["none", "one that permits nothing", "editor", "admin", "undeclared"],
)
def test_a_guard_lets_in_those_with_the_role_or_the_permission(
    server: LiveServer, roles: set[str], expected: list[str]
) -> None:
    """And no longer than they have it. On PostgreSQL the notice takes some milliseconds."""
    browser, user_id = signed_up(server)
    assert codes(browser) == ["forbidden"] * 3
    changed = change(server, user_id, add=roles)
    assert changed.roles == tuple(sorted(roles))
    until(lambda: browser.get("/session").json["user"]["roles"] == sorted(roles), "no roles")
    assert codes(browser) == expected
    change(server, user_id, remove=roles)
    until(lambda: codes(browser) == ["forbidden"] * 3, "roles were kept")
    assert {one.status for one in [server.browser().get("/admin", base="")]} == {401}


def test_a_guard_asks_for_a_verified_address(server: LiveServer) -> None:
    browser, user_id = signed_up(server)
    refused = browser.get("/verified", base="")
    assert (refused.status, refused.code) == (403, "email_not_verified")
    execute(
        server.auth.settings.database_url,
        f"UPDATE authingo_users SET email_verified = NOT email_verified WHERE id = '{user_id}'",
    )
    until(lambda: browser.get("/verified", base="").status == 200, "it is not verified")


@pytest.mark.parametrize("field", ["roles", "role", "permissions"])
def test_nobody_gets_a_role_by_what_they_send(server: LiveServer, field: str) -> None:
    """Neither by signing up nor in any other body: unknown fields are refused (CWE-915)."""
    browser = server.browser()
    refused = browser.post("/sign-up", {**ADA, field: ["admin"]})
    assert (refused.status, refused.code) == (422, "invalid_input")
    browser, _ = signed_up(server)
    bodies = {
        "/sign-in": {"email": ADA["email"], "password": ADA["password"]},
        "/reauthenticate": {"password": ADA["password"]},
        "/change-password": {"current_password": ADA["password"], "new_password": "x" * 20},
    }
    for path, body in bodies.items():
        assert browser.post(path, {**body, field: ["admin"]}).code == "invalid_input", path
    assert browser.request("PATCH", "/user", {"name": "Ada", field: []}).code == "invalid_input"
    assert browser.get("/session").json["user"]["roles"] == []
    assert codes(browser) == ["forbidden"] * 3


@pytest.mark.anyio
async def test_a_socket_closes_when_the_role_goes(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "INTERVAL", 0.05)
    browser, user_id = await asyncio.to_thread(signed_up, server)
    await asyncio.to_thread(change, server, user_id, add={"admin"})
    cookie = {"Cookie": f"authingo_session={browser.cookies['authingo_session']}"}
    async with connect(
        f"ws://127.0.0.1:{server.port}/socket",
        proxy=None,
        additional_headers=cookie,
        origin=Origin(server.url),
    ) as socket:
        await socket.send("hello")
        await asyncio.to_thread(change, server, user_id, remove={"admin"})
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


def test_the_document_says_what_a_guard_asks_for() -> None:
    document = routes(memory_auth()).openapi()
    for path, method, words in (
        ("/admin", "get", "the role admin (forbidden)"),
        ("/posts", "post", "the permission posts:write (forbidden)"),
        ("/verified", "get", "(email_not_verified)"),
    ):
        described = document["paths"][path][method]
        assert described["security"] == [{"AuthingoSession": []}]
        assert words in described["responses"]["403"]["description"]
        (header,) = described["parameters"]
        assert header["required"]
    assert document["components"]["securitySchemes"].keys() == {"AuthingoSession"}
    assert "roles" in document["components"]["schemas"]["AuthingoUser"]["properties"]


@pytest.mark.anyio
async def test_a_change_says_what_is_wrong_with_it() -> None:
    auth = memory_auth()
    async with auth.lifespan():
        user = await auth.create_user(email=ADA["email"])
        for name in ("Admin", "", "*", "a b", "ä", "x" * 65, "admin\n"):
            with pytest.raises(InvalidInput, match="must be 1 to 64"):
                await auth.change_roles(user, add={name})
        with pytest.raises(InvalidInput, match="more than 32"):
            await auth.change_roles(user, add={f"role{number}" for number in range(33)})
        with pytest.raises(TypeError, match="several names"):
            await auth.change_roles(user, add="admin")
        with pytest.raises(NoSuchUser):
            await auth.change_roles("usr_nobody", add={"admin"})
        assert await auth.change_roles(user, add={"b", "a"}) == await auth.find_user(user)
        await auth.change_roles(user, add={"a"})
        assert [one.id for one in await auth.list_users(role="a")] == [user.id]
        assert await auth.list_users(role="c") == []
        recorded = await auth.list_events(user=user, name="roles_changed")
        assert len(recorded) == 1, "what changes nothing is no event"


def test_a_declaration_that_cannot_be_meant_is_refused() -> None:
    settings = memory_auth().settings
    declarations: list[Any] = [{"Admin": {"*"}}, {"admin": {"posts:*"}}, {"admin": "posts:write"}]
    for roles in declarations:
        with pytest.raises((TypeError, ValueError), match=r"admin|Admin"):
            Auth(settings, roles=roles)
    for guard in (RequireRole, RequirePermission):
        with pytest.raises(ValueError, match="must be 1 to 64"):
            guard("*")


# docs/roles.md


def test_the_program_of_the_page_works() -> None:
    """An admin makes an editor, who writes; and who is neither does neither."""
    namespace: dict[str, Any] = {}
    exec(compile(blocks(read("docs/roles.md"), "python")[0], "docs/roles.md", "exec"), namespace)
    app, auth = namespace["app"], namespace["auth"]
    client: TestClient
    with TestClient(app, base_url="https://testserver") as client:
        assert client.portal is not None
        eve = login_as(client, "eve@example.com").user
        assert client.post("/posts", params={"text": "x"}).status_code == 403
        assert client.post(f"/users/{eve.id}/editor").status_code == 403
        assert client.post("/comments", params={"text": "x"}).status_code == 403
        ada = login_as(client, "ada@example.com").user

        async def make_admin() -> None:
            await auth.change_roles(ada, add={"admin"})

        client.portal.call(make_admin)
        assert client.post(f"/users/{eve.id}/editor").json()["roles"] == ["editor"]
        login_as(client, eve)
        assert client.post("/posts", params={"text": "x"}).status_code == 200
        assert client.get("/posts").json() == ["x"]
        login_as(client, ada)
        assert client.delete(f"/users/{eve.id}/editor").json()["roles"] == []
        login_as(client, eve)
        assert client.post("/posts", params={"text": "x"}).json()["code"] == "forbidden"


def test_the_superuser_guard_of_fastapi_users() -> None:
    """Its documentation makes a dependency for it first; here the guard stands in the route."""
    auth = memory_auth()
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)

    @app.get("/protected-route")
    def protected_route(user: Annotated[User, Depends(RequireRole("admin"))]) -> str:
        return f"Hello, {user.email}"

    with TestClient(app, base_url="https://testserver") as client:
        user = login_as(client, "ada@example.com").user
        assert client.get("/protected-route").status_code == 403
        app.dependency_overrides[RequireRole("admin")] = lambda: user
        assert client.get("/protected-route").json() == "Hello, ada@example.com"
