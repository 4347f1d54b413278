"""Parse a Cookie header as the server does, and a Set-Cookie header as a browser does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from authingo.http.cookies import pairs

Attributes = dict[str, str | bool]

_FLAGS = {"secure", "httponly", "partitioned"}
_SPELLING = {
    "path": "Path",
    "domain": "Domain",
    "max-age": "Max-Age",
    "expires": "Expires",
    "samesite": "SameSite",
    "secure": "Secure",
    "httponly": "HttpOnly",
    "partitioned": "Partitioned",
}
EVERY_ATTRIBUTE = frozenset(_SPELLING.values())
_NOTHING: frozenset[str] = frozenset()
# By its letters alone, to recognize misspellings such as Http-Only, Max_Age and Same Site.
_MEANT = {re.sub("[^a-z]", "", key): name for key, name in _SPELLING.items()}
_LONGEST = 1024  # octets of an attribute's value; a browser ignores a longer one
_PART = re.compile("[^;]+")


@dataclass(frozen=True, slots=True)
class Exchange:
    """The request or the response that a cookie was in, as far as the input shows it.

    Args:
        number: distinguishes it from others of the same input.
        url: the address of the request.
        cross_site: whether a page of another site sent the request, without navigating there.
    """

    number: int = 0
    url: str | None = None
    cross_site: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class ParsedCookie:
    """One cookie as it was given.

    Args:
        attributes: None if the source shows none.
        told: the attributes that the source would show if the cookie had them.
        misspelled: those in a spelling that no browser knows.
        host: the host that it belongs to, if it is from the store of a browser or of curl;
            empty if the store does not say, and None if it is from a header.
    """

    name: str
    value: str
    attributes: Attributes | None = None
    told: frozenset[str] = _NOTHING
    misspelled: tuple[str, ...] = ()
    exchange: Exchange = Exchange()
    host: str | None = None

    @property
    def stored(self) -> bool:
        """Whether it is from a store of cookies, not from a request or a response."""
        return self.host is not None


def of_request(header: str, exchange: Exchange) -> Iterator[ParsedCookie]:
    """Read the value of a Cookie header exactly as the server does.

    It reads one part at a time, so that a header of fifty megabytes is not copied into a list.
    """
    for part in _PART.finditer(header):
        for name, value in pairs([(b"cookie", part[0].encode("latin-1", "replace"))]):
            yield ParsedCookie(name, value, exchange=exchange)


def of_response(header: str, exchange: Exchange) -> ParsedCookie:
    """Read the value of a Set-Cookie header as a browser does.

    If an attribute comes twice, the last one counts. An unknown or overlong one is ignored.
    A cookie without `=` is a value without a name
    (draft-ietf-httpbis-rfc6265bis, "The Set-Cookie Header Field").
    """
    first, _, rest = header.partition(";")
    name, equals, value = first.partition("=")
    if not equals:
        name, value = "", first
    attributes: Attributes = {}
    misspelled = []
    for part in _PART.finditer(rest, 0, 16 * _LONGEST):
        key, _, content = part[0].strip(" \t").partition("=")
        key = key.rstrip(" \t").lower()
        known = _SPELLING.get(key)
        if known is None:
            meant = _MEANT.get(re.sub("[^a-z]", "", key))
            misspelled += [meant] if meant and meant not in misspelled else []
        elif len(content) <= _LONGEST:
            attributes[known] = True if key in _FLAGS else content.strip(" \t")
    return ParsedCookie(
        name.strip(" \t"),
        value.strip(" \t"),
        attributes,
        told=EVERY_ATTRIBUTE,
        misspelled=tuple(misspelled),
        exchange=exchange,
    )


def is_attribute(name: str) -> bool:
    """Return whether this is the name of a cookie's attribute."""
    return name.lower() in _SPELLING
