"""A request that has been checked, as a route sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authingo.asgi import Scope
from authingo.http.clients import ClientReader
from authingo.http.cookies import Cookie, Cookies
from authingo.http.dropped_cookies import DroppedCookies
from authingo.http.headers import cookie_header, header_values
from authingo.http.proxy_reports import ProxyReports
from authingo.http.replies import Prepared, Reply
from authingo.models import Client, SignedIn, UserAndSession
from authingo.wire import session_json, user_json

_KEPT = 10_000  # answers, as many as a store keeps of what it has read
_KEPT_BYTES = 16 * 1024 * 1024  # of all of them, and of the profiles that stay with them


class SessionReplies:
    """Keeps the answer to each session check until the session or its user changes.

    For a server without the cache of sessions. Every check still gets the session from the store,
    but a store that reads the same row again returns the very same object, and making an answer
    takes as long as reading the row.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[UserAndSession, Prepared, int]] = {}  # by the session's id
        self._bytes = 0  # of the answers and profiles in it

    def of(self, found: UserAndSession) -> Prepared:
        """Return the answer with this user and session."""
        known = self._made.get(found.session.id)
        if known is not None and known[0] is found:
            return known[1]
        reply = session_reply(found).prepare()
        profile = found.user.stored_profile
        size = len(reply.body) + len((profile and profile.text) or "")
        if known is not None:
            self._bytes -= known[2]
        elif len(self._made) >= _KEPT:
            self._forget_all()
        if self._bytes + size > _KEPT_BYTES:
            self._forget_all()
        self._made[found.session.id] = found, reply, size
        self._bytes += size
        return reply

    def _forget_all(self) -> None:
        self._made.clear()
        self._bytes = 0


@dataclass(slots=True)  # not frozen, because it would take three times as long to make one
class Request:
    """What a route needs of a request: its client, cookies and body."""

    scope: Scope
    body: Any  # of the type that the route declares
    cookies: Cookies
    clients: ClientReader
    proxies: ProxyReports
    dropped_cookies: DroppedCookies
    replies: SessionReplies | None  # None: sessions are kept in memory, each with its answer
    parameters: Mapping[str, str]  # of the path

    @property
    def client(self) -> Client:
        """The client. It is read only when a route asks for it; a session check does not."""
        return self.proxies.meet(self.scope)

    @property
    def host(self) -> str:
        """The Host header, if there is exactly one."""
        hosts = header_values(self.scope, b"host")
        return hosts[0].decode("latin-1") if len(hosts) == 1 else ""

    @property
    def session_token(self) -> str | None:
        """The session cookie, if there is exactly one."""
        return self.cookies.session.read(cookie_header(self.scope))

    @property
    def device(self) -> str | None:
        """The device cookie, if there is exactly one."""
        return self.cookies.device.read(cookie_header(self.scope))

    @property
    def pending(self) -> str | None:
        """The cookie of a browser that has to prove an address, if there is exactly one."""
        return self.cookies.pending.read(cookie_header(self.scope))

    @property
    def ceremony(self) -> str | None:
        """The cookie of a sign-in that takes several steps, if there is exactly one."""
        return self.cookies.ceremony.read(cookie_header(self.scope))

    @property
    def refresh_token(self) -> str | None:
        """The refresh cookie, if there is exactly one."""
        return self.cookies.refresh.read(cookie_header(self.scope))

    def signed_in(self, result: SignedIn, *, done: Cookie | None = None) -> Reply:
        """Answer with user and session, and set the cookies: after a sign-in all three.

        `done` is the short-lived cookie of what the sign-in has completed. It is cleared.
        """
        self.dropped_cookies.look(self.scope)
        cleared = self.cookies.clear_one(done) if done else []
        return session_reply(result, cookies=(*cleared, *self.cookies.write(result, self.host)))


def session_reply(result: SignedIn | UserAndSession, cookies: tuple[str, ...] = ()) -> Reply:
    """Answer with user and session."""
    return Reply(
        {"user": user_json(result.user), "session": session_json(result.session)},
        cookies=cookies,
    )
