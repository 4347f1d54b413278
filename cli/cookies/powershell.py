"""Read what browsers' tools copy as PowerShell.

It is a session with the cookies, and Invoke-WebRequest with the address.

Chrome and Firefox write `$session.Cookies.Add((New-Object System.Net.Cookie("name",
"value", "/", "domain")))`; the path is always "/", so it says nothing. An older
Chrome has the cookies among the headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..browsers.headers import Exchange, ParsedCookie, of_request

WITHOUT = "this request sends no cookie: copy one that the browser made when signed in"

_STRING = r"""(?:"[^"`]*+(?:(?:`.|"")[^"`]*+)*+"|'[^']*+(?:''[^']*+)*+')"""
_COMMAND = re.compile(
    r"System\.Net\.Cookie\(|Invoke-WebRequest\b|Invoke-RestMethod\b|PowerShell\.Commands\.",
    re.IGNORECASE,
)
_PART = re.compile(
    rf"System\.Net\.Cookie\(\s*(?P<name>{_STRING})\s*,\s*(?P<value>{_STRING})"
    rf"|-Uri\s+(?P<url>{_STRING})"
    rf"|[\"']cookie[\"']\s*=\s*(?P<header>{_STRING})"
    r"|(?P<session>PowerShell\.Commands\.WebRequestSession)",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPE = re.compile(r"`(.)|\"\"|\$\(\[char\](\d{1,5})\)", re.DOTALL | re.IGNORECASE)
_MOST_WAITING = 1000  # cookies whose address is not known yet


def is_command(text: str) -> bool:
    """Tell whether a text is a request in PowerShell."""
    return _COMMAND.search(text) is not None


def commands(text: str) -> Iterator[ParsedCookie]:
    """Read the cookies that commands send. The address comes after the cookies of a session."""
    number, url = 1, None
    waiting: list[tuple[str, str]] = []
    for part in _PART.finditer(text):
        if part["name"]:
            waiting.append((_unquoted(part["name"]), _unquoted(part["value"])))
        elif part["header"]:
            yield from of_request(_unquoted(part["header"]), Exchange(number, url))
        elif part["url"]:
            url = _unquoted(part["url"])
        if waiting and (not part["name"] or len(waiting) > _MOST_WAITING):
            yield from _request(waiting, Exchange(number, url))
            waiting = []
        if part["session"]:
            number, url = number + 1, None
    yield from _request(waiting, Exchange(number, url))


def _request(cookies: list[tuple[str, str]], exchange: Exchange) -> Iterator[ParsedCookie]:
    for name, value in cookies:
        yield ParsedCookie(name, value, exchange=exchange)


def _unquoted(string: str) -> str:
    if string.startswith("'"):
        return string[1:-1].replace("''", "'")
    return _ESCAPE.sub(_character, string[1:-1])


def _character(escape: re.Match[str]) -> str:
    if escape[2]:
        return chr(int(escape[2]))
    return escape[1] or '"'
