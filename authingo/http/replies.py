"""Answers: JSON, pages and redirects, their headers, and how an error becomes one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from authingo.asgi import Scope, Send
from authingo.errors import (
    AuthError,
    BodyTooLarge,
    Busy,
    InvalidInput,
    MethodNotAllowed,
    ReauthenticationRequired,
    RequestTimeout,
    StoreUnavailable,
    TooManyRequests,
    UserReferenced,
)

NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# On every answer: no caching (ASVS 5.0 V14.2.2, V14.3.2), and no guessing of the media type
# (V3.2.1).
_ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
# If a browser shows an answer as a page, that page may not load or do anything (V3.4.3 to V3.4.6).
_JSON = (
    (b"content-type", b"application/json"),
    *_ALWAYS,
    (b"content-security-policy", NOTHING_ALLOWED.encode()),
)
_LOCATION = re.compile(r"[!-~]+")  # no space, no line end, nothing beyond ASCII

POLICY_VIOLATION = 1008  # the close code of a WebSocket (RFC 6455 §7.4.1)


@lru_cache(maxsize=1024)
def _headers_for(length: int) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of every answer of this length. They are cached by length."""
    return (*_JSON, (b"content-length", b"%d" % length))


class Answer(msgspec.Struct, frozen=True):
    """The answer of a route: a Reply, a Page or a Redirect, or one of them that is prepared."""

    def prepare(self) -> Prepared:
        """Turn it into what is sent."""
        raise NotImplementedError

    async def send(self, send: Send) -> None:
        """Send it."""
        await self.prepare().send(send)


class Prepared(Answer, frozen=True):
    """An answer that is ready to be sent, any number of times."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def prepare(self) -> Prepared:
        """Return itself."""
        return self

    async def send(self, send: Send) -> None:
        """Send it, in new messages each time, because middleware may change them."""
        headers = [*self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Reply(Answer, frozen=True):
    """A JSON answer, with the cookies it sets."""

    value: object
    status: int = 200
    cookies: tuple[str, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def prepare(self) -> Prepared:
        """Turn it into what is sent."""
        body = msgspec.json.encode(self.value)
        headers = _headers_for(len(body)) + self.headers  # without more, the very same tuple
        if self.cookies:
            headers = (*headers, *_set(self.cookies))
        return Prepared(self.status, headers, body)


class Page(Answer, frozen=True, kw_only=True):
    """An HTML page, for an address that a user opens in the browser.

    Args:
        html: the whole document, with user input escaped.
        status: an error may be a page too.
        cookies: those it sets.
        policy: what the page may load and do, as a Content-Security-Policy (ASVS 5.0 V3.4.3).
        headers: more of them.
    """

    html: str
    status: int = 200
    cookies: tuple[str, ...] = ()
    policy: str = NOTHING_ALLOWED
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def prepare(self) -> Prepared:
        """Turn it into what is sent."""
        body = self.html.encode()
        headers = (
            (b"content-type", b"text/html; charset=utf-8"),
            *_ALWAYS,
            (b"content-security-policy", self.policy.encode("ascii")),
            (b"content-length", b"%d" % len(body)),
            *self.headers,
            *_set(self.cookies),
        )
        return Prepared(self.status, headers, body)


class Redirect(Answer, frozen=True, kw_only=True):
    """Send a browser to another address, by GET whatever method it used (RFC 9110 §15.4.4).

    Args:
        location: made from settings, or a path that `checked_next` has returned, and nothing else
            of the request (ASVS 5.0 V1.2.2, V3.7.2).
        cookies: those it sets.
        headers: more of them.
    """

    location: str
    cookies: tuple[str, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def prepare(self) -> Prepared:
        """Turn it into what is sent.

        Raises:
            ValueError: the location is not a URL: it has a space or a line end, or is not ASCII.
        """
        if not _LOCATION.fullmatch(self.location):
            raise ValueError("the location of a redirect must be a URL in ASCII")
        headers = (
            (b"location", self.location.encode()),
            *_ALWAYS,
            (b"content-length", b"0"),
            *self.headers,
            *_set(self.cookies),
        )
        return Prepared(303, headers, b"")


def _set(cookies: tuple[str, ...]) -> Iterator[tuple[bytes, bytes]]:
    return ((b"set-cookie", cookie.encode("latin-1")) for cookie in cookies)


async def refuse_other(scope: Scope, send: Send) -> None:
    """Refuse a scope that is not HTTP.

    A WebSocket is closed before it is accepted, so the server answers 403.

    Raises:
        NotImplementedError: for any other type. The ASGI specification ("Applications") asks for an
            exception, so that a server does not rely on a type that is not supported.
    """
    if scope["type"] != "websocket":
        raise NotImplementedError(f"authingo does not serve ASGI scopes of type {scope['type']!r}")
    await send({"type": "websocket.close", "code": POLICY_VIOLATION})


async def refuse(error: AuthError, scope: Scope, send: Send) -> None:
    """Answer with an error, or close a WebSocket before it is accepted."""
    if scope["type"] == "http":
        await error_reply(error).send(send)
    else:
        await refuse_other(scope, send)


def error_reply(error: AuthError) -> Reply:
    """Turn any error into its answer. No other place does this.

    A database's message and the hint stay in the log, since both can name hosts, users and
    files (ASVS 5.0 V13.4.6, V16.5.1). Only the general text of the error class is passed on,
    such as that `authingo migrate` has not run.
    """
    names_database = isinstance(error, StoreUnavailable | UserReferenced)
    message = type(error)().message if names_database else error.message
    value: dict[str, object] = {"code": error.code, "message": message}
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, InvalidInput):
        value["fields"] = error.fields
    elif isinstance(error, ReauthenticationRequired):
        value["methods"] = error.methods
    elif isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    elif isinstance(error, TooManyRequests | Busy | StoreUnavailable):
        headers.append((b"retry-after", str(error.retry_after).encode()))
        if isinstance(error, StoreUnavailable) and (hint := type(error).hint):
            value["message"] = f"{message[:-1]}: {hint}."
    elif isinstance(error, BodyTooLarge | RequestTimeout):
        headers.append((b"connection", b"close"))  # without waiting for the rest of the body
    return Reply(value, error.status, headers=tuple(headers))
