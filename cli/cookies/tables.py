"""Read rows copied from the table of cookies in a browser's tools (Application or Storage).

The cells are separated by tabs: Name, Value, Domain, Path, Expires, Size, then
HttpOnly and Secure (in Safari the other way round), SameSite, and more. A row does not name its
browser, but its form shows it: Chrome writes ISO dates and a priority, Firefox true and false,
Safari a size with its unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..browsers.headers import Attributes, ParsedCookie
from ..browsers.rules import moment

_ROW = re.compile(
    r"^(?P<name>[^\t\r\n]*)\t(?P<value>[^\t\r\n]*)\t(?P<domain>\.?[A-Za-z0-9.:_\[\]-]{1,253})"
    r"\t(?P<path>/[^\t\r\n]*)\t(?P<rest>[^\r\n]*)",
    re.MULTILINE,
)
_HEADER = re.compile(r"^Name\tValue\t[^\r\n]{0,500}", re.MULTILINE | re.IGNORECASE)
_TICK = "\u2713".encode().decode("latin-1")  # as octets, which is how the input is read
_MARKS = {_TICK: True, "true": True, "": False, "false": False}
_MOST_CELLS = 20


def rows(text: str) -> Iterator[ParsedCookie]:
    """Read the rows of such a table."""
    header = _HEADER.search(text)
    names = [cell.strip().lower() for cell in header[0].split("\t")] if header else []
    for row in _ROW.finditer(text):
        cells = row["rest"].split("\t", _MOST_CELLS)
        expires, size, one, other, same_site = (*cells, "", "", "", "", "")[:5]
        domain = row["domain"]
        attributes: Attributes = {"Path": row["path"]}
        told = {"Path", "Domain"}
        if domain.startswith("."):
            attributes["Domain"] = domain[1:]
        if expires.lower() == "session":
            told.add("Expires")
        elif moment(expires):
            told.add("Expires")
            attributes["Expires"] = expires
        safari = _is_safari(names, size)
        first, second = ("Secure", "HttpOnly") if safari else ("HttpOnly", "Secure")
        known = safari or bool(names) or _is_chrome_or_firefox(cells)
        for name, mark in ((first, one), (second, other)):
            is_set = _MARKS.get(mark.strip().lower())
            if is_set is not None and len(cells) > 3 and (known or one == other):
                told.add(name)
                attributes |= {name: True} if is_set else {}
        if same_site.strip().lower() in {"lax", "strict", "none"}:
            told.add("SameSite")
            attributes["SameSite"] = same_site.strip()
        yield ParsedCookie(
            row["name"],
            row["value"],
            attributes,
            told=frozenset(told),
            host=domain.removeprefix(".").lower(),
        )


def _is_safari(names: list[str], size: str) -> bool:
    if "secure" in names and "httponly" in names:
        return names.index("secure") < names.index("httponly")
    return not size.strip().isdigit() and size[:1].isdigit()


def _is_chrome_or_firefox(cells: list[str]) -> bool:
    """Return whether the date, the words true and false, or the priority of a cookie show it."""
    return (
        re.match(r"\d{4}-\d\d-\d\dT|.{10,30} GMT$", cells[0]) is not None
        or cells[2:3] in (["true"], ["false"])
        or any(cell in {"Low", "Medium", "High"} for cell in cells[5:])
    )
