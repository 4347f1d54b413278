"""HAR: what the network panel of a browser recorded (HTTP Archive 1.2).

Chrome writes all Set-Cookie headers of a response as one, with line feeds in
between; Firefox writes one each; both repeat them in `cookies`. A sanitized
export has neither, or values that were blacked out.

msgspec reads it into the few fields named here and steps over the rest, bodies
included, without making objects of it (CWE-770).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from authingo.errors import UsageError

from .headers import Attributes, Exchange, Given, of_request, of_response

_MOST_OBJECTS = 2_000_000  # 400 MB at the worst; what browsers write has a tenth of that
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ATTRIBUTES = {
    "path": "Path",
    "domain": "Domain",
    "expires": "Expires",
    "http_only": "HttpOnly",
    "secure": "Secure",
    "same_site": "SameSite",
}


class _Header(msgspec.Struct, frozen=True):
    name: str = ""
    value: str | None = None


class _Cookie(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    value: str | None = None
    path: str | None = None
    domain: str | None = None
    expires: str | float | None = None
    http_only: bool | None = None
    secure: bool | None = None
    same_site: str | None = None


class _Message(msgspec.Struct, frozen=True):
    url: str = ""
    headers: tuple[_Header, ...] | None = None
    cookies: tuple[_Cookie, ...] | None = None


class _Entry(msgspec.Struct, frozen=True):
    request: _Message | None = None
    response: _Message | None = None


class _Log(msgspec.Struct, frozen=True):
    entries: tuple[_Entry, ...]


class _Archive(msgspec.Struct, frozen=True):
    log: _Log


def archive(raw: bytes) -> Iterator[Given]:
    """Read a HAR file.

    Raises:
        UsageError: it is JSON, and no HAR. Nothing of it is repeated.
    """
    hint = "of JSON, a HAR file is read: what a browser's network panel exports"
    if _too_many_objects(raw):
        raise UsageError("the HAR file has too many parts", hint="export fewer requests")
    try:
        read = msgspec.json.decode(raw, type=_Archive, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise UsageError("the input looks like JSON and is not a HAR file", hint=hint) from None
    return _cookies(read)


def _too_many_objects(raw: bytes) -> bool:
    """Count before any is made; a brace in a string, such as a body, is none."""
    braces = raw.count(b"{")
    if braces > _MOST_OBJECTS:
        braces -= sum(string[0].count(b"{") for string in _STRING.finditer(raw))
    return braces > _MOST_OBJECTS


def _cookies(read: _Archive) -> Iterator[Given]:
    number = 0
    for entry in read.log.entries:
        request, response = entry.request or _Message(), entry.response or _Message()
        url = request.url if request.url.startswith(("http://", "https://")) else None
        cross_site = (
            _header(request, "sec-fetch-site") == "cross-site"
            and _header(request, "sec-fetch-mode") != "navigate"
        )
        for message, of in ((request, "cookie"), (response, "set-cookie")):
            number += 1
            yield from _of_message(message, of, Exchange(number, url, cross_site))


def _of_message(message: _Message, of: str, exchange: Exchange) -> Iterator[Given]:
    """Read the headers; only where there are none, what the browser made of them."""
    values = [header.value or "" for header in message.headers or () if header.name.lower() == of]
    for value in values:
        if of == "cookie":
            yield from of_request(value, exchange)
        else:
            for line in value.split("\n"):
                yield of_response(line, exchange)
    for cookie in () if values else message.cookies or ():
        if of == "cookie":
            yield Given(cookie.name, cookie.value or "", exchange=exchange)
        else:
            yield _parsed(cookie, exchange)


def _parsed(cookie: _Cookie, exchange: Exchange) -> Given:
    attributes: Attributes = {}
    told = set()
    for key, name in _ATTRIBUTES.items():
        value = getattr(cookie, key)
        if value is not None:
            told.add(name)
        if value is not None and value is not False and value != "":
            attributes[name] = True if value is True else str(value)
    domain = str(attributes.get("Domain", ""))
    if domain and not domain.startswith("."):
        del attributes["Domain"]  # the host, where the response named none
    return Given(
        cookie.name, cookie.value or "", attributes, told=frozenset(told), exchange=exchange
    )


def _header(message: _Message, name: str) -> str | None:
    return next((one.value for one in message.headers or () if one.name.lower() == name), None)
