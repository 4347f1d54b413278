"""Read HAR files: what the network panel of a browser recorded (HTTP Archive 1.2).

Chrome writes all Set-Cookie headers of a response as one, with line feeds in
between; Firefox writes one each; both repeat them in `cookies`. A sanitized
export has neither, or values that were blacked out.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..browsers.headers import Attributes, Exchange, ParsedCookie, of_request, of_response

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


class Log(msgspec.Struct, frozen=True):
    """What a HAR file holds."""

    entries: tuple[_Entry, ...]


def recorded(log: Log) -> Iterator[ParsedCookie]:
    """Return the cookies of every request and response."""
    number = 0
    for entry in log.entries:
        request, response = entry.request or _Message(), entry.response or _Message()
        url = request.url if request.url.startswith(("http://", "https://")) else None
        cross_site = (
            _header(request, "sec-fetch-site") == "cross-site"
            and _header(request, "sec-fetch-mode") != "navigate"
        )
        for message, of in ((request, "cookie"), (response, "set-cookie")):
            number += 1
            yield from _of_message(message, of, Exchange(number, url, cross_site))


def _of_message(message: _Message, of: str, exchange: Exchange) -> Iterator[ParsedCookie]:
    """Read the headers or, only if there are none, the cookies that the browser made of them."""
    values = [header.value or "" for header in message.headers or () if header.name.lower() == of]
    for value in values:
        if of == "cookie":
            yield from of_request(value, exchange)
        else:
            for line in value.split("\n"):
                yield of_response(line, exchange)
    for cookie in () if values else message.cookies or ():
        if of == "cookie":
            yield ParsedCookie(cookie.name, cookie.value or "", exchange=exchange)
        else:
            yield _parsed(cookie, exchange)


def _parsed(cookie: _Cookie, exchange: Exchange) -> ParsedCookie:
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
        del attributes["Domain"]  # it is the host, because the response named no Domain
    return ParsedCookie(
        cookie.name, cookie.value or "", attributes, told=frozenset(told), exchange=exchange
    )


def _header(message: _Message, name: str) -> str | None:
    return next((one.value for one in message.headers or () if one.name.lower() == name), None)
