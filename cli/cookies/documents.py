"""Read JSON: a HAR file or an export of cookies, whichever its fields show.

msgspec reads only the fields that are named here. It skips the rest, bodies included, without
making objects of it (CWE-770).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from authingo.cli.errors import UsageError

from ..browsers.headers import ParsedCookie
from .exports import Cookie, exported
from .har import Log, recorded

_RECORDED_WITHOUT = (
    "browsers leave cookies out of the HAR files they export: in Chrome, choose to "
    'export "with sensitive data" (allowed in the settings of its tools), in Firefox '
    "let them be recorded"
)
_EXPORTED_WITHOUT = "export them while you are signed in, from the tab of the application"

_MOST_OBJECTS = 2_000_000  # 400 MB at the worst; what browsers write has a tenth of that
# A string may end with the input. Otherwise the rest would be searched again for each quote.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


class _Document(Cookie, frozen=True, rename="camel"):
    """A HAR file has a `log`. An export has `cookies`, or is a single cookie."""

    log: Log | None = None
    cookies: tuple[Cookie, ...] | None = None


def is_json(raw: bytes) -> bool:
    """Tell whether an input looks like JSON."""
    return raw[:256].lstrip()[:1] in {b"{", b"["}


def document(raw: bytes) -> tuple[Iterator[ParsedCookie], str]:
    """Read a HAR file or an export of cookies. Also returns a hint for when there are none.

    Raises:
        UsageError: it is neither of them. The message repeats nothing of it.
    """
    if _too_many_objects(raw):
        raise UsageError("the file has too many parts", hint="export fewer requests")
    try:
        read = msgspec.json.decode(raw, type=_Document | tuple[Cookie, ...], strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _neither() from None
    if isinstance(read, _Document):
        if read.log is not None:
            return recorded(read.log), _RECORDED_WITHOUT
        read = (read,) if read.cookies is None else read.cookies
    if not all(one.is_named for one in read):
        raise _neither()
    return exported(read), _EXPORTED_WITHOUT


def _too_many_objects(raw: bytes) -> bool:
    """Count objects before any is made. A brace in a string, such as a body, does not count."""
    braces = raw.count(b"{")
    if braces > _MOST_OBJECTS:
        braces -= sum(string[0].count(b"{") for string in _STRING.finditer(raw))
    return braces > _MOST_OBJECTS


def _neither() -> UsageError:
    return UsageError(
        "the input looks like JSON, and is neither a HAR file nor an export of cookies",
        hint="of JSON, these are read: what a browser's network panel exports as HAR, what "
        "EditThisCookie, Cookie-Editor and Cookie Quick Manager export, and what Playwright, "
        "Puppeteer and Selenium save",
    )
