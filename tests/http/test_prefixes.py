"""Applications below a prefix: what a proxy strips, what a mount adds, and the refresh cookie."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from authingo import Auth
from authingo.config import Settings, settings_from
from authingo.fastapi import CurrentUser
from tests.server import ADA, Answer, Browser, LiveServer

Application = Callable[[Auth], Any]


def program(auth: Auth, root_path: str = "") -> FastAPI:
    with warnings.catch_warnings():  # newer FastAPI advises against root_path, and it still works
        warnings.simplefilter("ignore")
        app = FastAPI(root_path=root_path)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email

    auth.install(app)
    return app


def with_middleware(auth: Auth) -> FastAPI:
    app = program(auth)
    app.add_middleware(GZipMiddleware)
    return app


def saying(root_path: str) -> Application:
    return lambda auth: program(auth, root_path)


def mounted(*prefixes: str, root_path: str = "", inner: Application = program) -> Application:
    def make(auth: Auth) -> FastAPI:
        app: Any = inner(auth)
        for prefix in reversed(prefixes):
            outer = FastAPI()
            outer.mount(prefix, app)
            app = outer
        app.root_path = root_path
        return app  # type: ignore[no-any-return]

    return make


def root_path_apart(auth: Auth) -> Any:
    """As by a server that leaves `root_path` out of `path`."""
    app = program(auth)

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/app"}, receive, send)

    return call


def handler(auth: Auth) -> Any:
    return auth.handler


@dataclass(frozen=True)
class Deployment:
    """Where the browser sees the application, and what lies between."""

    prefix: str
    make: Application = program
    strips: str = ""  # the proxy
    server_root: str = ""  # uvicorn --root-path
    base_path: str = "/app/api/auth"
    own_route: bool = True


DEPLOYMENTS = {
    "uvicorn_root_path": Deployment("/app", strips="/app", server_root="/app"),
    "uvicorn_root_path_with_slash": Deployment("/app", strips="/app", server_root="/app/"),
    "uvicorn_root_path_and_middleware": Deployment(
        "/app", with_middleware, strips="/app", server_root="/app"
    ),
    "a_server_that_leaves_it_out_of_path": Deployment("/app", root_path_apart, strips="/app"),
    "fastapi_root_path": Deployment("/app", saying("/app"), strips="/app"),
    "fastapi_root_path_not_stripped": Deployment("/app", saying("/app")),
    "fastapi_and_uvicorn_root_path": Deployment(
        "/app", saying("/app"), strips="/app", server_root="/app"
    ),
    "mount": Deployment("/app", mounted("/app")),
    "nested_mounts": Deployment("/one/two", mounted("/one", "/two"), base_path="/one/two/api/auth"),
    "mount_behind_a_proxy": Deployment(
        "/proxy/app",
        mounted("/app"),
        strips="/proxy",
        server_root="/proxy",
        base_path="/proxy/app/api/auth",
    ),
    "mount_below_a_part_of_the_base_path": Deployment(
        "/api", mounted("/api"), base_path="/api/auth"
    ),
    "mount_at_the_base_path": Deployment(
        "/api/auth", mounted("/api/auth"), base_path="/api/auth", own_route=False
    ),
    "handler": Deployment("/app", mounted("/app/api/auth", inner=handler), own_route=False),
    "handler_behind_uvicorn_root_path": Deployment(
        "/app",
        mounted("/api/auth", inner=handler),
        strips="/app",
        server_root="/app",
        own_route=False,
    ),
    "handler_behind_fastapi_root_path": Deployment(
        "/app",
        mounted("/api/auth", root_path="/app", inner=handler),
        strips="/app",
        own_route=False,
    ),
    "handler_as_the_program": Deployment(
        "/app", handler, strips="/app/api/auth", server_root="/app/api/auth", own_route=False
    ),
}


@dataclass
class Visitor:
    """Asks by the paths of the address bar, and sends each cookie where its Path says."""

    browser: Browser
    strips: str
    kept: dict[str, tuple[str, str]] = field(default_factory=dict)  # value and Path, by name

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        sent = {name: value for name, (value, at) in self.kept.items() if path.startswith(at)}
        answer = self.browser.request(
            method, path.removeprefix(self.strips), body, cookies=sent, base=""
        )
        for header in answer.all("set-cookie"):
            name, _, rest = header.partition("=")
            value, at, *_ = rest.split("; ")
            self.kept[name] = (value, at.removeprefix("Path="))
        return answer


@pytest.fixture
def visit(sqlite_url: str) -> Iterator[Callable[[Deployment], Visitor]]:
    servers = []

    def start(deployment: Deployment) -> Visitor:
        def settings_for(url: str) -> Settings:
            return settings_from(
                {
                    "database_url": sqlite_url,
                    "public_url": url,
                    "base_path": deployment.base_path,
                    "passwords": {"bcrypt_cost": 4},
                }
            )

        server = LiveServer(settings_for, deployment.make, root_path=deployment.server_root)
        servers.append(server)
        return Visitor(server.browser(), deployment.strips)

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_the_routes_are_where_base_path_says_that_the_browser_sees_them(
    visit: Callable[[Deployment], Visitor], deployment: Deployment
) -> None:
    visitor = visit(deployment)
    base = deployment.base_path
    assert visitor.ask("POST", f"{base}/sign-up", ADA).status == 200
    del visitor.kept["authingo_device"]  # a refresh leaves it as it is
    before = dict(visitor.kept)
    assert before["authingo_refresh"][1] == f"{base}/refresh"
    assert visitor.ask("POST", f"{base}/refresh").status == 200
    assert not set(before.values()) & set(visitor.kept.values()), "both tokens are new"
    assert visitor.ask("GET", f"{base}/session").json["user"]["email"] == ADA["email"]
    for nowhere in ("/", "/session/", "//session", "/refresh/refresh"):
        assert visitor.ask("GET", base + nowhere).code_or_ok == "not_found", nowhere
    if deployment.own_route:
        assert visitor.ask("GET", f"{deployment.prefix}/me").json == ADA["email"]
        described = visitor.ask("GET", f"{deployment.prefix}/openapi.json").json
        at = described["servers"][0]["url"]
        assert at + min(path for path in described["paths"] if path.endswith("/refresh")) == (
            f"{base}/refresh"
        )
    assert visitor.ask("POST", f"{base}/sign-out").status == 200
    assert visitor.ask("GET", f"{base}/session").code == "no_session"


def test_a_base_path_without_the_prefix_is_warned_about_once(
    visit: Callable[[Deployment], Visitor], caplog: pytest.LogCaptureFixture
) -> None:
    """It is answered below the prefix, but a browser never sends the refresh cookie there."""
    visitor = visit(Deployment("/app", mounted("/app"), base_path="/api/auth"))
    with caplog.at_level(logging.WARNING, "authingo"):
        for _ in range(3):
            assert visitor.ask("GET", "/app/api/auth/health").status == 200
    (record,) = caplog.records
    assert "root path '/app'" in record.getMessage()
    assert "base_path is '/api/auth'" in record.getMessage()


def test_the_openapi_document_made_without_a_request_is_that_of_the_own_root_path() -> None:
    for root_path, path in (("/app", "/api/auth/session"), ("", "/app/api/auth/session")):
        app = program(Auth(settings_from({"base_path": "/app/api/auth"})), root_path)
        assert path in app.openapi()["paths"]
