"""Read cookies as JSON: what extensions export, and what automated browsers save.

EditThisCookie and Cookie-Editor write the names of the browser's own API for extensions
(`expirationDate`, `hostOnly`). Playwright (`storageState`), Puppeteer and Selenium write
`expires` or `expiry`. Cookie Quick Manager has names of its own, and writes numbers and flags as
texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ..browsers.headers import Attributes, ParsedCookie

_SAME_SITE = {"no_restriction": "None", "none": "None", "lax": "Lax", "strict": "Strict"}


class Cookie(msgspec.Struct, frozen=True, rename="camel"):
    """One cookie of an export, with the names of all tools."""

    name: str | None = None
    value: str | None = None
    domain: str | None = None
    path: str | None = None
    expires: str | float | None = None
    expiration_date: str | float | None = None
    expiry: str | float | None = None
    host_only: bool | None = None
    http_only: bool | None = None
    secure: bool | None = None
    session: bool | None = None
    same_site: str | None = None
    # Cookie Quick Manager
    raw_name: str | None = msgspec.field(default=None, name="Name raw")
    raw_value: str | None = msgspec.field(default=None, name="Content raw")
    raw_host: str | None = msgspec.field(default=None, name="Host raw")
    raw_path: str | None = msgspec.field(default=None, name="Path raw")
    raw_expires: str | None = msgspec.field(default=None, name="Expires raw")
    raw_secure: bool | None = msgspec.field(default=None, name="Send for raw")
    raw_http_only: bool | None = msgspec.field(default=None, name="HTTP only raw")
    raw_same_site: str | None = msgspec.field(default=None, name="SameSite raw")
    raw_host_only: bool | None = msgspec.field(default=None, name="This domain only raw")

    @property
    def is_named(self) -> bool:
        """Whether it has a name; without one it is not a cookie."""
        return self.name is not None or self.raw_name is not None


def exported(cookies: Iterable[Cookie]) -> Iterator[ParsedCookie]:
    """Return the cookies of an export."""
    return map(_given, cookies)


def _given(cookie: Cookie) -> ParsedCookie:
    name = cookie.name if cookie.raw_name is None else cookie.raw_name
    value = cookie.value if cookie.raw_value is None else cookie.raw_value
    domain = _domain(cookie)
    path = cookie.path or cookie.raw_path
    attributes: Attributes = {"Path": path} if path else {}
    told = {"Path"} if path else set()
    if domain:
        told.add("Domain")
        host_only = cookie.host_only if cookie.raw_host_only is None else cookie.raw_host_only
        if not (not domain.startswith(".") if host_only is None else host_only):
            attributes["Domain"] = domain.removeprefix(".")
    flags = {
        "HttpOnly": cookie.http_only if cookie.raw_http_only is None else cookie.raw_http_only,
        "Secure": cookie.secure if cookie.raw_secure is None else cookie.raw_secure,
    }
    for flag, is_set in flags.items():
        if is_set is not None:
            told.add(flag)
            attributes |= {flag: True} if is_set else {}
    same_site = cookie.same_site if cookie.raw_same_site is None else cookie.raw_same_site
    if same_site is not None:
        told.add("SameSite")
        known = _SAME_SITE.get(same_site.lower())
        attributes |= {"SameSite": known} if known else {}
    if expires := _expires(cookie, told):
        attributes["Expires"] = expires
    return ParsedCookie(
        name or "",
        value or "",
        attributes if told else None,
        told=frozenset(told),
        host=domain.removeprefix(".").lower() if told else None,
    )


def _domain(cookie: Cookie) -> str:
    """Return the domain; Cookie Quick Manager writes it as an address, with a dot in it."""
    host = cookie.domain or cookie.raw_host or ""
    return host.partition("://")[2].partition("/")[0] if "://" in host else host.rstrip("/")


def _expires(cookie: Cookie, told: set[str]) -> str:
    """Return when it expires, in seconds since 1970 or as a date; empty if with the browser."""
    every = (cookie.expires, cookie.expiration_date, cookie.expiry, cookie.raw_expires)
    said = next((one for one in every if one is not None), None)
    if said is None and cookie.session is None:
        return ""
    told.add("Expires")
    text = "" if said is None or cookie.session else str(said)
    return "" if text in {"0", "0.0", "-1", "-1.0"} else text
