"""Recognize an input, and read the cookies in it. Each form of input has a module.

An input of any size is read once, and only a limited part of it is kept (CWE-770): each distinct
cookie of authingo once, and the names of the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from authingo.cli.errors import UsageError

from authingo.http.cookies import KINDS

from ..browsers.headers import ParsedCookie
from . import curl, documents, fetch, jars, lines, powershell, tables, transcripts

# The name of a cookie of authingo with any cookies.prefix.
NAME = re.compile(
    rf"(?:__Host-|__Secure-)?(?P<prefix>[^\s=;]+)_(?P<kind>{'|'.join(KINDS)})", re.IGNORECASE
)

_MOST_COOKIES = 1_000_000  # read
_MOST_KEPT = 1_000  # distinct ones, of authingo and of others each
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


@dataclass(slots=True)
class Seen:
    """A cookie, how often it came, and how many of its name came with one request."""

    given: ParsedCookie
    times: int = 1
    copies: int = 1


@dataclass(slots=True)
class Found:
    """What is in the input. `left_out`: distinct cookies beyond those that are kept."""

    cookies: list[Seen] = field(default_factory=list)
    left_out: int = 0


class Source(NamedTuple):
    """One kind of text: how it is recognized and read, and what to say if no cookie is in it."""

    is_it: Callable[[str], bool]
    read: Callable[[str], Iterable[ParsedCookie]]
    without: str = ""


def _any(_text: str) -> bool:
    return True


def _is_no_command(text: str) -> bool:
    return not (curl.is_command(text) or powershell.is_command(text) or fetch.is_call(text))


# The first form that finds a cookie is used, so the strictest forms come first.
SOURCES = (
    Source(curl.is_command, curl.commands, curl.WITHOUT),
    Source(powershell.is_command, powershell.commands, powershell.WITHOUT),
    Source(fetch.is_call, fetch.calls, fetch.WITHOUT),
    Source(_any, jars.jar),
    Source(_any, tables.rows),
    Source(_any, lines.headers),
    Source(_is_no_command, lines.pairs),
    Source(_is_no_command, lines.bare),
)


def read_cookies(raw: bytes) -> Found:
    """Recognize what an input is and return its cookies.

    Raises:
        UsageError: there is no cookie in it, or too many. Nothing of it is repeated.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # what PowerShell writes with >
        raw = raw.decode("utf-16", "replace").encode("utf-8", "replace")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if documents.is_json(raw):
        cookies, hint = documents.document(raw)
        found = _collect(cookies)
    else:
        found, hint = _read_text(raw.decode("latin-1"))  # headers are octets to the server too
    if not found.cookies:
        raise UsageError("there is no cookie in the input", hint=hint or _HINT)
    return found


def _read_text(text: str) -> tuple[Found, str]:
    """Return the cookies of a text, and a hint for the case that there are none."""
    if transcripts.is_transcript(text):
        return _collect(transcripts.transcript(text)), ""
    if _BINARY.search(text):
        raise UsageError("the input is binary, not text", hint=_HINT)
    hint = ""
    for source in SOURCES:
        if source.is_it(text):
            found = _collect(source.read(text))
            if found.cookies:
                return found, hint
            hint = hint or source.without
    return Found(), hint


_HINT = (
    "give a Cookie or Set-Cookie header; what a browser's tools copy as cURL, PowerShell or fetch "
    "(Node.js), as HAR, or from the table of cookies; the output of curl -i or curl -v; a cookie "
    "jar; an export of an extension or of Playwright; or a value"
)


def _collect(cookies: Iterable[ParsedCookie]) -> Found:
    """Keep each distinct cookie once; those of one request under one name stay apart."""
    found = Found()
    kept: dict[object, Seen] = {}
    room = {True: _MOST_KEPT, False: _MOST_KEPT}
    left_out: set[int] = set()
    number, here = -1, dict[str, list[Seen]]()
    for read, given in enumerate(cookies, 1):
        if read > _MOST_COOKIES:
            raise UsageError(f"there are more than {_MOST_COOKIES:,} cookies in the input")
        if given.exchange.number != number:
            _count_copies(here)
            number, here = given.exchange.number, {}
        ours = given.name == "" or NAME.fullmatch(given.name) is not None
        key = _key(given, len(here.get(given.name, ()))) if ours else (given.name, given.told)
        seen = kept.get(key)
        if seen is not None:
            seen.times += 1
        elif room[ours]:
            room[ours] -= 1
            seen = kept[key] = Seen(given)
        else:
            left_out.add(hash(key))
            continue
        if ours and given.attributes is None:
            here.setdefault(given.name, []).append(seen)
    _count_copies(here)
    found.cookies = list(kept.values())
    found.left_out = len(left_out)
    return found


def _count_copies(request: dict[str, list[Seen]]) -> None:
    for together in request.values():
        for one in together:
            one.copies = max(one.copies, len(together))


def _key(given: ParsedCookie, earlier: int) -> object:
    attributes = None if given.attributes is None else tuple(sorted(given.attributes.items()))
    return (given.name, given.value, attributes, given.told, given.host, earlier)
