"""The routes as a plain ASGI application.

It does not go through FastAPI's routing and validation: those redirect a
trailing slash to whatever Host was sent, repeat a bad body in their error, and
set no bound on it. Here the checks come in one order, whatever the host
application does around them: path, method, client header, origin, media type,
size, JSON, fields, and then what the route decides.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from authingo.cookies import Cookies
from authingo.errors import AuthError, MethodNotAllowed, NotFound, StoreUnavailable
from authingo.fastapi.bodies import ClientGone, Receive, read_strings, while_listening
from authingo.fastapi.clients import ClientReader
from authingo.fastapi.dropped_cookies import DroppedCookies
from authingo.fastapi.headers import Scope, combined, cookie_header
from authingo.fastapi.origin import OriginCheck
from authingo.fastapi.paths import path_below
from authingo.fastapi.replies import Prepared, Reply, Send, error_reply
from authingo.fastapi.routes import ROUTES, SESSION_PATH, Request, prepared

if TYPE_CHECKING:
    from authingo.auth import Auth

_SESSION_PATH = re.compile(r"/sessions/(ses_[0-9a-v]{26})", re.ASCII)
_log = logging.getLogger("authingo")


class Handler:
    """Answers every request below the base path, also those it has no route for."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._check = OriginCheck(auth.settings)
        self._cookies = Cookies(auth.settings)
        self._find_session = self._cookies.session.find
        self._recall = auth.recall
        self._remembers = bool(auth.settings.sessions.cache)
        self._clients = ClientReader(auth.settings)
        self._dropped_cookies = DroppedCookies(auth.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve alone or mounted: what follows `root_path` is the path."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        path = path_below(scope) if scope.get("root_path") else scope["path"]
        known = self._remembered(path, scope)
        if known is None:
            await self._answer(path, scope, receive, send)
        else:  # sent here: what is served alone is spared a coroutine
            await send(known.start())
            await send(known.end())

    def answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer an HTTP request for a path below the base path."""
        known = self._remembered(path, scope)
        return self._answer(path, scope, receive, send) if known is None else known.send(send)

    def _remembered(self, path: str, scope: Scope) -> Prepared | None:
        """Return the answer of a session check without any of what follows, where it is known."""
        if path != "/session" or scope["method"] != "GET" or not self._remembers:
            return None
        known = self._recall(self._find_session(cookie_header(scope)))
        if known is None:
            return None
        reply: Prepared | None = known.reply
        if reply is None:
            reply = known.reply = prepared(known.resumed)
        return reply

    async def _answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._reply(path, scope, receive)
        except ClientGone:
            return
        except StoreUnavailable as error:
            _log.warning("%s", error.explained)
            reply = error_reply(error)
        except AuthError as error:
            reply = error_reply(error)
        await reply.send(send)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a WebSocket; hold the store open while a server runs that serves this alone."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["type"] == "lifespan":
            await receive()
            async with self._auth.lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, path: str, scope: Scope, receive: Receive) -> Reply | Prepared:
        pattern, session_id = _matched(path)
        methods = ROUTES.get(pattern)
        if methods is None:
            raise NotFound
        route = methods.get(scope["method"])
        if route is None:
            if scope["method"] == "OPTIONS":
                self._check.report_preflight(combined(scope))
            raise MethodNotAllowed(allow=", ".join(methods))
        body: dict[str, str] = {}
        if route.checked:
            self._check.check(scope, combined(scope))
            body = await read_strings(scope, receive, route.fields)
        request = Request(
            scope, body, self._cookies, self._clients, self._dropped_cookies, session_id
        )
        answering = route.handle(self._auth, request)
        return await (while_listening(answering, receive) if route.hashes else answering)


def _matched(path: str) -> tuple[str, str]:
    """Return the path as `ROUTES` has it, and the id of a session in it."""
    if path in ROUTES and path != SESSION_PATH:
        return path, ""
    match = _SESSION_PATH.fullmatch(path)
    return (SESSION_PATH, match[1]) if match else ("", "")
