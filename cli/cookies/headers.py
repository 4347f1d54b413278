"""One Cookie or Set-Cookie header, read as a server or a browser would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from authingo.cookies import pairs

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
# What a hand writes for it: Http-Only, Max_Age, Same Site.
_MEANT = {re.sub("[^a-z]", "", key): name for key, name in _SPELLING.items()}
_LONGEST = 1024  # octets of an attribute's value; a browser ignores a longer one
_PART = re.compile("[^;]+")


@dataclass(frozen=True, slots=True)
class Exchange:
    """The request or the response that a cookie was in, as far as the input tells.

    Args:
        number: tells it from others of the same input.
        url: what was asked for.
        cross_site: whether a page of another site asked, without navigating there.
    """

    number: int = 0
    url: str | None = None
    cross_site: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """One cookie as it was given.

    Args:
        attributes: None where the source carries none.
        told: the attributes that the source would show if the cookie had them.
        misspelled: those that it carries in a spelling that no browser knows.
        host: whose cookie it is, where it comes from a browser's or curl's store; empty if
            that does not say.
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
        """Whether it is what somebody keeps, and not what somebody was sent."""
        return self.host is not None


def of_request(header: str, exchange: Exchange) -> Iterator[Given]:
    """Read the value of a Cookie header exactly as the server does.

    A part at a time: a header of fifty megabytes is not copied into a list.
    """
    for part in _PART.finditer(header):
        for name, value in pairs([(b"cookie", part[0].encode("latin-1", "replace"))]):
            yield Given(name, value, exchange=exchange)


def of_response(header: str, exchange: Exchange) -> Given:
    """Read the value of a Set-Cookie header as a browser does.

    Of an attribute that comes twice the last counts, an unknown or overlong one
    is ignored, and what has no `=` is a value without a name
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
    return Given(
        name.strip(" \t"),
        value.strip(" \t"),
        attributes,
        told=EVERY_ATTRIBUTE,
        misspelled=tuple(misspelled),
        exchange=exchange,
    )


def is_attribute(name: str) -> bool:
    """Tell whether this is the name of a cookie's attribute."""
    return name.lower() in _SPELLING
