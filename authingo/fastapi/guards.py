"""Guards for your own routes: dependencies for FastAPI, a wrapper for any ASGI application.

    async def me(user: CurrentUser) -> ...

A guard first makes the cross-origin check of `authingo.http.origin`, then
resumes the session. `app.dependency_overrides[current_user]` replaces it in tests.
"""

# No `from __future__ import annotations`: a guard is an instance, and older FastAPI cannot resolve
# the annotations of an instance if they are text.
from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from authingo.asgi import ASGIApp, Receive, Scope, Send
from authingo.errors import (
    AuthError,
    HeadersTooLarge,
    NoSession,
    OriginNotAllowed,
    SessionExpired,
)
from authingo.fastapi.guarded_routes import (
    FORM,
    FRESH,
    OPTIONAL,
    OPTIONAL_PAGE,
    PAGE,
    SESSION_COOKIE,
    STRICT,
)
from authingo.fastapi.kept_fields import typed_fields
from authingo.fastapi.websockets import WatchedSocket
from authingo.http.clients import ClientReader
from authingo.http.cookies import Cookies
from authingo.http.dropped_cookies import DroppedCookies
from authingo.http.headers import are_too_large, combined, header_values
from authingo.http.origin import CLIENT_HEADER, PAGES, OriginCheck
from authingo.http.renewal import Renewals
from authingo.http.replies import Answer, error_reply, refuse, refuse_other
from authingo.models import P_co, Session, User, UserAndSession

if TYPE_CHECKING:
    from authingo.auth import Auth

_ADMITTED = "authingo.admitted"  # the guard, and the user it found
_PREPARED = "authingo.prepared"  # an error, and what to answer instead of JSON
GUARD = "authingo_guard"  # an attribute of the application: its `state` takes seven times as long
WATCHED = "authingo.socket"  # where `install` leaves the WatchedSocket of a WebSocket

Check = Callable[["Auth", User], None]  # raises an error if the user may not


class Guard:
    """Checks requests and their sessions by the settings of one Auth."""

    def __init__(self, auth: "Auth") -> None:
        self._auth = auth
        self.settings = auth.settings
        self._recall = auth.recall
        self._remembers = bool(auth.settings.sessions.cache)
        self.cookies = Cookies(auth.settings)
        self._cookie = self.cookies.session
        self.clients = ClientReader(auth.settings)
        self.dropped_cookies = DroppedCookies(auth.settings)
        self.origin = OriginCheck(auth.settings)
        self.renewals = Renewals(auth.settings)

    def recall(
        self, scope: Scope, waived_for: Container[str] = (), *, form: bool = False
    ) -> UserAndSession | None:
        """Return the user and session from this process's memory; None means: call `admit`.

        `waived_for`: see OriginCheck.check. A `form` has OriginCheck.check_form instead.
        The result is always None if the cache is off, and for a WebSocket, because only `admit`
        begins to watch its session.

        Raises:
            MissingClientHeader, OriginNotAllowed: before the memory is looked at.
        """
        if scope["type"] == "websocket" or not self._remembers:
            return None
        said = combined(scope)
        (self.origin.check_form if form else self.origin.check)(scope, said, waived_for)
        known = self._recall(self._cookie.find(said.get(b"cookie", b"")))
        return None if known is None else known.user_and_session

    async def admit(
        self,
        scope: Scope,
        waived_for: Container[str] = (),
        *,
        form: bool = False,
        recent: bool = False,
    ) -> UserAndSession:
        """Return the user and session, or refuse. `waived_for` and `form`: as for `recall`.

        Raises:
            MissingClientHeader, OriginNotAllowed: before the session is looked up.
            NoSession, SessionExpired, StoreUnavailable: as `Auth.resume`.
            ReauthenticationRequired: as `Auth.require_recent`, if it has to be `recent`.
        """
        said = combined(scope)
        if scope["type"] == "websocket":
            self.origin.check_websocket(scope, said)
        else:
            (self.origin.check_form if form else self.origin.check)(scope, said, waived_for)
        known: tuple[Guard, UserAndSession] | None = scope.get(_ADMITTED)
        if known is not None and known[0] is self and not recent:
            return known[1]  # several guards of one request check only once
        token = self._cookie.read(said.get(b"cookie", b""))
        ask = self._auth.require_recent if recent else self._auth.resume
        user_and_session = await ask(token)
        scope[_ADMITTED] = (self, user_and_session)
        if watched := scope.get(WATCHED):
            life = self._auth.settings.sessions.cache.total_seconds()
            watched.watch(lambda: self._auth.resume(token), at_least_every=life)
        return user_and_session

    async def admit_if(self, scope: Scope, check: Check) -> UserAndSession:
        """Do what `recall` and `admit` do, and let `check` refuse the user.

        While a WebSocket is open, it is checked again and again too.
        """
        admitted = self.recall(scope) or await self.admit(scope)
        check(self._auth, admitted.user)
        if watched := scope.get(WATCHED):
            watched.require(lambda known: check(self._auth, known.user))
        return admitted

    async def admit_page(
        self, scope: Scope, *, form: HTTPConnection | None = None
    ) -> UserAndSession:
        """Do what `admit` does, and prepare a better answer than JSON for a browser.

        `answer_for` returns it. `form`: the request, if forms are accepted.
        """
        try:
            return await self.admit(scope, PAGES, form=form is not None)
        except (NoSession, SessionExpired) as error:
            if self.renewals.answer(error, scope):
                fields = await typed_fields(form) if form else None
                scope[_PREPARED] = (error, self.renewals.answer(error, scope, fields))
            raise


def answer_for(error: AuthError, scope: Scope) -> Answer:
    """Return the answer to an error: a page or a redirect where a guard has prepared one."""
    prepared: tuple[AuthError, Answer] | None = scope.get(_PREPARED)
    return prepared[1] if prepared and prepared[0] is error else error_reply(error)


def guard_of(connection: HTTPConnection) -> Guard:
    """Return the guard of the application that a request has reached."""
    guard: Guard | None = vars(connection.app).get(GUARD)
    if guard is None:
        raise RuntimeError(
            "this application has no authingo: call auth.install(app), "
            "or auth.install(app, routes=False) for a mounted one"
        )
    return guard


# Each guard is one dependency without sub-dependencies, because FastAPI spends more time on a
# dependency than a guard needs. A guard looks into memory before it awaits anything. Guards are
# security schemes, so FastAPI puts them into its OpenAPI document. `authingo.fastapi.openapi`
# replaces their names there by one scheme with the cookie's name from the settings.


class _CurrentUser(SecurityBase):
    """Return the signed-in user; 401 without one."""

    model, scheme_name = SESSION_COOKIE, STRICT

    async def __call__(self, connection: HTTPConnection) -> User:
        guard, scope = guard_of(connection), connection.scope
        return (guard.recall(scope) or await guard.admit(scope)).user


class _CurrentSession(SecurityBase):
    """Return the session of the signed-in user; 401 without one."""

    model, scheme_name = SESSION_COOKIE, STRICT

    async def __call__(self, connection: HTTPConnection) -> Session:
        guard, scope = guard_of(connection), connection.scope
        return (guard.recall(scope) or await guard.admit(scope)).session


class _OptionalUser(SecurityBase):
    """Return the signed-in user, or None.

    A GET or HEAD without the header X-Authingo-Client gets None, even with a session, so that users
    can open the page in a browser, which cannot send the header by itself. An expired session is
    still a 401 `session_expired`: the client refreshes and asks again, instead of showing the
    signed-out page.
    """

    model, scheme_name = SESSION_COOKIE, OPTIONAL

    async def __call__(self, connection: HTTPConnection) -> User | None:
        guard, scope = guard_of(connection), connection.scope
        if scope.get("method") in PAGES and not header_values(scope, CLIENT_HEADER):
            return None
        try:
            return (guard.recall(scope) or await guard.admit(scope)).user
        except NoSession:
            return None


class _PageUser(SecurityBase):
    """Return the signed-in user; a GET or HEAD needs no X-Authingo-Client.

    A browser that opens a page gets no JSON without a session: an expired one is renewed, or it is
    sent to the sign-in page. See `authingo.http.renewal`.
    """

    model, scheme_name = SESSION_COOKIE, PAGE

    async def __call__(self, connection: HTTPConnection) -> User:
        guard, scope = guard_of(connection), connection.scope
        return (guard.recall(scope, PAGES) or await guard.admit_page(scope)).user


class _OptionalPageUser(SecurityBase):
    """Return the signed-in user, or None; a GET or HEAD needs no X-Authingo-Client.

    An expired session is renewed as by `PageUser`, and only if that fails is it None. A GET or HEAD
    that a page of another site makes for itself, such as for a frame, gets None too.
    """

    model, scheme_name = SESSION_COOKIE, OPTIONAL_PAGE

    async def __call__(self, connection: HTTPConnection) -> User | None:
        guard, scope = guard_of(connection), connection.scope
        try:
            return (guard.recall(scope, PAGES) or await guard.admit_page(scope)).user
        except NoSession:
            return None
        except SessionExpired:
            if scope["type"] == "http" and guard.renewals.has_failed(scope):
                return None
            raise
        except OriginNotAllowed:
            if scope.get("method") in PAGES:
                return None
            raise


class _FormUser(SecurityBase):
    """Return the signed-in user; a form of one of this server's own pages needs no client header.

    See `OriginCheck.check_form`. A GET or HEAD is treated as by `PageUser`.
    """

    model, scheme_name = SESSION_COOKIE, FORM

    async def __call__(self, connection: HTTPConnection) -> User:
        guard, scope = guard_of(connection), connection.scope
        known = guard.recall(scope, PAGES, form=True)
        return (known or await guard.admit_page(scope, form=connection)).user


async def own_form(connection: HTTPConnection) -> None:
    """Refuse a form that does not come from one of this server's own pages; it needs no session.

    For the forms of people who are not signed in yet: `dependencies=[Depends(own_form)]`. Without
    it, another site could sign a browser in to an account of its own (login CSRF).

    Raises:
        OriginNotAllowed: as `OriginCheck.check_form`, and `check_websocket` for a WebSocket.
    """
    scope, origin = connection.scope, guard_of(connection).origin
    if scope["type"] == "websocket":
        origin.check_websocket(scope, combined(scope))
    else:
        origin.check_form(scope, combined(scope), PAGES)


class _FreshUser(SecurityBase):
    """Return the signed-in user, if they have authenticated recently; see `Auth.require_recent`.

    It never looks into memory.
    """

    model, scheme_name = SESSION_COOKIE, FRESH

    async def __call__(self, connection: HTTPConnection) -> User:
        return (await guard_of(connection).admit(connection.scope, recent=True)).user


current_user = _CurrentUser()
current_session = _CurrentSession()
optional_user = _OptionalUser()
page_user = _PageUser()
optional_page_user = _OptionalPageUser()
form_user = _FormUser()
fresh_user = _FreshUser()

# `CurrentUser[Profile]` has the type of your own fields, too.
CurrentUser = Annotated[User[P_co], Depends(current_user)]
CurrentSession = Annotated[Session, Depends(current_session)]
OptionalUser = Annotated[User[P_co] | None, Depends(optional_user)]
PageUser = Annotated[User[P_co], Depends(page_user)]
OptionalPageUser = Annotated[User[P_co] | None, Depends(optional_page_user)]
FormUser = Annotated[User[P_co], Depends(form_user)]
FreshUser = Annotated[User[P_co], Depends(fresh_user)]


class Required:
    """Lets only requests with an active session reach an ASGI application; see `Auth.require`."""

    def __init__(self, auth: "Auth", app: "ASGIApp", *, client_header: bool) -> None:
        self._auth = auth
        self._app = app
        self._guard = Guard(auth)
        self._client_header = client_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on with `scope["authingo"]` set, or refuse it."""
        if scope["type"] in {"http", "websocket"} and are_too_large(scope):
            await refuse(HeadersTooLarge(), scope, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await refuse_other(scope, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._client_header:
                admitted = self._guard.recall(scope) or await self._guard.admit(scope)
            else:
                known = self._guard.recall(scope, PAGES)
                admitted = known or await self._guard.admit_page(scope)
        except AuthError as error:
            await answer_for(error, scope).send(send)
            return
        await self._app({**scope, "authingo": admitted}, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WatchedSocket(receive, send)
        try:
            admitted = await self._guard.admit({**scope, WATCHED: socket})
        except AuthError as error:
            await refuse(error, scope, send)
            return
        async with socket.open():
            await self._app({**scope, "authingo": admitted}, socket.receive, socket.send)
