"""The cookies of a running server, as its answer to a sign-out shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from authingo.config import Settings
from authingo.cookies import Cookies
from authingo.findings import Finding, fail, ok, warn

from .asking import Answer
from .sites import Address, covers, is_public_suffix

_NAME = re.compile(r"(?:__Host-|__Secure-)?[^\s=;]+_(session|refresh)")


def cookies(server: Address, base: str, answer: Answer, settings: Settings) -> Iterator[Finding]:
    """Judge the attributes with which both cookies are cleared: they are set with the same.

    RFC 6265bis; ASVS 5.0 V3.3.1 to V3.3.4. It never repeats a value, which is empty here.
    """
    found = {}
    for header in answer.all("set-cookie"):
        name, _, rest = header.partition("=")
        if match := _NAME.fullmatch(name.strip()):
            found[match[1]] = (name.strip(), _attributes(rest))
    if len(found) < 2:
        yield fail(
            "cookies",
            "Set-Cookie is lost on the way: no session can be kept",
            "let the proxy pass every Set-Cookie header on, one by one",
        )
        return
    problems = [
        problem
        for kind, (name, attributes) in found.items()
        for problem in _problems(kind, name, attributes, server, base)
    ]
    if problems:
        yield fail(
            "cookies",
            "; ".join(problems),
            _stripped(found["refresh"][1].get("path", ""), base)
            or "compare base_path, public_url and cookies.* with the address above; "
            "no proxy may rewrite Set-Cookie",
        )
        return
    yield ok("cookies", _told(found))
    expected = Cookies(settings)
    if {name for name, _ in found.values()} != {expected.session.name, expected.refresh.name}:
        yield warn(
            "cookie_names",
            f"this configuration calls them {expected.session.name} and {expected.refresh.name}",
            "give the server and this command the same cookies.prefix and cookies.hardened_names",
        )
    if settings.cookies.domain is None and any("domain" in one for _, one in found.values()):
        yield warn(
            "cookie_domain",
            "the cookies have a Domain, so that every subdomain gets the tokens",
            "remove cookies.domain, unless several hosts really share the session",
        )


def _attributes(rest: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in rest.split(";")[1:])
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _problems(
    kind: str, name: str, attributes: dict[str, str], server: Address, base: str
) -> Iterator[str]:
    if "httponly" not in attributes:
        yield f"{name} is not HttpOnly: scripts can read it"
    if "secure" not in attributes and not (server.scheme == "http" and server.loopback):
        yield f"{name} is not Secure: it travels over plain http too"
    path = "/" if kind == "session" else f"{base}/refresh"
    if attributes.get("path") != path:
        yield f"{name} has another Path than {path}: browsers do not send it where it is needed"
    same_site = attributes.get("samesite", "").lower()
    if same_site == "none" and "secure" not in attributes:
        yield f"{name} is SameSite=None without Secure: browsers drop it"
    elif same_site not in {"none", "lax" if kind == "session" else "strict"}:
        yield f"{name} should be SameSite={'Lax' if kind == 'session' else 'Strict'}"
    domain = attributes.get("domain", "").lstrip(".").lower()
    if domain and not covers(domain, server.host):
        yield f"the Domain of {name} does not cover {server.host}: browsers drop it"
    elif domain and is_public_suffix(domain):
        yield f"the Domain of {name} is a public suffix: browsers drop it"


def _stripped(path: str, base: str) -> str:
    """Say what to set where a prefix is missing from the refresh cookie's Path."""
    prefix = base.removesuffix(path.removesuffix("/refresh"))
    if prefix in {"", base}:
        return ""
    return (
        f'set base_path = "{base}", the path that browsers see; if a proxy strips {prefix}, '
        f"also start the server with uvicorn --root-path {prefix}"
    )


def _told(found: dict[str, tuple[str, dict[str, str]]]) -> str:
    name, session = found["session"]
    flags = ["HttpOnly", *(["Secure"] if "secure" in session else [])]
    site = session.get("samesite", "").title()
    return f"{name} and {found['refresh'][0]}: {', '.join(flags)}, SameSite={site}, right paths"
