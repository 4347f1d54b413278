"""The routes: one short handler each, between a request that was checked and a reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec.structs import force_setattr

from authingo.auth import Auth
from authingo.cookies import Cookies
from authingo.errors import NotFound
from authingo.fastapi.clients import ClientReader
from authingo.fastapi.dropped_cookies import DroppedCookies
from authingo.fastapi.headers import Scope, cookie_header, header_values
from authingo.fastapi.replies import Prepared, Reply
from authingo.models import Client, Resumed, SignedIn
from authingo.wire import listed_session_json, session_json, user_json


@dataclass(slots=True)  # not frozen: that triples the time it takes to make one
class Request:
    """What a handler needs of a request: who asks, its cookies, the strings of its body."""

    scope: Scope
    body: dict[str, str]
    cookies: Cookies
    clients: ClientReader
    dropped_cookies: DroppedCookies
    session_id: str = ""  # of the path

    @property
    def client(self) -> Client:
        """Who asks; read where it is wanted, which a session check does not."""
        return self.clients.read(self.scope)

    @property
    def host(self) -> str:
        """The Host header, where there is exactly one."""
        hosts = header_values(self.scope, b"host")
        return hosts[0].decode("latin-1") if len(hosts) == 1 else ""

    @property
    def session_token(self) -> str | None:
        """The session cookie, where there is exactly one."""
        return self.cookies.session.read(cookie_header(self.scope))

    @property
    def refresh_token(self) -> str | None:
        """The refresh cookie, where there is exactly one."""
        return self.cookies.refresh.read(cookie_header(self.scope))

    def signed_in(self, result: SignedIn) -> Reply:
        """Answer with user and session, and set both cookies."""
        self.dropped_cookies.look(self.scope)
        return described(result, cookies=tuple(self.cookies.write(result, self.host)))


def described(result: SignedIn | Resumed, cookies: tuple[str, ...] = ()) -> Reply:
    """Answer with user and session."""
    return Reply(
        {"user": user_json(result.user), "session": session_json(result.session)},
        cookies=cookies,
    )


async def sign_up(auth: Auth, request: Request) -> Reply:
    """Create an account and sign in."""
    result = await auth.sign_up(
        **request.body,
        session_token=request.session_token,
        client=request.client,
    )
    return request.signed_in(result)


async def sign_in(auth: Auth, request: Request) -> Reply:
    """Sign in with email and password."""
    result = await auth.sign_in(
        **request.body,
        session_token=request.session_token,
        client=request.client,
    )
    return request.signed_in(result)


async def session(auth: Auth, request: Request) -> Prepared:
    """Tell who is signed in. No side effect."""
    return prepared(await auth.resume(request.session_token))


def prepared(resumed: Resumed) -> Prepared:
    """Answer with user and session; made once for as long as both stay as they are."""
    reply: Prepared | None = resumed.reply
    if reply is None:
        reply = described(resumed).prepare()
        force_setattr(resumed, "reply", reply)
    return reply


async def refresh(auth: Auth, request: Request) -> Reply:
    """Renew the session: both cookies are replaced."""
    return request.signed_in(await auth.refresh(request.refresh_token, client=request.client))


async def sign_out(auth: Auth, request: Request) -> Reply:
    """End the session and clear both cookies. Idempotent."""
    await auth.sign_out(request.session_token, client=request.client)
    return Reply({"success": True}, cookies=tuple(request.cookies.clear(request.host)))


async def change_password(auth: Auth, request: Request) -> Reply:
    """Replace the password; every older session of the user ends."""
    result = await auth.change_password(
        **request.body,
        session_token=request.session_token,
        client=request.client,
    )
    return request.signed_in(result)


async def list_sessions(auth: Auth, request: Request) -> Reply:
    """List the caller's sessions, the last used first."""
    caller = await auth.resume(request.session_token)
    listed = [
        listed_session_json(session, current=session.id == caller.session.id)
        for session in await auth.list_sessions(caller.user.id)
    ]
    return Reply({"sessions": listed})


async def end_session(auth: Auth, request: Request) -> Reply:
    """End one of the caller's sessions."""
    caller = await auth.resume(request.session_token)
    revoked = await auth.revoke(caller.user.id, only=request.session_id, client=request.client)
    if not revoked:
        raise NotFound("You have no such session.")
    return Reply({"revoked": revoked})


async def end_other_sessions(auth: Auth, request: Request) -> Reply:
    """End all of the caller's sessions but this one."""
    caller = await auth.resume(request.session_token)
    revoked = await auth.revoke(caller.user.id, but=caller.session.id, client=request.client)
    return Reply({"revoked": revoked})


async def health(auth: Auth, request: Request) -> Reply:  # noqa: ARG001 - every handler has both
    """Tell whether the database answers."""
    await auth.ping()
    return Reply({"status": "ok"})


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, the fields of its body, and how it is treated.

    `checked`: it takes the cross-origin check. `hashes`: it costs a core for a
    while, so it is dropped when nobody waits for it any more. Each transaction of
    theirs is whole by itself: the attempt is counted first, the rest done at the end.
    """

    handle: Callable[[Auth, Request], Awaitable[Reply | Prepared]]
    fields: tuple[str, ...] = ()
    checked: bool = True
    hashes: bool = False


SESSION_PATH = "/sessions/{id}"

ROUTES: dict[str, dict[str, Route]] = {
    "/sign-up": {"POST": Route(sign_up, ("email", "password", "name"), hashes=True)},
    "/sign-in": {"POST": Route(sign_in, ("email", "password"), hashes=True)},
    "/session": {"GET": Route(session, checked=False)},
    "/refresh": {"POST": Route(refresh)},
    "/sign-out": {"POST": Route(sign_out)},
    "/change-password": {
        "POST": Route(change_password, ("current_password", "new_password"), hashes=True)
    },
    "/sessions": {"GET": Route(list_sessions), "DELETE": Route(end_other_sessions)},
    SESSION_PATH: {"DELETE": Route(end_session)},
    "/health": {"GET": Route(health, checked=False)},
}
