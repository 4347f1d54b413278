"""Read header lines anywhere in a text, names and values as tools show them, and bare values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from authingo.http.cookies import KINDS

from ..browsers.headers import Exchange, ParsedCookie, is_attribute, of_request, of_response

_LONGEST_BARE = 64 * 1024  # characters of a header without its name, or of a value
# The pane of headers in Chrome puts the value on the line below the name.
_HEADER = re.compile(
    r"^[ \t]*+(?:[<>*][ \t]++)?(?P<name>set-cookie|cookie)"
    r"(?:[ \t]*+:[ \t]*+|(?:[ \t]*+\r?\n[ \t]*+|[ \t]++)(?=[^\s=;:,\"]{1,300}=))"
    r"(?P<value>[^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(
    r"^[ \t]*+(?:Request[ \t]++)?(?P<name>:authority|:scheme|:path|URL)"
    r"[ \t]*+:?[ \t]*+(?:\r?\n[ \t]*+)?(?P<value>[^\s]{1,2000})",
    re.IGNORECASE | re.MULTILINE,
)
# A row or an entry of a list with only a name and a value: name<Tab>value, name: "value".
_PAIR = re.compile(
    rf"^[ \t]*(?P<name>[^\s=;:\"]{{1,100}}_(?:{'|'.join(KINDS)}))"
    r"(?:\t|[ \t]*:[ \t]*)(?P<quote>\"?)(?P<value>[^\s\";]{0,4096})(?P=quote)[ \t]*\r?$",
    re.MULTILINE | re.IGNORECASE,
)


def headers(text: str) -> Iterator[ParsedCookie]:
    """Read the lines that are called Cookie or Set-Cookie."""
    exchange: Exchange | None = None
    for line in _HEADER.finditer(text):
        exchange = exchange or Exchange(url=_address(text))
        if line["name"].lower() == "cookie":
            yield from of_request(line["value"], exchange)
        else:
            yield of_response(line["value"], exchange)


def _address(text: str) -> str | None:
    """Return the address of the request, if the pane of headers was copied as a whole."""
    found: dict[str, str] = {}
    for part in _ADDRESS.finditer(text):
        found.setdefault(part["name"].lower(), part["value"])
    if found.get("url", "").startswith(("http://", "https://")):
        return found["url"]
    if ":authority" not in found:
        return None
    scheme = f"{found[':scheme']}:" if ":scheme" in found else ""
    return f"{scheme}//{found[':authority']}{found.get(':path', '/')}"


def pairs(text: str) -> Iterator[ParsedCookie]:
    """Read lines that have one name and its value each."""
    for pair in _PAIR.finditer(text):
        yield ParsedCookie(pair["name"], pair["value"])


def bare(text: str) -> Iterator[ParsedCookie]:
    """Read a header without its name, or nothing but a value."""
    text = text.strip()
    lines = [line for line in text[: _LONGEST_BARE + 1].split("\n") if line.strip()]
    if not lines or len(text) > _LONGEST_BARE:
        return
    if all("=" in line.rstrip("= \r\t") for line in lines):
        later = (part for line in lines for part in line.split(";")[1:])
        response = any(is_attribute(part.strip().partition("=")[0]) for part in later)
        for line in lines:
            if response:
                yield of_response(line.strip(), Exchange())
            else:
                yield from of_request(line.strip(), Exchange())
    elif len(lines) == 1 and not re.search(r"\s", text):
        yield ParsedCookie("", text)
