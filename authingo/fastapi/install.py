"""Install authingo into a FastAPI application."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from authingo.asgi import ASGIApp, Receive, Scope, Send
from authingo.capabilities import capabilities, load
from authingo.config import Settings
from authingo.errors import AuthError, HeadersTooLarge
from authingo.fastapi.dependants import demands_header, takes_forms
from authingo.fastapi.guards import GUARD, WATCHED, Guard, answer_for
from authingo.fastapi.openapi import describe
from authingo.fastapi.shortcut import FULL, Shortcut, plain_router
from authingo.fastapi.websockets import WatchedSocket
from authingo.http.cors import with_cors
from authingo.http.handler import Handler
from authingo.http.headers import are_too_large, combined
from authingo.http.paths import base_below, path_below
from authingo.http.replies import POLICY_VIOLATION, Prepared, refuse, refuse_other
from authingo.http.site import Site

if TYPE_CHECKING:
    from authingo.auth import Auth

_PATH = "authingo.path"  # the path below the base path, from `matches` to `handle`
_PAGE = "authingo.page"  # the answer of a site, likewise
_log = logging.getLogger("authingo")
_root_path: ContextVar[str] = ContextVar("authingo_root_path", default="")


def install(auth: Auth, app: FastAPI, *, routes: bool, cors: bool) -> None:
    """Do what `Auth.install` says."""
    if app.middleware_stack is not None:
        raise RuntimeError("install authingo before the application answers its first request")
    guard = Guard(auth)
    app.state.authingo = auth
    vars(app)[GUARD] = guard
    app.add_exception_handler(AuthError, _answer_error)
    app.add_exception_handler(_RefusedEarly, _answer_error)
    _extend_lifespan(app, auth)
    face = _Routes(auth) if routes else None
    if face:
        # First in the list, so that no catch-all route of the application hides it.
        app.router.routes[:0] = [face, *map(_Site, _sites(auth.settings))]
    _extend_openapi(app, auth.settings, routes=routes)

    def with_layers(stack: ASGIApp, router: APIRouter | None) -> ASGIApp:
        layered: ASGIApp = _GuardLayer(stack, app, guard)
        if face and router:
            layered = Shortcut(layered, router, face)
        return with_cors(layered, auth.settings) if cors else layered

    _wrap(app, with_layers)


class _Routes(BaseRoute):
    """Matches every path below the base path, so that no other route answers or redirects one."""

    def __init__(self, auth: Auth) -> None:
        self._base = auth.settings.base_path
        self._below = self._base + "/"
        self._checks = self._base + "/session"
        self._warned = False
        self._answer = Handler(auth).__call__  # quicker to call than the object

    def _path_below(self, root: str, path: str) -> str | None:
        base = base_below(self._base, root)
        if base is None:  # then assume that base_path is relative to root_path
            base = self._base
            if path.startswith(self._below):
                self._warn(root)
        if path == base or path.startswith(base + "/"):
            return path[len(base) :]
        return None

    def _warn(self, root: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "the authentication routes are reached below the root path %.200r, but base_path "
                "is %r: browsers send the refresh cookie to base_path only. Set base_path to the "
                "path that browsers see",
                root,
                self._base,
            )

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        path: str = scope["path"]
        below: str | None = None
        if root := scope.get("root_path", ""):
            below = self._path_below(root, path_below(scope))
        elif path == self._checks:  # most requests are for it
            below = "/session"
        elif path.startswith(self._below) or path == self._base:
            below = path[len(self._base) :]
        return (Match.NONE, {}) if below is None else (FULL, {_PATH: below})

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        if scope["type"] != "http":
            return refuse_other(scope, send)
        return self._answer(scope, receive, send, scope[_PATH])


class _Site(BaseRoute):
    """Matches what a capability answers outside of the base path."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        if scope["type"] != "http":
            return Match.NONE, {}
        below = path_below(scope)
        seen = scope.get("root_path", "").rstrip("/") + below
        answer = self._site.answer(seen, scope) or self._site.answer(below, scope)
        return (FULL, {_PAGE: answer}) if answer else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        answer: Prepared = scope[_PAGE]
        await answer.send(send)


def _sites(settings: Settings) -> list[Site]:
    made = [load(one.site)(settings) for one in capabilities(settings.plugins) if one.site]
    return [one for one in made if one is not None]


class _GuardLayer:
    """Lets guards act early: before FastAPI reads a body, and while a WebSocket is open.

    FastAPI reads and parses the body before it runs dependencies. So a stranger could make
    it receive a large upload, or learn from a 422 what a route expects. The cross-origin check
    therefore runs when FastAPI begins to read the body, because it knows the route by then.
    Headers that are too large are refused here for every route, guarded or not: FastAPI
    parses cookies before it runs a dependency.
    """

    def __init__(self, app: ASGIApp, host: FastAPI, guard: Guard) -> None:
        self._app = app
        self._host = host
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and are_too_large(scope):
            await refuse(HeadersTooLarge(), scope, send)
        elif scope["type"] == "websocket":
            socket = WatchedSocket(receive, send)
            scope[WATCHED] = socket
            async with socket.open():
                await self._app(scope, socket.receive, socket.send)
        elif scope["type"] == "http" and scope["method"] not in {"GET", "HEAD"}:
            checked = _CheckedBody(lambda: self._check(scope), scope, receive, send)
            await self._app(scope, checked.receive, checked.send)
        else:
            _root_path.set(scope.get("root_path", ""))  # in case the OpenAPI document is requested
            await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if scope.get("app") is not self._host:  # a mounted application has its own layer
            return
        # A route of an included router has its dependencies in a separate context.
        included = scope.get("fastapi", {}).get("effective_route_context")
        dependant = getattr(included or scope.get("route"), "dependant", None)
        if dependant is None:
            return
        overrides = self._host.dependency_overrides
        if demands_header(dependant, overrides):
            self._guard.origin.check(scope, combined(scope))
        elif takes_forms(dependant, overrides):
            self._guard.origin.check_form(scope, combined(scope))


class _CheckedBody:
    """Calls `check` before anything of the body is read, and sees to it that a refusal is sent.

    The middleware of `@app.middleware("http")` puts an exception that `receive` raises into a
    group, in which FastAPI cannot recognize it: it answers 400, as for a body that breaks off.
    """

    def __init__(
        self, check: Callable[[], None], scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._check = check
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = False
        self._refused: _RefusedEarly | None = None
        self._replaced = False

    async def receive(self) -> Any:
        if not self._begun:
            self._begun = True
            try:
                self._check()
            except AuthError as error:
                self._refused = _RefusedEarly(error)
                raise self._refused from None
        return await self._receive()

    async def send(self, message: Any) -> None:
        if self._replaced:
            return
        refused = self._refused
        if refused and not refused.answered and message.get("status") in {400, 500}:
            self._replaced = True
            await refuse(refused.error, self._scope, self._send)
            return
        await self._send(message)


class _RefusedEarly(HTTPException):
    """An exception that FastAPI does not catch while it reads a body; carries the real error."""

    def __init__(self, error: AuthError) -> None:
        super().__init__(error.status)
        self.error = error
        self.answered = False


async def _answer_error(connection: Any, error: Exception) -> Any:
    real = error
    if isinstance(error, _RefusedEarly):
        real, error.answered = error.error, True
    assert isinstance(real, AuthError)  # noqa: S101 - `install` registers it for these alone
    if connection.scope["type"] == "websocket":
        await connection.close(code=POLICY_VIOLATION)  # not accepted yet, so the client gets a 403
        return None
    return _Answer(answer_for(real, connection.scope).prepare())


class _Answer(Response):
    """An answer where Starlette wants a Response."""

    def __init__(self, prepared: Prepared) -> None:
        super().__init__(status_code=prepared.status)
        self._prepared = prepared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await self._prepared.send(send)


def _extend_lifespan(app: FastAPI, auth: Auth) -> None:
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[Any]:
        async with auth.lifespan(started), inner(started) as state:
            yield state

    app.router.lifespan_context = lifespan


def _extend_openapi(app: FastAPI, settings: Settings, *, routes: bool) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        # The document's paths are relative to its server, which FastAPI sets to root_path.
        root = _root_path.get() or app.root_path
        base = base_below(settings.base_path, root)
        if base is None:
            base = settings.base_path
        return describe(generate(), settings, base if routes else None)

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _wrap(app: FastAPI, with_layers: Callable[[ASGIApp, APIRouter | None], ASGIApp]) -> None:
    """Put layers around the whole application, and so around Starlette's error answers too.

    `with_layers` is given the stack, and the router if only FastAPI's own layers are around it.
    """
    replaced = vars(app).get("build_middleware_stack")  # some code replaced it for this one app

    def build_wrapped() -> Any:
        if replaced is not None:
            return with_layers(replaced(), None)
        stack = type(app).build_middleware_stack(app)  # looked up now: the class may be patched
        return with_layers(stack, plain_router(app, stack))

    app.build_middleware_stack = build_wrapped  # type: ignore[method-assign]  # there is no other way
