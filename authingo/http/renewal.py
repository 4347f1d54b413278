"""What a browser is shown, instead of JSON, that opens a page or sends a form without a session.

A browser that opens a page cannot renew an expired session by itself: the refresh cookie goes to
one path alone. So it gets a small page whose script does it by POST and loads the page again. That
works from a link on another site too. The expired session cookie comes along, since it is Lax; the
refresh cookie is Strict, but it is the page's own script, and not the other site, that sends it.

The script tries once. When it has an answer, it leaves a mark in a cookie that belongs to the
session token it has tried to renew. A server that finds the mark beside that very token does not
send the page again, so nothing goes round in circles, even where a browser drops the new cookies.

Without a session, a page answers with a redirect to the sign-in page. A form's POST does not, since
what was typed would be lost: it gets a page that renews the session, and can send the form again or
leads back to it.

htmx shows neither pages nor redirects of a request it has made. It gets JSON as any other script,
with the header that makes it go on (htmx.org, "Response Headers").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from authingo.asgi import Scope
from authingo.config import Settings
from authingo.errors import AuthError, NoSession, SessionExpired
from authingo.http.cookies import Cookies
from authingo.http.headers import combined
from authingo.http.next_paths import checked_next
from authingo.http.origin import CLIENT_HEADER
from authingo.http.paths import path_below
from authingo.http.renewal_pages import form_page, renewal_page
from authingo.http.replies import Answer, Redirect, error_reply

_MARK = "authingo_renewal"  # the parameter with which a browser without scripts gets past the page
_PATH_OF_URL = re.compile(r"https?://[^/?#]+(/[^#]*)")
# What the answer depends on. It is not stored either, but a proxy may look at this first.
_VARY = (
    b"vary",
    b"Cookie, Accept, Sec-Fetch-Dest, Sec-Purpose, X-Authingo-Client, HX-Request, HX-Boosted,"
    b" HX-Current-URL, HX-History-Restore-Request",
)


class Renewals:
    """These answers under one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cookies = Cookies(settings)
        self._refresh = self._cookies.refresh.path
        self._sign_in = settings.sign_in_path

    def answer(
        self, error: AuthError, scope: Scope, fields: Sequence[tuple[str, str]] | None = None
    ) -> Answer | None:
        """Return what to answer instead of an error; None if JSON is right.

        Args:
            error: why there is no session.
            scope: the request, which may have a session cookie.
            fields: what was typed into a form, if the page can send it again. The form must have
                come from a page of this server: no other site may choose what the page sends.
        """
        if scope["type"] != "http" or not isinstance(error, NoSession | SessionExpired):
            return None
        said = combined(scope)
        if CLIENT_HEADER in said:
            return None  # a script of the program's own, which renews the session by itself
        if said.get(b"hx-request") == b"true":
            return self._htmx(error, scope, said)
        if not is_navigation(scope, said):
            return None
        mark = self._mark(said) if isinstance(error, SessionExpired) else None
        if scope["method"] != "GET":
            path = checked_next(path_seen(scope), self._settings)
            return form_page(
                refresh=self._refresh if mark else None,
                sign_in=self._sign_in_with("/", mark),
                again=(path, fields) if path and fields is not None else None,
                vary=_VARY,
            )
        return self._page(scope, said, mark)

    def has_failed(self, scope: Scope) -> bool:
        """Return whether a browser that opens a page has tried in vain to renew its session."""
        said = combined(scope)
        opens = is_navigation(scope, said) and CLIENT_HEADER not in said
        return opens and self._has_tried(scope, said, self._mark(said))

    def _page(self, scope: Scope, said: Mapping[bytes, bytes], mark: str | None) -> Answer | None:
        seen = path_seen(scope)
        path = checked_next(seen, self._settings)
        if mark is not None and not self._has_tried(scope, said, mark):
            return renewal_page(
                refresh=self._refresh,
                mark=self._cookies.renewal(mark),
                sign_in=self._sign_in_with(path, mark),
                vary=_VARY,
            )
        if seen.partition("?")[0] == self._sign_in:
            return None  # there is nowhere else to go
        return Redirect(location=self._sign_in_with(path), headers=(_VARY,))

    def _has_tried(self, scope: Scope, said: Mapping[bytes, bytes], mark: str) -> bool:
        left = self._cookies.renewal(mark).partition(";")[0].encode()
        sent = said.get(b"cookie", b"")
        return left in sent or f"{_MARK}={mark}".encode() in scope["query_string"]

    def _mark(self, said: Mapping[bytes, bytes]) -> str:
        """Return a name for the session token of a request that tells nothing of the token."""
        token = self._cookies.session.find(said.get(b"cookie", b"")) or b""
        return hashlib.sha256(b"authingo renewal " + token).hexdigest()[:32]

    def _htmx(self, error: AuthError, scope: Scope, said: Mapping[bytes, bytes]) -> Answer:
        reply = error_reply(error)
        if scope["method"] != "GET":  # somebody who goes elsewhere loses what was typed
            header = (b"hx-trigger", f"authingo:{error.code}".encode())
        elif (
            b"hx-boosted" in said or b"hx-history-restore-request" in said
        ):  # asks for a whole page
            path = checked_next(path_seen(scope), self._settings)
            header = (b"hx-redirect", (path or self._sign_in).encode())
        else:
            current = _PATH_OF_URL.match(said.get(b"hx-current-url", b"").decode("latin-1"))
            seen = current[1] if current else ""
            if seen.partition("?")[0] == self._sign_in:
                return msgspec.structs.replace(reply, headers=(*reply.headers, _VARY))
            location = self._sign_in_with(checked_next(seen, self._settings))
            header = (b"hx-redirect", location.encode())
        return msgspec.structs.replace(reply, headers=(*reply.headers, header, _VARY))

    def _sign_in_with(self, path: str | None, mark: str | None = None) -> str:
        parameters = {"next": path, _MARK: mark}
        query = "&".join(f"{name}={quote(it, safe='')}" for name, it in parameters.items() if it)
        return f"{self._sign_in}?{query}" if query else self._sign_in


def is_navigation(scope: Scope, said: Mapping[bytes, bytes]) -> bool:
    """Return whether a browser is about to show the answer in its window.

    What it only fetches in advance does not count (Sec-Purpose: prefetch, prerender): the answer is
    an error then, which it does not use. Neither does a HEAD, or a frame, or what a script fetches.
    """
    if scope["method"] == "HEAD":
        return False
    if said.get(b"sec-fetch-dest", b"document") != b"document":
        return False
    purposes = (said.get(name, b"") for name in (b"sec-purpose", b"purpose", b"x-moz"))
    if any(b"pre" in purpose.lower() for purpose in purposes):
        return False
    return b"text/html" in said.get(b"accept", b"").lower()


def path_seen(scope: Scope) -> str:
    """Return the path and the query of a request as the browser has them in its address bar."""
    path: str = scope["path"]
    raw = scope.get("raw_path") or quote(path).encode()
    full = scope.get("root_path", "").rstrip("/") + path_below(scope)
    above = quote(full.removesuffix(path)) if full != path and full.endswith(path) else ""
    query: bytes = scope["query_string"]
    seen = above.encode() + raw.partition(b"?")[0] + (b"?" + query if query else b"")
    return quote(seen, safe="".join(map(chr, range(0x21, 0x7F))))
