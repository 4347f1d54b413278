"""Where cookies are read from: headers, responses, jars, bare values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from authingo.cookies import pairs
from authingo.errors import UsageError

_JAR_FIELDS = 7  # of a line of a Netscape cookie file
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
_HEADER = re.compile(r"^(?:[<*>]\s)?\s*(set-cookie2?|cookie)\s*:\s*(.*)$", re.IGNORECASE)
_NAMES = "authingo_session", "authingo_refresh"


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """One cookie as it was given. `attributes` is None where the source carries none."""

    name: str
    value: str
    attributes: dict[str, str | bool] | None = None
    from_jar: bool = False


def read_cookies(text: str) -> list[Given]:
    """Recognize what a text is and return its cookies.

    Raises:
        UsageError: there is no cookie in it. The text is not repeated.
    """
    lines = text.splitlines()
    found = _from_jar(lines) or _from_headers(lines) or _from_bare(text.strip())
    if not found:
        raise UsageError(
            "there is no cookie in the input",
            hint="give a Cookie or Set-Cookie header, curl -i output, a cookie jar, or a value",
        )
    return found


def _from_jar(lines: list[str]) -> list[Given]:
    found = []
    for line in lines:
        http_only = line.startswith("#HttpOnly_")
        fields = line.removeprefix("#HttpOnly_").split("\t")
        if len(fields) != _JAR_FIELDS or (line.startswith("#") and not http_only):
            continue
        domain, _subdomains, path, secure, expires, name, value = fields
        attributes: dict[str, str | bool] = {"Domain": domain, "Path": path, "Expires": expires}
        if secure == "TRUE":
            attributes["Secure"] = True
        if http_only:
            attributes["HttpOnly"] = True
        found.append(Given(name, value, attributes, from_jar=True))
    return found


def _from_headers(lines: list[str]) -> list[Given]:
    found = []
    for line in lines:
        match = _HEADER.match(line)
        if match is None:
            continue
        if match[1].lower() == "cookie":
            found += _cookie(match[2])
        else:
            found.append(_set_cookie(match[2]))
    return found


def _from_bare(text: str) -> list[Given]:
    """Read a header without its name, or nothing but a value."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    if all("=" in line.rstrip("=") for line in lines):
        rest = [part.strip().partition("=")[0].lower() for part in text.split(";")[1:]]
        if any(name in _SPELLING for name in rest):
            return [_set_cookie(line) for line in lines]
        return [given for line in lines for given in _cookie(line)]
    return [Given("", text)] if len(lines) == 1 and " " not in text else []


def _cookie(header: str) -> list[Given]:
    raw = [(b"cookie", header.encode("latin-1", "replace"))]
    return [Given(name, value) for name, value in pairs(raw)]


def _set_cookie(header: str) -> Given:
    first, *rest = header.split(";")
    name, _, value = first.strip(" \t").partition("=")
    attributes: dict[str, str | bool] = {}
    for part in rest:
        key, _, content = part.strip().partition("=")
        known = _SPELLING.get(key.lower())
        if known is not None:  # the last of two counts (RFC 6265 §5.3)
            attributes[known] = True if key.lower() in _FLAGS else content.strip()
    return Given(name, value, attributes)
