"""Check the cookies of a running server by its answer to a sign-out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from authingo.config import Settings
from authingo.findings import Finding, fail, ok, warn
from authingo.http.cookies import Cookie, Cookies

from ..browsers.attributes import compare
from ..browsers.headers import Exchange, ParsedCookie, of_response
from ..browsers.places import Place
from ..browsers.rules import Problem, refusals, unreachable_pages
from .asking import Answer

_NAME = re.compile(r"(?:__Host-|__Secure-)?([^\s=;]+)_(session|refresh|device)")
_CLEARS = re.compile(r'"(?:cookies|\*)"')  # Clear-Site-Data


def cookies(server: Place, base: str, answer: Answer, settings: Settings) -> Iterator[Finding]:
    """Judge the attributes with which the server clears two cookies: it sets them with the same.

    The device cookie, by which accounts recognize a browser, stays when a user signs out.
    RFC 6265bis; ASVS 5.0 V3.3.1 to V3.3.4. No finding repeats a value; here they are empty.
    """
    found: dict[str, ParsedCookie] = {}
    for header in answer.all("set-cookie"):
        given = of_response(header, Exchange())
        if match := _NAME.fullmatch(given.name):
            found[match[2]] = given
    device = found.pop("device", None)
    if len(found) < 2:
        yield fail(
            "cookies",
            "Set-Cookie is lost on the way: no session can be kept",
            "let the proxy pass every Set-Cookie header on, one by one",
        )
        return
    session, refresh = found["session"], found["refresh"]
    expected = Cookies(settings)
    at_base = replace(expected.refresh, path=f"{base}/refresh")
    judged = [
        _Judged(given, wanted, server, settings)
        for given, wanted in ((session, expected.session), (refresh, at_base))
    ]
    wrong = [text for one in judged for text in one.wrong()]
    if wrong:
        yield fail(
            "cookies",
            "; ".join(wrong),
            _stripped(_text(refresh, "Path"), base)
            or "compare base_path, public_url and cookies.* with the address above; "
            "no proxy may rewrite Set-Cookie",
        )
        return
    yield ok("cookies", _summary(session, refresh))
    yield _device(_device_name(session), answer, cleared=device is not None)
    if any(one.given.name != one.expected.name for one in judged):
        yield warn(
            "cookie_names",
            f"this configuration calls them {expected.session.name} and {expected.refresh.name}",
            "give the server and this command the same cookies.prefix and cookies.hardened_names",
        )
    for name, problems in _doubts(judged[0]):
        yield from (warn(name, one.text, one.fix) for one in problems)


class _Judged:
    """A cookie of the server, compared with what this configuration would set."""

    def __init__(
        self, given: ParsedCookie, expected: Cookie, server: Place, settings: Settings
    ) -> None:
        self.given, self.expected = given, expected
        self.refused = refusals(given, server)
        self.pages = list(unreachable_pages(given, server, settings))
        rows = compare(given, expected, settings, server)
        self.attributes = {row.name: row.problems for row in rows}

    def wrong(self) -> list[str]:
        """Say what makes it fail, or unsafe, in every browser."""
        different = [
            one
            for name, problems in self.attributes.items()
            for one in problems
            if name != "Domain" and not one.in_some
        ]
        return [f"{self.given.name}: {one.text}" for one in (*self.refused, *different)]


def _doubts(session: _Judged) -> Iterator[tuple[str, list[Problem]]]:
    """Yield the name of each check that is reported once for both cookies, and its problems."""
    yield "cookie_domain", list(session.attributes.get("Domain", ()))
    yield "secure", [one for one in session.attributes.get("Secure", ()) if one.in_some]
    yield "same_site", session.pages


def _text(given: ParsedCookie, name: str) -> str:
    return str((given.attributes or {}).get(name, ""))


def _device(name: str, answer: Answer, *, cleared: bool) -> Finding:
    """Check that the device cookie stays. Without it only the limits treat a browser as unknown."""
    if cleared or any(map(_CLEARS.search, answer.all("clear-site-data"))):
        return warn(
            "device_cookie",
            f"signing out also takes {name} away: accounts do not recognize the browser any more, "
            "and strangers who fail on purpose can keep their owners waiting",
            "let sign-out clear the other cookies only, without Clear-Site-Data for cookies",
        )
    return ok("device_cookie", f"signing out leaves {name}, by which accounts know a browser")


def _device_name(session: ParsedCookie) -> str:
    """Return the name of the server's device cookie, derived from its session cookie."""
    match = _NAME.fullmatch(session.name)
    prefix = match[1] if match else ""
    return f"{'__Host-' if _text(session, 'Secure') else ''}{prefix}_device"


def _stripped(path: str, base: str) -> str:
    """Say what to set if a prefix is missing from the refresh cookie's Path."""
    prefix = base.removesuffix(path.removesuffix("/refresh"))
    if prefix in {"", base}:
        return ""
    return (
        f'set base_path = "{base}", the path that browsers see; if a proxy strips {prefix}, '
        f"also start the server with uvicorn --root-path {prefix}"
    )


def _summary(session: ParsedCookie, refresh: ParsedCookie) -> str:
    flags = ["HttpOnly", *(["Secure"] if _text(session, "Secure") else [])]
    site = _text(session, "SameSite").title()
    return f"{session.name} and {refresh.name}: {', '.join(flags)}, SameSite={site}, right paths"
