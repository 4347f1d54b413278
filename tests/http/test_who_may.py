"""Who may do what: the tables of docs/roles.md, asked of every route and every guard."""

# No `from __future__ import annotations`: a guard here is a local variable.
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any

import msgspec
import pytest
from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse

from authingo import Auth, fastapi
from authingo.config import Settings
from authingo.http.route import Route
from authingo.http.routes import all_routes
from tests.database import execute
from tests.documents import read, table
from tests.server import ADA, Browser, LiveServer
from tests.waiting import until

PAGE = read("docs/roles.md")
GUARDS = {
    name: row[1:] for row in table(PAGE, "Guard") for name in re.findall(r"`([\w.]+)`", row[0])
}
ROUTES = {row[0].strip("`"): row[1] for row in table(PAGE, "Route")}
BY_NAME = {f"{one.method} {one.path}": one for one in all_routes()}
LONG_AGO = 11 * 60  # seconds, after which an authentication is not recent any more
VALUES = {
    "email": "nobody@example.com",
    "new_email": "new@example.com",
    "name": "Ada",
    "token": "x" * 43,
    "code": "BDWP-HQPK",
    "profile": None,
}


def application(auth: Auth) -> FastAPI:
    """Return one with a route for each guard, at its name."""
    auth = Auth(auth.settings, roles={"editor": {"posts:write"}})
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)
    guards: dict[str, Any] = {name: getattr(fastapi, name, None) for name in GUARDS}
    guards["RequireRole"] = Annotated[Any, Depends(fastapi.RequireRole("admin"))]
    guards["RequirePermission"] = Annotated[Any, Depends(fastapi.RequirePermission("posts:write"))]

    def add(name: str, guard: Any) -> None:
        @app.get(f"/{name}")
        async def guarded(found: guard) -> str:
            return "nobody" if found is None else "somebody"

    for name, guard in guards.items():
        if guard is not None:
            add(name, guard)

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse('"somebody"')(scope, receive, send)

    app.mount("/auth.require", auth.require(mounted))
    return app


@pytest.fixture
def server(make_settings: Callable[..., Settings]) -> Iterator[LiveServer]:
    server = LiveServer(
        lambda url: make_settings(
            public_url=url,
            mail={"url": "smtp://127.0.0.1:9", "from": "a@example.com", "email_code": True},
        ),
        application,
    )
    yield server
    server.stop()


def user_of(server: LiveServer) -> Browser:
    """Return the browser of a user who has nothing but a session, and authenticated long ago."""
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(LONG_AGO)
    return browser


def test_every_guard_lets_in_whom_the_page_says(server: LiveServer) -> None:
    anybody, user = server.browser(), user_of(server)

    def met(browser: Browser, name: str) -> str:
        answer = browser.get(f"/{name}" + "/" * (name == "auth.require"), base="")
        return f"{answer.json}" if answer.status == 200 else answer.code

    for name, (nobody, any_user, _) in GUARDS.items():
        expected = "nobody" if nobody == "yes, as `None`" else nobody.strip("`")
        assert met(anybody, name) == expected, name
        assert met(user, name) == any_user.strip("`").replace("yes", "somebody"), name
    execute(
        server.database_url,
        "UPDATE authingo_users SET roles = 'admin editor', email_verified = NOT email_verified",
    )
    assert user.post("/reauthenticate", {"password": ADA["password"]}).status == 200

    def lets_in(name: str) -> bool:
        return met(user, name) == "somebody"

    for name, (_, _, more) in GUARDS.items():
        assert more.startswith("yes"), name
        until(partial(lets_in, name), f"{name} refuses them")


def test_the_page_has_every_guard() -> None:
    exported = {
        name
        for name in fastapi.__all__
        if name.endswith("User") or name.startswith(("Require", "CurrentSession"))
    }
    assert exported | {"auth.require"} == set(GUARDS)


@pytest.mark.parametrize("route", BY_NAME.values(), ids=BY_NAME)
def test_every_route_answers_whom_the_page_says(server: LiveServer, route: Route) -> None:
    """By what a request gets that is right in everything else."""
    who = ROUTES[f"{route.method} {route.path}"]
    path = route.path.replace("{id}", "ses_" + "0" * 26)
    fields = msgspec.structs.fields(route.body)
    needed = [field for field in fields if field.required] or fields[:1]
    body = {field.name: VALUES.get(field.name, ADA["password"]) for field in needed}
    anybody, user = server.browser(), user_of(server)
    by_nobody = anybody.request(route.method, path, body or None)
    if path != "/refresh":  # which asks for its own cookie
        assert (by_nobody.status == 401 and by_nobody.code == "no_session") is (who != "everybody")
    by_user = user.request(route.method, path, body or None)
    refused = by_user.status == 403 and by_user.code == "reauthentication_required"
    assert refused is (who == "a user who has authenticated recently")
    assert by_user.status != 401 or who == "everybody"


def test_the_page_has_every_route_and_no_other() -> None:
    assert set(BY_NAME) == set(ROUTES)
