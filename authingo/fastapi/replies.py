"""Answers: JSON, headers, and how an error becomes one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any

import msgspec

from authingo.errors import (
    AuthError,
    BodyTooLarge,
    Busy,
    InvalidInput,
    MethodNotAllowed,
    RequestTimeout,
    StoreUnavailable,
    TooManyRequests,
    UserReferenced,
)

# On every answer: kept by no cache (ASVS 5.0 V14.2.2, V14.3.2), taken for nothing but JSON, and
# nothing at all where a browser shows it as a page (V3.2.1, V3.4.3 to V3.4.6).
_ALWAYS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@lru_cache(maxsize=1024)
def _headers_for(length: int) -> tuple[tuple[bytes, bytes], ...]:
    """Return what is on every answer of this length, one for all of them: they are kept."""
    return (*_ALWAYS, (b"content-length", b"%d" % length))


class Prepared(msgspec.Struct, frozen=True):
    """An answer that is ready to be sent, any number of times."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def start(self) -> dict[str, Any]:
        """Return the first message. Made anew: middleware around may change what it is given."""
        headers = [*self.headers]
        return {"type": "http.response.start", "status": self.status, "headers": headers}

    def end(self) -> dict[str, Any]:
        """Return the second message, and last."""
        return {"type": "http.response.body", "body": self.body}

    async def send(self, send: Send) -> None:
        """Send it."""
        await send(self.start())
        await send(self.end())


class Reply(msgspec.Struct, frozen=True):
    """A JSON answer, with the cookies it sets."""

    value: object
    status: int = 200
    cookies: tuple[str, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def prepare(self) -> Prepared:
        """Turn it into what is sent."""
        body = msgspec.json.encode(self.value)
        headers = (*_headers_for(len(body)), *self.headers)
        if self.cookies:
            cookies = ((b"set-cookie", cookie.encode("latin-1")) for cookie in self.cookies)
            headers = (*headers, *cookies)
        return Prepared(self.status, headers, body)

    async def send(self, send: Send) -> None:
        """Send it."""
        await self.prepare().send(send)


def error_reply(error: AuthError) -> Reply:
    """Turn any error into its answer: the one place that does.

    What a database said, and what to do about it, stays in the log: both can name hosts, users
    and files (ASVS 5.0 V13.4.6, V16.5.1). Only what holds for every database of that kind of
    error is passed on, such as that `authingo migrate` has not run.
    """
    names_database = isinstance(error, StoreUnavailable | UserReferenced)
    message = type(error)().message if names_database else error.message
    value: dict[str, object] = {"code": error.code, "message": message}
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, InvalidInput):
        value["fields"] = error.fields
    elif isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    elif isinstance(error, TooManyRequests | Busy | StoreUnavailable):
        headers.append((b"retry-after", str(error.retry_after).encode()))
        if isinstance(error, StoreUnavailable) and (hint := type(error).hint):
            value["message"] = f"{message[:-1]}: {hint}."
    elif isinstance(error, BodyTooLarge | RequestTimeout):
        headers.append((b"connection", b"close"))  # the rest of the body is not awaited
    return Reply(value, error.status, headers=tuple(headers))
