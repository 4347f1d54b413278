"""Read what browsers' tools copy as fetch. Only the form for Node.js has the cookies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..browsers.headers import Exchange, ParsedCookie, of_request

WITHOUT = (
    "a browser adds the cookies of a fetch by itself, so this form has none: "
    "choose Copy as fetch (Node.js), or Copy as cURL"
)

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_CALL = re.compile(r"\bfetch\s{0,9}\(\s{0,99}[\"'`]")
_PART = re.compile(
    rf"\bfetch\s{{0,9}}\(\s{{0,99}}(?P<url>{_STRING})|\"cookie\"\s{{0,99}}:\s{{0,99}}(?P<cookie>{_STRING})",
    re.IGNORECASE | re.DOTALL,
)


def is_call(text: str) -> bool:
    """Tell whether there is a call of fetch."""
    return _CALL.search(text) is not None


def calls(text: str) -> Iterator[ParsedCookie]:
    """Read the cookies among the headers of calls of fetch."""
    number, url = 0, None
    for part in _PART.finditer(text):
        if part["url"]:
            number, url = number + 1, _string(part["url"])
        elif header := _string(part["cookie"]):
            yield from of_request(header, Exchange(number, url))


def _string(literal: str) -> str | None:
    try:
        read = json.loads(literal, strict=False)
    except ValueError:
        return None
    return read if isinstance(read, str) else None
