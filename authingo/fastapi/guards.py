"""Guards for one's own routes: dependencies for FastAPI, a wrapper for any ASGI application.

    async def me(user: CurrentUser) -> ...

A guard first makes the cross-origin check of `authingo.fastapi.origin`, then
resumes the session. `app.dependency_overrides[current_user]` replaces it in tests.
"""

# No `from __future__ import annotations`: older FastAPI cannot resolve those of an instance.
from collections.abc import Container
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from authingo.cookies import Cookies
from authingo.errors import AuthError, NoSession
from authingo.fastapi.bodies import Receive
from authingo.fastapi.guarded_routes import OPTIONAL, PAGE, SESSION_COOKIE, STRICT
from authingo.fastapi.headers import Scope, combined, header_values
from authingo.fastapi.origin import CLIENT_HEADER, PAGES, OriginCheck
from authingo.fastapi.replies import Send, error_reply
from authingo.fastapi.websockets import WatchedSocket
from authingo.models import Resumed, Session, User

if TYPE_CHECKING:
    from authingo.auth import ASGIApp, Auth

_ADMITTED = "authingo.admitted"  # by which guard, and who
WATCHED = "authingo.socket"  # where `install` leaves the WatchedSocket of a WebSocket


class Guard:
    """Checks and resumes under one configuration."""

    def __init__(self, auth: "Auth") -> None:
        self._auth = auth
        self._recall = auth.recall
        self._cookie = Cookies(auth.settings).session
        self.origin = OriginCheck(auth.settings)

    def recall(self, scope: Scope, waived_for: Container[str] = ()) -> Resumed | None:
        """Return who asks where this process remembers them, or refuse. None: ask `admit`.

        For a WebSocket that is always so, because its session is watched from then on.

        Raises:
            MissingClientHeader, OriginNotAllowed: before anything is looked at.
        """
        if scope["type"] == "websocket":
            return None
        said = combined(scope)
        self.origin.check(scope, said, waived_for)
        known = self._recall(self._cookie.find(said.get(b"cookie", b"")))
        return None if known is None else known.resumed

    async def admit(self, scope: Scope, waived_for: Container[str] = ()) -> Resumed:
        """Return who asks, or refuse. `waived_for`: see OriginCheck.check.

        Raises:
            MissingClientHeader, OriginNotAllowed: before the session is looked up.
            NoSession, SessionExpired, StoreUnavailable: as `Auth.resume`.
        """
        said = combined(scope)
        if scope["type"] == "websocket":
            self.origin.check_websocket(scope, said)
        else:
            self.origin.check(scope, said, waived_for)
        known: tuple[Guard, Resumed] | None = scope.get(_ADMITTED)
        if known is not None and known[0] is self:  # several guards of one request ask once
            return known[1]
        token = self._cookie.read(said.get(b"cookie", b""))
        resumed = await self._auth.resume(token)
        scope[_ADMITTED] = (self, resumed)
        if watched := scope.get(WATCHED):
            life = self._auth.settings.sessions.cache.total_seconds()
            watched.watch(lambda: self._auth.resume(token), at_least_every=life)
        return resumed


def _guard(connection: HTTPConnection) -> Guard:
    guard: Guard | None = getattr(connection.app.state, "authingo_guard", None)
    if guard is None:
        raise RuntimeError(
            "this application has no authingo: call auth.install(app), "
            "or auth.install(app, routes=False) for a mounted one"
        )
    return guard


# Each guard is one dependency without any of its own: what FastAPI spends on a
# dependency is more than what a guard does. It looks into memory before it awaits anything.
# As security schemes, FastAPI puts them into its OpenAPI document, under names that
# `authingo.fastapi.openapi` replaces by what the settings say.


class _CurrentUser(SecurityBase):
    """Return the signed-in user; 401 without one."""

    model, scheme_name = SESSION_COOKIE, STRICT

    async def __call__(self, connection: HTTPConnection) -> User:
        guard, scope = _guard(connection), connection.scope
        return (guard.recall(scope) or await guard.admit(scope)).user


class _CurrentSession(SecurityBase):
    """Return the session of the signed-in user; 401 without one."""

    model, scheme_name = SESSION_COOKIE, STRICT

    async def __call__(self, connection: HTTPConnection) -> Session:
        guard, scope = _guard(connection), connection.scope
        return (guard.recall(scope) or await guard.admit(scope)).session


class _OptionalUser(SecurityBase):
    """Return the signed-in user, or None.

    A GET or HEAD without the header X-Authingo-Client gets None, even with a session: so
    somebody can open the page in a browser, which cannot send the header by itself. An
    expired session is still a 401 `session_expired`: the client refreshes and asks again,
    instead of showing the page of a stranger.
    """

    model, scheme_name = SESSION_COOKIE, OPTIONAL

    async def __call__(self, connection: HTTPConnection) -> User | None:
        guard, scope = _guard(connection), connection.scope
        if scope.get("method") in PAGES and not header_values(scope, CLIENT_HEADER):
            return None
        try:
            return (guard.recall(scope) or await guard.admit(scope)).user
        except NoSession:
            return None


class _PageUser(SecurityBase):
    """Return the signed-in user, letting GET and HEAD come without X-Authingo-Client."""

    model, scheme_name = SESSION_COOKIE, PAGE

    async def __call__(self, connection: HTTPConnection) -> User:
        guard, scope = _guard(connection), connection.scope
        return (guard.recall(scope, PAGES) or await guard.admit(scope, PAGES)).user


current_user = _CurrentUser()
current_session = _CurrentSession()
optional_user = _OptionalUser()
page_user = _PageUser()

_NEED_HEADER = {current_user, current_session, optional_user}

CurrentUser = Annotated[User, Depends(current_user)]
CurrentSession = Annotated[Session, Depends(current_session)]
OptionalUser = Annotated[User | None, Depends(optional_user)]
PageUser = Annotated[User, Depends(page_user)]


def demands_header(dependant: Any, overrides: dict[Any, Any]) -> bool:
    """Tell whether a FastAPI route's dependencies hold a strict guard that no test replaced."""
    return any(
        inner.call not in overrides
        and (inner.call in _NEED_HEADER or demands_header(inner, overrides))
        for inner in dependant.dependencies
    )


class Required:
    """Any ASGI application behind a live session; `Auth.require` makes it."""

    def __init__(self, auth: "Auth", app: "ASGIApp", *, client_header: bool) -> None:
        self._auth = auth
        self._app = app
        self._guard = Guard(auth)
        self._waived_for = () if client_header else PAGES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through with `scope["authingo"]` set, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        try:
            admitted = self._guard.recall(scope, self._waived_for)
            if admitted is None:
                admitted = await self._guard.admit(scope, self._waived_for)
        except AuthError as error:
            await error_reply(error).send(send)
            return
        await self._app({**scope, "authingo": admitted}, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WatchedSocket(receive, send)
        try:
            admitted = await self._guard.admit({**scope, WATCHED: socket})
        except AuthError:
            await send({"type": "websocket.close", "code": 1008})  # before acceptance: a 403
            return
        async with socket.open():
            await self._app({**scope, "authingo": admitted}, socket.receive, socket.send)
