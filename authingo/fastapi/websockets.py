"""A WebSocket outlives the request that opened it, so its session is checked again and again.

While a watched socket is open, its session is checked every `INTERVAL`, or every
`sessions.cache` if that is shorter. When the session is over, the socket closes with 4401 and
the application sees a disconnect. It closes with 4403 if the user has lost a role that the guard
asks for. If the store does not answer twice in a row, the socket
closes with 1013 (try again later), because the session may be over; after any other error it
closes at once with 1011. (ASVS 5.0 V4.4, V7.4.1, V16.5.3.)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from authingo.asgi import Receive, Send
from authingo.errors import (
    EmailNotVerified,
    Forbidden,
    NoSession,
    SessionExpired,
    StoreUnavailable,
)

INTERVAL = 10.0  # seconds between two checks of the session
SESSION_OVER = 4401  # the close code of a session that ended
FORBIDDEN = 4403  # the user may not use the socket any more
TRY_AGAIN = 1013  # RFC 6455 registry: Try Again Later
INTERNAL_ERROR = 1011  # RFC 6455 §7.4.1

Check = Callable[[], Awaitable[object]]

_log = logging.getLogger("authingo")


class WatchedSocket:
    """Stands between an application and a WebSocket, and closes it when the session ends."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watch: asyncio.Task[None] | None = None
        self._requirements: list[Callable[[Any], None]] = []

    def watch(self, check: Check, *, at_least_every: float) -> None:
        """Begin to check the session; `check` raises when it is over.

        `at_least_every` is in seconds; 0 means `INTERVAL`.
        """
        if self._watch is None:
            interval = min(INTERVAL, at_least_every or INTERVAL)
            self._watch = asyncio.create_task(self._look(check, interval))

    def require(self, requirement: Callable[[Any], None]) -> None:
        """Check something else each time: it gets what `check` returned, and raises AuthError."""
        self._requirements.append(requirement)

    async def receive(self) -> MutableMapping[str, Any]:
        """Receive the next message, or a disconnect once the session is over."""
        incoming = asyncio.ensure_future(self._receive())
        try:
            either: set[asyncio.Future[Any]] = {incoming, self._over}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not incoming.done():
                incoming.cancel()
        if self._over.done():
            return {"type": "websocket.disconnect", "code": self._over.result()}
        return incoming.result()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send a message, unless the session is over; then nothing more is sent."""
        if not self._over.done():
            await self._send(message)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Stop watching when the application is done with the socket."""
        try:
            yield
        finally:
            if self._watch is not None:
                self._watch.cancel()

    async def _look(self, check: Check, interval: float) -> None:
        unanswered = 0
        code = SESSION_OVER
        while not self._over.done():
            await asyncio.sleep(interval)
            try:
                found = await check()
                for requirement in self._requirements:
                    requirement(found)
                unanswered = 0
            except (NoSession, SessionExpired):
                break
            except (Forbidden, EmailNotVerified):
                code = FORBIDDEN
                break
            except StoreUnavailable:
                unanswered += 1
                if unanswered > 1:
                    code = TRY_AGAIN
                    break
            except Exception:  # noqa: BLE001 - an unwatched socket must not stay open
                _log.exception("the session of a WebSocket could not be checked")
                code = INTERNAL_ERROR
                break
        self._over.set_result(code)
        with contextlib.suppress(OSError, RuntimeError):  # the client may have gone by itself
            await self._send({"type": "websocket.close", "code": code})
