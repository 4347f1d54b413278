"""The routes as a plain ASGI application.

It does not use FastAPI's routing and validation. They redirect a path with a trailing slash to
whatever Host the request names, repeat a bad body in their error, and do not limit its size. Here
the checks always run in the same order, whatever the application around them does: size of the
headers, path, method, client header, origin, media type, size of the body, JSON, fields, and then
what the route checks.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from authingo.asgi import Receive, Scope, Send
from authingo.errors import (
    AuthError,
    HeadersTooLarge,
    MethodNotAllowed,
    NotFound,
    Refused,
    StoreUnavailable,
)
from authingo.http.bodies import ClientGone, read_body, while_listening
from authingo.http.clients import ClientReader
from authingo.http.cookies import Cookies
from authingo.http.dropped_cookies import DroppedCookies
from authingo.http.headers import are_too_large, combined, small_cookie_header
from authingo.http.origin import OriginCheck
from authingo.http.paths import path_below
from authingo.http.proxy_reports import ProxyReports
from authingo.http.replies import Answer, Prepared, error_reply, refuse_other
from authingo.http.requests import Request, SessionReplies, session_reply
from authingo.http.routes import routes_under

if TYPE_CHECKING:
    from authingo.auth import Auth

_log = logging.getLogger("authingo")


def _outcome_of(error: AuthError) -> str:
    """Return the code of an error, but none of the application's own: there may be very many."""
    return Refused.code if isinstance(error, Refused) else error.code


class Handler:
    """Answers every request below the base path, even if no route matches."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._check = OriginCheck(auth.settings)
        self._cookies = Cookies(auth.settings)
        self._find_session = self._cookies.session.find
        self._measures = auth.measures
        self._recall = self._measures.answering(auth.recall)
        self._remembers = bool(auth.settings.sessions.cache)
        self._replies = None if self._remembers else SessionReplies()
        self._clients = ClientReader(auth.settings)
        self._proxies = ProxyReports(self._clients)
        self._dropped_cookies = DroppedCookies(auth.settings)
        self._routes = routes_under(auth.settings)

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, path: str | None = None
    ) -> None:
        """Answer, as an ASGI application of its own or a mounted one, or as a part of another.

        Args:
            scope: of the request.
            receive: see ASGI.
            send: see ASGI.
            path: the path below the base path; by default, what follows `root_path`.
        """
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        if path is None:
            path = path_below(scope) if scope.get("root_path") else scope["path"]
        # A check whose answer is in memory skips the steps below. It is sent from here, and not
        # by `reply.send`, because each call takes a noticeable part of the time.
        if path == "/session" and scope["method"] == "GET" and self._remembers:
            cookies = small_cookie_header(scope)
            known = self._recall(self._find_session(cookies)) if cookies else None
            if known is not None:
                reply: Prepared | None = known.reply
                if reply is None:
                    reply = known.reply = session_reply(known.user_and_session).prepare()
                headers = [*reply.headers]
                await send(
                    {"type": "http.response.start", "status": reply.status, "headers": headers}
                )
                await send({"type": "http.response.body", "body": reply.body})
                return
        await self._answer(path, scope, receive, send)

    async def _answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        outcome = "internal_error"
        try:
            reply: Answer = await self._reply(path, scope, receive)
            outcome = "ok"
        except ClientGone:
            outcome = "client_gone"
            return
        except AuthError as error:
            if isinstance(error, StoreUnavailable):
                _log.warning("%s", error.explained)
            reply, outcome = error_reply(error), _outcome_of(error)
        finally:
            if self._measures.on:
                self._measures.answered(scope["method"], path, outcome, self._routes.named)
        await self._proxies.record(self._auth.store)
        await reply.send(send)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open and close the store with a server that runs only this application.

        Refuse any other scope.
        """
        if scope["type"] != "lifespan":
            await refuse_other(scope, send)
            return
        await receive()
        async with self._auth.lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, path: str, scope: Scope, receive: Receive) -> Answer:
        if are_too_large(scope):
            raise HeadersTooLarge
        methods, parameters = self._routes.at(path)
        if not methods:
            raise NotFound
        route = methods.get(scope["method"])
        if route is None:
            if scope["method"] == "OPTIONS":
                self._check.report_preflight(combined(scope))
            raise MethodNotAllowed(allow=", ".join(methods))
        body = None
        if route.checked:
            self._check.check(scope, combined(scope))
            body = await read_body(scope, receive, route.body)
        request = Request(
            scope,
            body,
            self._cookies,
            self._clients,
            self._proxies,
            self._dropped_cookies,
            self._replies,
            parameters,
        )
        if route.recent:
            await self._auth.require_recent(request.session_token)
        answering = route.handle(self._auth, request)
        return await (while_listening(answering, receive) if route.hashes else answering)
