"""What a host application puts around its routes stands around the authentication routes too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Router
from starlette.testclient import TestClient

from authingo.testing import memory_auth

CLOSED = 418  # what no part of authingo or FastAPI answers
WRONG_HOST = 400  # what TrustedHostMiddleware answers


class Gate:
    """Refuses everything, as in maintenance, and from addresses that are not allowed."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        else:
            await PlainTextResponse("closed", CLOSED)(scope, receive, send)


class QuietGate(ServerErrorMiddleware):
    """A gate that is derived from one of the layers that FastAPI puts there itself."""

    __call__ = Gate.__call__


def gated(method: Any) -> Any:
    """Return a gate in the place of a method of one object, or of a class."""

    async def refuse(*given: Any) -> None:
        await Gate(method)(*given[-3:])

    return refuse


def gated_building(build: Any) -> Any:
    return lambda *self: Gate(build(*self))


class Overriding(FastAPI):
    def build_middleware_stack(self) -> Any:
        return Gate(super().build_middleware_stack())


class OverridingInside(FastAPI):
    def build_middleware_stack(self) -> Any:
        stack: Any = super().build_middleware_stack()
        stack.app = Gate(stack.app)
        return stack


class Keeping(FastAPI):
    """Changes a stack that looked like FastAPI's own when it was built."""

    def build_middleware_stack(self) -> Any:
        self.kept: Any = super().build_middleware_stack()
        return self.kept


class Calling(FastAPI):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await Gate(super().__call__)(scope, receive, send)


class CallingTheRouter(FastAPI):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["app"] = self
        await Gate(self.router)(scope, receive, send)


class GatedRouter(APIRouter):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await Gate(super().__call__)(scope, receive, send)


class RouterWithGatedApp(APIRouter):
    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        await Gate(super().app)(scope, receive, send)


class GatedRoute(BaseRoute):
    def __init__(self, inner: BaseRoute) -> None:
        self.inner = inner

    def matches(self, scope: Any) -> Any:
        return self.inner.matches(scope)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await Gate(self.inner.handle)(scope, receive, send)


Change = Callable[[FastAPI, pytest.MonkeyPatch], None]


def nothing(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    """It is gated by its class."""


def add_middleware(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.add_middleware(Gate)


def decorate(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    @app.middleware("http")
    async def refuse(request: Any, call_next: Any) -> PlainTextResponse:
        return PlainTextResponse("closed", CLOSED)


def add_middleware_that_is_derived(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.add_middleware(QuietGate)


def append_to_user_middleware(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.user_middleware.append(Middleware(Gate))


def patch_build_of_the_application(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.build_middleware_stack = gated_building(app.build_middleware_stack)  # type: ignore[method-assign]


def patch_build_of_its_class(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    build = FastAPI.build_middleware_stack
    patch.setattr(FastAPI, "build_middleware_stack", gated_building(build))


def patch_build_with_a_layer_of_the_framework(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    build = FastAPI.build_middleware_stack

    def build_with_layer(self: FastAPI) -> Any:
        return TrustedHostMiddleware(build(self), allowed_hosts=["nowhere"])

    patch.setattr(FastAPI, "build_middleware_stack", build_with_layer)


def patch_the_constructor(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    construct = FastAPI.__init__

    def construct_with_layer(self: FastAPI, **options: Any) -> None:
        construct(self, **options)
        self.add_middleware(TrustedHostMiddleware, allowed_hosts=["nowhere"])

    patch.setattr(FastAPI, "__init__", construct_with_layer)
    FastAPI.__init__(app)


def patch_a_layer_of_the_framework(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ServerErrorMiddleware, "__call__", gated(ServerErrorMiddleware.__call__))


def patch_the_class_of_the_router(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Router, "__call__", gated(Router.__call__))


def wrap_the_stack_of_the_router(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router.middleware_stack = Gate(app.router.middleware_stack)


def replace_the_router(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router = Gate(app.router)  # type: ignore[assignment]


def replace_the_router_by_one_with_its_own_call(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router = GatedRouter(routes=app.router.routes)


def replace_the_router_by_one_with_its_own_app(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router = RouterWithGatedApp(routes=app.router.routes)


def change_the_class_of_the_router(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router.__class__ = GatedRouter


def build_the_stack_early(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.middleware_stack = Gate(app.build_middleware_stack())


def wrap_the_stack(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.middleware_stack = Gate(app.middleware_stack)


def change_the_stack_inside(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    kept: Any = app.kept  # type: ignore[attr-defined]
    kept.app = Gate(kept.app)


def put_a_route_before(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router.routes.insert(0, Mount("/", Gate(app)))


def wrap_every_route(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router.routes[:] = [GatedRoute(route) for route in app.routes]


def replace_the_routes(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router.routes = [Mount("/", Gate(app))]


def patch_handle_of_every_route(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    for route in app.routes:
        route.handle = gated(route.handle)  # type: ignore[method-assign]


def remove_the_routes(app: FastAPI, patch: pytest.MonkeyPatch) -> None:
    app.router.routes.clear()
    app.router.default = Gate(None)


# When a host application can do each of these.
BEFORE, AFTER, SERVING = "before install", "after install", "after the first request"
ALWAYS = (BEFORE, AFTER, SERVING)
WAYS: list[tuple[type[FastAPI], Change, tuple[str, ...]]] = [
    (Overriding, nothing, (AFTER,)),
    (OverridingInside, nothing, (AFTER,)),
    (Calling, nothing, (AFTER,)),
    (CallingTheRouter, nothing, (AFTER,)),
    (Keeping, change_the_stack_inside, (SERVING,)),
    (FastAPI, add_middleware, (BEFORE, AFTER)),
    (FastAPI, decorate, (BEFORE, AFTER)),
    (FastAPI, add_middleware_that_is_derived, (BEFORE, AFTER)),
    (FastAPI, append_to_user_middleware, (BEFORE, AFTER)),
    (FastAPI, patch_build_of_the_application, (BEFORE, AFTER)),
    (FastAPI, patch_build_of_its_class, (BEFORE, AFTER)),
    (FastAPI, patch_build_with_a_layer_of_the_framework, (BEFORE, AFTER)),
    (FastAPI, patch_the_constructor, (BEFORE,)),
    (FastAPI, patch_a_layer_of_the_framework, (BEFORE, AFTER)),
    (FastAPI, patch_the_class_of_the_router, ALWAYS),
    (FastAPI, wrap_the_stack_of_the_router, ALWAYS),
    (FastAPI, replace_the_router, (AFTER,)),
    (FastAPI, replace_the_router_by_one_with_its_own_call, (BEFORE, AFTER)),
    (FastAPI, replace_the_router_by_one_with_its_own_app, (BEFORE, AFTER)),
    (FastAPI, change_the_class_of_the_router, ALWAYS),
    (FastAPI, build_the_stack_early, (AFTER,)),
    (FastAPI, wrap_the_stack, (SERVING,)),
    (FastAPI, put_a_route_before, (AFTER, SERVING)),
    (FastAPI, wrap_every_route, (AFTER, SERVING)),
    (FastAPI, replace_the_routes, (AFTER, SERVING)),
    (FastAPI, patch_handle_of_every_route, (AFTER, SERVING)),
    (FastAPI, remove_the_routes, (AFTER, SERVING)),
]


@pytest.mark.parametrize(
    ("kind", "change", "when"),
    [
        pytest.param(kind, change, when, id=f"{kind.__name__}, {change.__name__}, {when}")
        for kind, change, times in WAYS
        for when in times
    ],
)
def test_a_gate_stands_around_the_routes(
    kind: type[FastAPI], change: Change, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, auth = kind(), memory_auth()
    if when == BEFORE:
        change(app, monkeypatch)
    auth.install(app)
    if when == AFTER:
        change(app, monkeypatch)
    client = TestClient(app, base_url="https://testserver")
    if when == SERVING:
        assert client.get("/api/auth/health").status_code == 200
        change(app, monkeypatch)
    for path in ("/api/auth/session", "/api/auth/health", "/api/auth", "/api/auth/nowhere"):
        assert client.get(path).status_code in {CLOSED, WRONG_HOST}, path
    assert client.post("/api/auth/sign-in").status_code in {CLOSED, WRONG_HOST}


def plain() -> FastAPI:
    return FastAPI()


def with_everything_that_is_no_layer() -> FastAPI:
    class Derived(FastAPI):
        pass

    app = Derived(debug=True, title="Notes")
    app.include_router(APIRouter(prefix="/notes"))
    app.mount("/static", Gate(app))
    app.add_exception_handler(404, lambda *_: PlainTextResponse("nothing", 404))
    app.add_exception_handler(Exception, lambda *_: PlainTextResponse("broken", 500))
    return app


class Open(Gate):
    """A layer that lets everything pass."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.mark.anyio
@pytest.mark.parametrize("make", [plain, with_everything_that_is_no_layer])
@pytest.mark.parametrize("layers", [[], [Open]])
async def test_only_layers_of_fastapi_itself_are_passed_by(
    make: Callable[[], FastAPI], layers: list[type[Gate]]
) -> None:
    """A router leaves its name in what it is asked to route."""
    auth, app, sent = memory_auth(), make(), []
    for layer in layers:
        app.add_middleware(layer)
    auth.install(app)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/auth/health",
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    async with auth.lifespan():
        await app(scope, receive, send)
    assert sent[0]["status"] == 200
    assert ("router" in scope) == bool(layers)
