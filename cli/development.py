"""The page of a development server, its inbox, and the header that tells it about cookies.

A script can see neither an HttpOnly cookie nor a Set-Cookie header; that is the
point of both. To explain them anyway, each answer of the routes gets a header with
the cookies that were sent and set, with their attributes and never with a value.
`authingo.cli.serving` wraps the application in this only on a development server;
it is not part of the library.

Page, inbox and header are left out if a request did not come straight from this
machine: if its Host is not loopback (DNS rebinding lets another site's page use a
name that leads to 127.0.0.1), or if a proxy's header shows that it was forwarded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from authingo.asgi import ASGIApp, Receive, Scope, Send
from authingo.config import Settings, is_loopback, redact_url
from authingo.http import cookies
from authingo.http.cookies import Cookies
from authingo.http.headers import header_values
from authingo.http.replies import Prepared
from authingo.mail.settings import sends_mail, signs_in_by_code, verifies
from authingo.pages.inbox import PageInbox
from authingo.pages.serving import stylesheet
from authingo.pages.settings import PagesSettings

from .readme_page import readme_page

HEADER = b"x-authingo-dev-cookies"

_KINDS = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
    "json": b"application/json",
}
# Allow only its own files for scripts and styles, and requests to this server: no inline script,
# no form that a browser would submit by itself, and no text that becomes markup.
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        b"connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'; "
        b"require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_SHARED = ("browsers.js", "mails.css", "mails.js")  # with the ready-made pages
_FORWARDED = (b"forwarded", b"x-forwarded-", b"via")


class Development:
    """An ASGI wrapper: the page and its files, the inbox, and the header on the routes.

    The page is at `/`, and where links in mails lead to.
    """

    def __init__(self, app: ASGIApp, settings: Settings, inbox: PageInbox | None = None) -> None:
        self._app = app
        self._inbox = inbox
        self._base = settings.base_path
        self._files = {
            path: _prepared(path, body)
            for path, body in _contents(settings, has_inbox=inbox is not None)
            if not self._is_route(path)
        }
        self._names = set(_cookie_names(settings).values())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the page; leave everything else to the application."""
        if scope["type"] != "http" or not _is_direct(scope):
            await self._app(scope, receive, send)
        elif self._is_route(scope["path"]):
            await self._app(scope, receive, self._describing(scope, send))
        elif scope["method"] in {"GET", "HEAD"} and (found := self._found(scope)):
            await found.send(send)  # a server leaves out the body of an answer to HEAD
        else:
            await self._app(scope, receive, send)

    def _found(self, scope: Scope) -> Prepared | None:
        path = scope["path"]
        if self._inbox and self._inbox.has(path):
            return self._inbox.answer(path, scope)
        return self._files.get(path)

    def _is_route(self, path: str) -> bool:
        return path == self._base or path.startswith(self._base + "/")

    def _describing(self, scope: Scope, send: Send) -> Send:
        sent = [name for name, _ in cookies.pairs(scope["headers"]) if name in self._names]

        async def send_described(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                described = [
                    described_cookie(value.decode("latin-1"))
                    for name, value in headers
                    if name.lower() == b"set-cookie"
                ]
                cookies_of = json.dumps({"sent": sent, "set": described}).encode()
                message = {**message, "headers": [*headers, (HEADER, cookies_of)]}
            await send(message)

        return send_described


def described_cookie(header: str) -> dict[str, object]:
    """Return the parts of a Set-Cookie header, without the value."""
    pair, *attributes = header.split(";")
    name, _, value = pair.partition("=")
    return {
        "name": name.strip(),
        "cleared": not value,
        "attributes": [attribute.strip() for attribute in attributes],
    }


def _is_direct(scope: Scope) -> bool:
    hosts = header_values(scope, b"host")
    if any(name.startswith(_FORWARDED) for name, _ in scope["headers"]):
        return False
    try:
        names = [urlsplit("//" + host.decode("latin-1")).hostname or "" for host in hosts]
    except ValueError:
        return False
    return len(names) == 1 and is_loopback(names[0])


def _contents(settings: Settings, *, has_inbox: bool) -> Iterator[tuple[str, bytes]]:
    for file in files("authingo.cli").joinpath("page").iterdir():
        if file.name == "page.css":
            yield "/page/page.css", stylesheet(file.read_bytes())
            continue
        if file.name != "index.html":
            yield f"/page/{file.name}", file.read_bytes()
            continue
        for path in {"/", *_links(settings).values()}:
            yield path, file.read_bytes()
    for name in _SHARED:
        yield f"/page/{name}", files("authingo.pages").joinpath("assets", name).read_bytes()
    facts = _facts(settings) | {"inbox": has_inbox}
    yield "/page/settings.json", json.dumps(facts).encode()
    yield "/page/readme.html", readme_page()


def _links(settings: Settings) -> dict[str, str]:
    """Return the paths that links in mails lead to, by the name of the link."""
    below = urlsplit(settings.public_url or "").path.rstrip("/")
    return {
        name: below + settings.link_to(name)
        for name in type(settings.links).__struct_fields__
        if name != "sign_in" and sends_mail(settings) and not _has_page(settings, name)
    }


def _has_page(settings: Settings, name: str) -> bool:
    """Return whether the application itself has the page of a link."""
    own = settings.of(PagesSettings)
    return own.enabled and settings.link_to(name).startswith(own.path + "/")


def _facts(settings: Settings) -> dict[str, object]:
    """Return the settings that the page shows. None of them is secret."""
    lives = settings.sessions
    return {
        "base_path": settings.base_path,
        "public_url": settings.public_url,
        "database": redact_url(settings.database_url),
        "sign_up": settings.sign_up,
        "mail": sends_mail(settings),
        "verifies": verifies(settings),
        "email_code": signs_in_by_code(settings),
        "links": _links(settings),
        "min_length": settings.passwords.min_length,
        "cookies": _cookie_names(settings),
        "seconds": {
            "session": lives.session_lifetime.total_seconds(),
            "refresh": lives.refresh_lifetime.total_seconds(),
            "absolute": lives.absolute_lifetime.total_seconds(),
            "grace": lives.refresh_grace.total_seconds(),
        },
    }


def _cookie_names(settings: Settings) -> dict[str, str]:
    """Return the name of each kind of cookie."""
    return {one.kind: one.name for one in Cookies(settings).all}


def _prepared(path: str, body: bytes) -> Prepared:
    kind = _KINDS.get(path.rpartition(".")[2], b"text/html; charset=utf-8")
    length = (b"content-length", str(len(body)).encode())
    return Prepared(200, ((b"content-type", kind), length, *_HEADERS), body)
