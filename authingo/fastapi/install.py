"""How authingo becomes a part of a FastAPI application."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from authingo.auth import ASGIApp
from authingo.config import Settings
from authingo.errors import AuthError
from authingo.fastapi.bodies import Receive
from authingo.fastapi.cors import with_cors
from authingo.fastapi.guards import WATCHED, Guard, demands_header
from authingo.fastapi.handler import Handler
from authingo.fastapi.headers import Scope, combined
from authingo.fastapi.openapi import describe
from authingo.fastapi.paths import base_below, path_below
from authingo.fastapi.replies import Reply, Send, error_reply
from authingo.fastapi.websockets import WatchedSocket

if TYPE_CHECKING:
    from authingo.auth import Auth

_log = logging.getLogger("authingo")
_root_path: ContextVar[str] = ContextVar("authingo_root_path", default="")


def install(auth: Auth, app: FastAPI, *, routes: bool, cors: bool) -> None:
    """Do what `Auth.install` says."""
    if app.middleware_stack is not None:
        raise RuntimeError("install authingo before the application answers its first request")
    guard = Guard(auth)
    app.state.authingo = auth
    app.state.authingo_guard = guard
    app.add_exception_handler(AuthError, _answer_error)
    app.add_exception_handler(_RefusedEarly, _answer_error)
    _extend_lifespan(app, auth)
    _wrap(app, lambda inner: _GuardLayer(inner, app, guard))
    if routes:
        # First, so that no catch-all of the application shadows them.
        face = _Routes(auth)
        app.router.routes.insert(0, face)
        _wrap(app, lambda inner: inner if app.user_middleware else _Shortcut(inner, face))
    _extend_openapi(app, auth.settings, routes=routes)
    if cors:
        _wrap(app, lambda inner: with_cors(inner, auth.settings))


class _Routes(BaseRoute):
    """Takes every path below the base path, so that none is redirected or left to others."""

    def __init__(self, auth: Auth) -> None:
        self._base = auth.settings.base_path
        self._below = self._base + "/"
        self._warned = False
        self.handler = Handler(auth)

    def path_of(self, scope: Scope) -> str | None:
        """Return the path below the base path; None: it is somebody else's."""
        if root := scope.get("root_path", ""):
            return self._path_below(root, path_below(scope))
        path: str = scope["path"]
        if path.startswith(self._below) or path == self._base:
            return path[len(self._base) :]
        return None

    def _path_below(self, root: str, path: str) -> str | None:
        base = base_below(self._base, root)
        if base is None:  # then it is taken to be relative to root_path
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
        return (Match.NONE if self.path_of(scope) is None else Match.FULL), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.handler.answer(self.path_of(scope) or "", scope, receive, send)


class _Shortcut:
    """Answers the routes before the application's own machinery, which costs more than they do.

    Only where the application has no middleware: that may be there to see or to
    refuse every request, and the routes then stay inside it.
    """

    def __init__(self, app: ASGIApp, routes: _Routes) -> None:
        self._app = app
        self._routes = routes
        self._answer = routes.handler.answer

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and (path := self._routes.path_of(scope)) is not None:
            return self._answer(path, scope, receive, send)
        return self._app(scope, receive, send)


class _GuardLayer:
    """Lets guards act early: before FastAPI reads a body, and while a WebSocket is open.

    FastAPI reads and parses the body before it runs dependencies, so a stranger
    could have a large upload received, or learn from a 422 what a route expects.
    The route is known by then, so the check runs when the body is first asked for.
    """

    def __init__(self, app: ASGIApp, host: FastAPI, guard: Guard) -> None:
        self._app = app
        self._host = host
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            socket = WatchedSocket(receive, send)
            scope[WATCHED] = socket
            async with socket.open():
                await self._app(scope, socket.receive, socket.send)
        elif scope["type"] == "http" and scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, self._checking(scope, receive), send)
        else:
            _root_path.set(scope.get("root_path", ""))  # for the OpenAPI document, if it is that
            await self._app(scope, receive, send)

    def _checking(self, scope: Scope, receive: Receive) -> Receive:
        checked = False

        async def receive_checked() -> Any:
            nonlocal checked
            if not checked:
                checked = True
                if self._is_guarded(scope):
                    try:
                        self._guard.origin.check(scope, combined(scope))
                    except AuthError as error:
                        raise _RefusedEarly(error) from None
            return await receive()

        return receive_checked

    def _is_guarded(self, scope: Scope) -> bool:
        if scope.get("app") is not self._host:  # a mounted application has a layer of its own
            return False
        # A route of an included router has its dependencies in a context of its own.
        included = scope.get("fastapi", {}).get("effective_route_context")
        dependant = getattr(included or scope.get("route"), "dependant", None)
        return dependant is not None and demands_header(dependant, self._host.dependency_overrides)


class _RefusedEarly(HTTPException):
    """What FastAPI lets through from a body being read; carries the real error."""

    def __init__(self, error: AuthError) -> None:
        super().__init__(error.status)
        self.error = error


async def _answer_error(connection: Any, error: Exception) -> Any:
    real = error.error if isinstance(error, _RefusedEarly) else error
    assert isinstance(real, AuthError)  # noqa: S101 - what it is registered for
    if connection.scope["type"] == "websocket":
        await connection.close(code=1008)  # before acceptance: a 403
        return None
    return _Answer(error_reply(real))


class _Answer(Response):
    """A Reply where Starlette wants a Response."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(status_code=reply.status)
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await self._reply.send(send)


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
        # Its paths are relative to the server it names, which FastAPI sets to root_path.
        root = _root_path.get() or app.root_path
        base = base_below(settings.base_path, root)
        if base is None:
            base = settings.base_path
        return describe(generate(), settings, base if routes else None)

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _wrap(app: FastAPI, layer: Callable[[ASGIApp], ASGIApp]) -> None:
    """Put a layer around everything, Starlette's own error answers included."""
    build = app.build_middleware_stack

    def build_wrapped() -> Any:
        return layer(build())

    app.build_middleware_stack = build_wrapped  # type: ignore[method-assign]  # no other way out
