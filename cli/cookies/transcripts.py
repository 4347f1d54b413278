"""Read what curl prints: the responses with `-i`, and the requests too with `-v`.

A body is not a header: a page that explains Set-Cookie sets no cookie. So with `-i` (and HTTPie,
and what browsers' tools copy) only the lines between a start line and the next empty line count.
With `-v` only those that curl marks with < or > count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..browsers.headers import Exchange, ParsedCookie, of_request, of_response

_LINE = re.compile(
    r"^[ \t]*(?:[<>*][ \t]+)?(?P<name>set-cookie|cookie)[ \t]*:[ \t]*(?P<value>[^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
# Also in the middle of a line, since a body may have no line end before the next response.
_START = re.compile(
    r"HTTP/\d(?:\.\d)? \d{3}(?: [^\r\n]{0,60})?\r?\n(?=[A-Za-z0-9-]+:)"
    r"|^(?P<method>[A-Z]{3,7}) (?P<target>\S{1,2000}) HTTP/\d[^\r\n]*\r?\n",
    re.MULTILINE,
)
_END = re.compile(r"\r?\n[ \t]*\r?\n")
_VERBOSE = re.compile(r"^(?:> [A-Z]{3,7} \S+ HTTP/|< HTTP/)", re.MULTILINE)
_MARKED = re.compile(
    r"^(?:> (?P<method>[A-Z]{3,7}) (?P<target>\S{1,2000}) HTTP/"
    r"|> host: *(?P<host>[^\s]{1,300})"
    r"|(?P<answer><) HTTP/"
    r"|[<>] (?P<name>set-cookie|cookie) *: *(?P<value>[^\r\n]*)"
    r"|\* (?P<tls>SSL connection using|\[HTTP/\d\] \[\d+\] OPENED stream for https:)"
    r"|\* (?P<plain>Connected to|Closing connection))",
    re.IGNORECASE | re.MULTILINE,
)
# The header that only `authingo serve` sends, on a loopback address. It is not imported from
# `authingo.cli.development`, because that would import the whole of FastAPI.
_DEVELOPMENT = re.compile(r"^x-authingo-dev-cookies:", re.IGNORECASE | re.MULTILINE)
_HOST = re.compile(r"^host: *(\S{1,300})", re.IGNORECASE | re.MULTILINE)


def is_transcript(text: str) -> bool:
    """Tell whether there is a start line of a request or of a response."""
    return bool(_VERBOSE.search(text) or _START.search(text))


def transcript(text: str) -> Iterator[ParsedCookie]:
    """Read what curl, or a tool like it, printed."""
    return _verbose(text) if _VERBOSE.search(text) else _blocks(text)


def _blocks(text: str) -> Iterator[ParsedCookie]:
    position, number = 0, 0
    url: str | None = None
    while start := _START.search(text, position):
        number += 1
        end = _END.search(text, start.end() - 1)
        position = end.end() if end else len(text)
        if start["method"]:
            host = _HOST.search(text, start.end(), position)
            # It does not show whether it was https, so nothing is said that depends on that.
            url = f"//{host[1]}{start['target']}" if host else None
        elif url is None and _DEVELOPMENT.search(text, start.end(), position):
            url = "http://localhost/"
        for line in _LINE.finditer(text, start.end(), position):
            yield from _of_line(line, Exchange(number, url))


def _verbose(text: str) -> Iterator[ParsedCookie]:
    number, encrypted = 0, False
    target = host = None
    for line in _MARKED.finditer(text):
        if line["method"]:
            number, target, host = number + 1, line["target"], None
        elif line["host"]:
            host = line["host"]
        elif line["answer"]:
            number += 1
        elif line["tls"] or line["plain"]:
            encrypted = bool(line["tls"])
        else:
            scheme = "https" if encrypted else "http"
            url = f"{scheme}://{host}{target}" if host and target else None
            yield from _of_line(line, Exchange(number, url))


def _of_line(line: re.Match[str], exchange: Exchange) -> Iterator[ParsedCookie]:
    if line["name"].lower() == "cookie":
        yield from of_request(line["value"], exchange)
    else:
        yield of_response(line["value"], exchange)
