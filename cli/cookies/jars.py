"""Read cookie jars, which curl, wget and browsers' extensions write (Netscape's cookies.txt)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..browsers.headers import Attributes, ParsedCookie

# Tools write tabs between the fields, and a terminal copies them as spaces. A line that begins
# with # is a comment, except for #HttpOnly_.
_LINE = re.compile(
    r"^(?P<http_only>#HttpOnly_)?(?P<domain>[^\s#]\S*)[ \t]+(?P<subdomains>TRUE|FALSE)[ \t]+"
    r"(?P<path>/[^\t\r\n ]*)[ \t]+(?P<secure>TRUE|FALSE)[ \t]+"
    r"(?P<expires>-?\d{1,15}(?:\.\d{1,15})?)[ \t]"
    r"(?P<name>[^\t\r\n ]*)(?:[ \t](?P<value>[^\t\r\n]*))?\r?$",
    re.MULTILINE | re.IGNORECASE,
)
_TOLD = frozenset({"Path", "Domain", "Secure", "HttpOnly", "Expires"})


def jar(text: str) -> Iterator[ParsedCookie]:
    """Read the lines of a jar, wherever they are."""
    for line in _LINE.finditer(text):
        attributes: Attributes = {"Path": line["path"]}
        if line["subdomains"].upper() == "TRUE":
            attributes["Domain"] = line["domain"].removeprefix(".")
        if line["secure"].upper() == "TRUE":
            attributes["Secure"] = True
        if line["http_only"]:
            attributes["HttpOnly"] = True
        if float(line["expires"]) > 0:  # 0 and -1: until the browser is closed
            attributes["Expires"] = line["expires"]
        yield ParsedCookie(
            line["name"],
            line["value"] or "",
            attributes,
            told=_TOLD,
            host=line["domain"].removeprefix(".").lower(),
        )
