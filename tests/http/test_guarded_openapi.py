"""The application's own guarded routes in its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.testclient import TestClient

from authingo import Auth
from authingo.config import settings_from
from authingo.fastapi import (
    CurrentSession,
    CurrentUser,
    FreshUser,
    OptionalUser,
    PageUser,
    current_user,
)
from authingo.testing import login_as, memory_auth

SESSION: dict[str, list[str]] = {"AuthingoSession": []}


def application(auth: Auth, **options: Any) -> FastAPI:
    app = FastAPI()
    router = APIRouter(prefix="/nested", dependencies=[Depends(current_user)])

    @app.get("/me")
    async def me(user: CurrentUser, session: CurrentSession) -> str:
        return user.name

    @app.get("/page")
    async def page(user: PageUser) -> str:
        return user.name

    @app.post("/page")
    async def submit(user: PageUser) -> str:
        return user.name

    @app.get("/hello")
    async def hello(user: OptionalUser) -> str:
        return user.name if user else "stranger"

    @app.get("/fresh")
    async def fresh(user: FreshUser) -> str:
        return user.name

    @app.get("/both")
    async def both(user: CurrentUser, maybe: OptionalUser, page: PageUser) -> str:
        return user.name

    @app.get("/open")
    async def open_to_all() -> str:
        return "all"

    @app.get("/own", responses={401: {"description": "Mine"}})
    async def own(
        user: CurrentUser,
        bearer: Annotated[object, Depends(HTTPBearer(auto_error=False))],
    ) -> str:
        return user.name

    @router.get("/{number}")
    async def nested(number: int = 1) -> int:
        return number

    app.include_router(router)
    auth.install(app, **options)
    return app


@pytest.fixture
def document() -> Any:
    return application(memory_auth()).openapi()


def operation(document: Any, path: str, method: str = "get") -> Any:
    return document["paths"][path][method]


def header(document: Any, path: str, method: str = "get") -> Any:
    (found,) = [
        one
        for one in operation(document, path, method)["parameters"]
        if one["name"] == "X-Authingo-Client"
    ]
    return found


@pytest.mark.parametrize("path", ["/me", "/both", "/nested/{number}"])
def test_a_guarded_route_shows_what_it_needs_and_answers(document: Any, path: str) -> None:
    described = operation(document, path)
    assert described["security"] == [SESSION]
    assert header(document, path)["required"]
    assert header(document, path)["schema"]["default"] == "true"
    for status in ("401", "403"):
        schema = described["responses"][status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/AuthingoError"}
    assert "AuthingoError" in document["components"]["schemas"]


def test_what_a_guard_waives_is_shown(document: Any) -> None:
    assert operation(document, "/hello")["security"] == [SESSION, {}], "none is needed"
    assert not header(document, "/hello")["required"]
    assert operation(document, "/page")["security"] == [SESSION]
    assert not header(document, "/page")["required"]
    assert header(document, "/page", "post")["required"]
    assert "security" not in operation(document, "/open")
    assert "401" not in operation(document, "/open")["responses"]


def test_a_guard_that_needs_a_recent_authentication_says_so(document: Any) -> None:
    described = operation(document, "/fresh")
    assert described["security"] == [SESSION]
    assert header(document, "/fresh")["required"]
    assert "reauthentication_required" in described["responses"]["403"]["description"]
    assert "reauth" not in operation(document, "/me")["responses"]["403"]["description"]


def test_what_the_application_says_itself_stays(document: Any) -> None:
    described = operation(document, "/own")
    assert described["responses"]["401"]["description"] == "Mine"
    assert {"HTTPBearer": []} in described["security"]
    assert SESSION in described["security"]
    assert [one["name"] for one in operation(document, "/nested/{number}")["parameters"]] == [
        "number",
        "X-Authingo-Client",
    ]


def test_there_is_one_scheme_with_the_name_of_the_cookie() -> None:
    auth = Auth(settings_from({"cookies": {"prefix": "shop", "hardened_names": True}}))
    app = application(auth)
    document = app.openapi()
    schemes = document["components"]["securitySchemes"]
    assert schemes.keys() == {"AuthingoSession", "HTTPBearer"}
    assert schemes["AuthingoSession"] == {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-shop_session",
    }
    assert app.openapi() == document, "it is the same when it is asked for again"


def test_a_mounted_application_describes_its_guards_too() -> None:
    document = application(memory_auth(), routes=False).openapi()
    assert operation(document, "/me")["security"] == [SESSION]
    assert not any(path.startswith("/api/auth") for path in document["paths"])


def test_a_request_made_from_the_document_is_answered() -> None:
    """As "Try it out" makes it: the parameters with their defaults, and the browser's cookies."""
    with TestClient(application(memory_auth()), base_url="https://testserver") as client:
        login_as(client, "ada@example.com")
        del client.headers["X-Authingo-Client"]
        document = client.get("/openapi.json").json()
        guarded = [
            (path, method, described)
            for path, methods in document["paths"].items()
            for method, described in methods.items()
            if "security" in described and not path.startswith("/api/auth")
        ]
        assert len(guarded) == 8
        for path, method, described in guarded:
            headers = {
                one["name"]: one["schema"]["default"]
                for one in described["parameters"]
                if one["in"] == "header" and one["required"]
            }
            url = path.replace("{number}", "1")
            assert client.request(method, url, headers=headers).status_code == 200, path
