"""Answer with the pages and their files, which are kept in memory.

A document may load files of this server only, and no text in it can become a script (ASVS 5.0
V3.4.3, V3.4.6, V3.2.2; W3C Content Security Policy Level 3 and Trusted Types). Referrer-Policy is
`same-origin`, not `no-referrer`: with that, browsers send `Origin: null` with a request of the
client, and the server refuses it (Fetch Standard, "append a request Origin header").
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from authingo.asgi import Scope
from authingo.config import Settings
from authingo.errors import MethodNotAllowed
from authingo.http.headers import header_values
from authingo.http.replies import Prepared, Redirect, error_reply
from authingo.pages.documents import Documents
from authingo.pages.inbox import PageInbox
from authingo.pages.settings import LOGO_TYPES, PagesSettings, opened_inbox
from authingo.pages.texts import read_texts

# W3C "A Well-Known URL for Changing Passwords"
CHANGE_PASSWORD = "/.well-known/change-password"  # noqa: S105 - a path
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_POLICIES = {"inbox": f"{POLICY}; frame-src 'self'"}  # a mail is shown in a frame
# A picture that is opened by itself may hold a script too.
_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "ts": "text/plain; charset=utf-8",
    **LOGO_TYPES,
}
_FOREVER = "public, max-age=31536000, immutable"  # the path changes with the content
_Headers = tuple[tuple[bytes, bytes], ...]


class PageSite:
    """Every path at `pages.path` and below, and the well-known one of password managers."""

    def __init__(self, settings: Settings) -> None:
        own = settings.of(PagesSettings)
        self._path = own.path
        contents = dict(_contents(settings))
        version = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:16]
        assets = f"{own.path}/assets/{version}"
        documents = Documents(
            settings, read_texts(own.read("texts", settings.directory)), assets
        ).all()
        account = Redirect(location=f"{own.path}/account").prepare()
        self._missing = _document(documents.pop("missing"), 404)
        self._answers = {
            own.path: account,
            f"{own.path}/": account,
            CHANGE_PASSWORD: account,
            **{
                f"{own.path}/{name}": _file(name, contents[name], "no-cache")
                for name in ("client.js", "client.d.ts")
            },
            **{
                f"{own.path}/{name}": _document(text, policy=_POLICIES.get(name, POLICY))
                for name, text in documents.items()
            },
            **{
                f"{assets}/{name}": _file(name, content, _FOREVER)
                for name, content in contents.items()
            },
        }
        # A server of another release has other versions, and may have sent the document.
        self._others = {
            name: _file(name, content, "no-store") for name, content in contents.items()
        }
        self._asset = re.compile(re.escape(f"{own.path}/assets/") + r"[0-9a-f]{16}/(.+)", re.ASCII)

        mails = opened_inbox(settings)
        self._inbox = mails and PageInbox(f"{own.path}/inbox/mails", mails)
        if self._inbox:
            # Not to a log, which others may read: it is for the person at the terminal.
            address = f"{settings.public_origin}{own.path}/inbox#token={self._inbox.token}"
            sys.stderr.write(f"Mails come to {address}\n")

    def answer(self, path: str, scope: Scope) -> Prepared | None:
        """Return the answer to a request, or None if the path is not a page's."""
        if self._inbox and self._inbox.has(path) and scope["method"] in {"GET", "HEAD"}:
            return self._inbox.answer(path, scope)
        if path not in self._answers and not path.startswith(self._path + "/"):
            return None
        if scope["method"] not in {"GET", "HEAD"}:
            return error_reply(MethodNotAllowed(allow="GET, HEAD")).prepare()
        found = self._answers.get(path)
        if found is None:
            other = self._asset.fullmatch(path)
            found = self._others.get(other[1]) if other else None
        return _unless_known(found or self._missing, scope)


def _contents(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Return the files of the pages by their names."""
    own = settings.of(PagesSettings)
    yield from _tree(files("authingo.pages").joinpath("assets"))
    if (logo := own.read("logo", settings.directory)) is not None:
        yield f"logo.{(own.logo or '').rpartition('.')[2].lower()}", logo
    if (css := own.read("css", settings.directory)) is not None:
        yield "own.css", css


def stylesheet(own: bytes) -> bytes:
    """Return styles with those in front that all pages share, also those of `authingo serve`."""
    return files("authingo.pages").joinpath("look.css").read_bytes() + own


def _tree(folder: Traversable, below: str = "") -> Iterator[tuple[str, bytes]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _tree(one, f"{below}{one.name}/")
        elif one.name.rpartition(".")[2] in _TYPES:
            body = one.read_bytes()
            yield below + one.name, stylesheet(body) if one.name == "page.css" else body


def _document(text: str, status: int = 200, policy: str = POLICY) -> Prepared:
    body = text.encode()
    headers = (
        *_common("text/html; charset=utf-8", body, "no-store", policy),
        (b"cross-origin-opener-policy", b"same-origin"),
    )
    return Prepared(status, headers, body)


def _file(name: str, body: bytes, caching: str) -> Prepared:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    kind = _TYPES[name.rpartition(".")[2]]
    return Prepared(200, (*_common(kind, body, caching, _FILE_POLICY), (b"etag", tag)), body)


def _common(kind: str, body: bytes, caching: str, policy: str) -> _Headers:
    return (
        (b"content-type", kind.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", caching.encode()),
        (b"content-security-policy", policy.encode()),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"referrer-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
    )


def _unless_known(found: Prepared, scope: Scope) -> Prepared:
    """Answer 304 if the browser has it already (RFC 9110 §13.1.2)."""
    tag = next((value for name, value in found.headers if name == b"etag"), None)
    known = b",".join(header_values(scope, b"if-none-match"))
    if tag is None or tag not in {one.strip().removeprefix(b"W/") for one in known.split(b",")}:
        return found
    kept = tuple(one for one in found.headers if one[0] not in {b"content-length", b"content-type"})
    return Prepared(304, kept, b"")
