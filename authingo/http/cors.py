"""CORS for `trusted_origins` only, on every answer, errors included.

No wildcard, no reflection: an origin is answered because it is listed (ASVS 5.0
V3.4.2). It wraps the whole application from outside, because a layer inside would
miss the answers that a failing application gives, and a browser would report a
CORS error in place of a 500.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from authingo.asgi import ASGIApp, Receive, Scope, Send
from authingo.config import Settings
from authingo.http.headers import are_too_large, header_values

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_MAX_AGE = b"600"  # seconds a browser may remember a preflight


def with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Wrap an application if there are trusted origins."""
    return CORS(app, settings) if settings.trusted_origins else app


class CORS:
    """An ASGI wrapper."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._trusted = frozenset(origin.encode() for origin in settings.trusted_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight of a trusted origin; mark every other answer for its origin."""
        if scope["type"] != "http" or scope.get("authingo.cors"):
            await self._app(scope, receive, send)
            return
        scope["authingo.cors"] = True  # a mounted application must not say it again
        origins = header_values(scope, b"origin")
        trusted = len(origins) == 1 and origins[0] in self._trusted
        allowed = [(b"vary", b"Origin")]
        if trusted:
            allowed.append((b"access-control-allow-origin", origins[0]))
            allowed.append((b"access-control-allow-credentials", b"true"))
            allowed.append((b"access-control-expose-headers", b"Retry-After"))
        if trusted and self._is_preflight(scope) and not are_too_large(scope):
            await send(
                {
                    "type": "http.response.start",
                    "status": 204,
                    "headers": [*allowed, *self._permissions(scope)],
                }
            )
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_marked(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *allowed]}
            await send(message)

        await self._app(scope, receive, send_marked)

    @staticmethod
    def _is_preflight(scope: Scope) -> bool:
        asks = header_values(scope, b"access-control-request-method")
        return scope["method"] == "OPTIONS" and bool(asks)

    @staticmethod
    def _permissions(scope: Scope) -> list[tuple[bytes, bytes]]:
        # A trusted origin may send what the host application understands: its
        # headers are named by the browser, which asks for this very request.
        asked = b", ".join(header_values(scope, b"access-control-request-headers"))
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", asked or b"X-Authingo-Client"),
            (b"access-control-max-age", _MAX_AGE),
            (b"vary", b"Access-Control-Request-Headers"),
        ]
