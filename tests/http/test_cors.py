"""CORS: for trusted origins alone, on every answer of the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from authingo import Auth
from authingo.fastapi import CurrentUser
from tests.server import Answer, LiveServer

APP = "https://app.example.org"


@pytest.fixture(params=[True, False], ids=["install", "install without cors"])
def server(
    request: pytest.FixtureRequest, make_settings: Callable[..., Any]
) -> Iterator[LiveServer]:
    def build(auth: Auth) -> FastAPI:
        app, inner = FastAPI(), FastAPI()
        auth.install(app, cors=request.param)
        auth.install(inner, routes=False)

        @app.get("/fails")
        async def fails() -> None:
            raise ZeroDivisionError

        @app.get("/me")
        @inner.get("/me")
        async def me(user: CurrentUser) -> str:
            return user.email

        app.mount("/inner", inner)
        return app

    live = LiveServer(lambda url: make_settings(public_url=url, trusted_origins=[APP]), build)
    live.with_cors = request.param  # type: ignore[attr-defined]
    yield live
    live.stop()


def allowed(answer: Answer) -> tuple[list[str], list[str]]:
    return (
        answer.all("access-control-allow-origin"),
        answer.all("access-control-allow-credentials"),
    )


def test_a_trusted_origin_may_read_every_answer(server: LiveServer) -> None:
    expected = ([APP], ["true"]) if server.with_cors else ([], [])  # type: ignore[attr-defined]
    for path in ("/api/auth/session", "/api/auth/nowhere", "/me", "/nowhere", "/fails"):
        answer = server.browser().get(path, base="", headers={"Origin": APP})
        assert allowed(answer) == expected, path
        assert ("Origin" in answer.all("vary")) is bool(expected[0])
        readable = answer.all("access-control-expose-headers")
        assert readable == (["Retry-After"] if expected[0] else [])
    assert answer.status == 500


def test_a_mounted_application_says_it_once(server: LiveServer) -> None:
    answer = server.browser().get("/inner/me", base="", headers={"Origin": APP})
    assert allowed(answer) == ([APP], ["true"])


def test_a_preflight_is_answered_for_trusted_origins(server: LiveServer) -> None:
    headers = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-authingo-client",
    }
    answer = server.browser().request("OPTIONS", "/sign-in", headers=headers)
    if not server.with_cors:  # type: ignore[attr-defined]
        assert answer.status == 405
        return
    assert answer.status == 204
    assert allowed(answer) == ([APP], ["true"])
    assert "POST" in answer.all("access-control-allow-methods")[0]
    assert answer.all("access-control-allow-headers") == ["content-type,x-authingo-client"]


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", APP + ".evil.example", "http://app.example.org", "*"]
)
def test_nobody_else_is_answered(server: LiveServer, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for method, path in (("GET", "/session"), ("OPTIONS", "/sign-in"), ("POST", "/sign-out")):
        answer = server.browser().request(method, path, headers=headers)
        assert allowed(answer) == ([], [])
        assert answer.status in {401, 403, 405}
