"""The routes: for each, one short function that turns a checked request into a reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from authingo.auth import Auth
from authingo.capabilities import capabilities, load
from authingo.config import Settings
from authingo.errors import (
    EmailTaken,
    InvalidCredentials,
    NoSession,
    NotFound,
    RefreshReused,
    SessionExpired,
    SignUpClosed,
    WrongPassword,
)
from authingo.http import own_account
from authingo.http.answers import (
    AuthingoHealth,
    AuthingoRevoked,
    AuthingoSessions,
    AuthingoSignedIn,
    AuthingoSignedOut,
)
from authingo.http.replies import Answer, Reply
from authingo.http.requests import Request, session_reply
from authingo.http.route import Body, NewPassword, Route, Routes
from authingo.inputs import MAX_NAME, MAX_TRIED
from authingo.wire import listed_session_json

CLIENT_ADDRESS = b"x-authingo-client-address"

Email = Annotated[str, Meta(extra_json_schema={"format": "email"})]
Name = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_NAME})]
Tried = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_TRIED})]


class SignUp(Body):
    """The body of a sign-up."""

    email: Email
    password: NewPassword
    name: Name


class SignIn(Body):
    """The body of a sign-in."""

    email: Tried
    password: Tried


class Reauthenticate(Body):
    """What proves again who the user is."""

    password: Tried


class PatchUser(Body):
    """What to change about the user who is signed in. What is absent or null stays."""

    name: Name | None = None


class ChangePassword(Body):
    """The current password and the new one."""

    current_password: Tried
    new_password: NewPassword


async def sign_up(auth: Auth, request: Request) -> Reply:
    """Create an account and sign in."""
    result = await auth.sign_up(
        **msgspec.structs.asdict(request.body),
        session_token=request.session_token,
        device=request.device,
        client=request.client,
    )
    return request.signed_in(result)


async def sign_in(auth: Auth, request: Request) -> Reply:
    """Sign in with email and password."""
    result = await auth.sign_in(
        **msgspec.structs.asdict(request.body),
        session_token=request.session_token,
        device=request.device,
        client=request.client,
    )
    return request.signed_in(result)


async def session(auth: Auth, request: Request) -> Answer:
    """Return who is signed in. No side effect."""
    found = await auth.resume(request.session_token)
    return session_reply(found) if request.replies is None else request.replies.of(found)


async def refresh(auth: Auth, request: Request) -> Reply:
    """Renew the session: its two cookies are replaced."""
    return request.signed_in(await auth.refresh(request.refresh_token, client=request.client))


async def sign_out(auth: Auth, request: Request) -> Reply:
    """End the session and what the browser has begun, and clear their cookies. Idempotent."""
    await auth.sign_out(
        request.session_token,
        pending=request.pending,
        ceremony=request.ceremony,
        client=request.client,
    )
    return Reply({"success": True}, cookies=tuple(request.cookies.clear(request.host)))


async def reauthenticate(auth: Auth, request: Request) -> Reply:
    """Prove again who is signed in; the session cookie is replaced."""
    result = await auth.reauthenticate(
        password=request.body.password,
        session_token=request.session_token,
        device=request.device,
        client=request.client,
    )
    return request.signed_in(result)


async def change_password(auth: Auth, request: Request) -> Reply:
    """Replace the password; every older session of the user ends."""
    result = await auth.change_password(
        **msgspec.structs.asdict(request.body),
        session_token=request.session_token,
        device=request.device,
        client=request.client,
    )
    return request.signed_in(result)


async def patch_user(auth: Auth, request: Request) -> Reply:
    """Change what users may change about themselves."""
    result = await auth.patch_user(
        **msgspec.structs.asdict(request.body),
        session_token=request.session_token,
        client=request.client,
    )
    return session_reply(result)


async def list_sessions(auth: Auth, request: Request) -> Reply:
    """List the caller's sessions, the last used first."""
    caller = await auth.resume(request.session_token)
    found = await auth.list_sessions(caller.user.id)
    if all(session.id != caller.session.id for session in found):
        found.append(caller.session)  # the list is full of sessions that were used more recently
    listed = [
        listed_session_json(session, current=session.id == caller.session.id) for session in found
    ]
    return Reply({"sessions": listed})


async def end_session(auth: Auth, request: Request) -> Reply:
    """End one of the caller's sessions."""
    caller = await auth.resume(request.session_token)
    revoked = await auth.revoke(
        caller.user.id, only=request.parameters["id"], client=request.client
    )
    if not revoked:
        raise NotFound("You have no such session.")
    return Reply({"revoked": revoked})


async def end_other_sessions(auth: Auth, request: Request) -> Reply:
    """End all of the caller's sessions except this one."""
    caller = await auth.resume(request.session_token)
    revoked = await auth.revoke(caller.user.id, but=caller.session.id, client=request.client)
    return Reply({"revoked": revoked})


async def health(auth: Auth, request: Request) -> Reply:
    """Report whether the database works, and under which address limits count the client.

    It works if it answers and its schema fits this server: another version may have migrated it.

    A header of the answer contains the client's address, or "shared" if all clients share one,
    or "none". `authingo doctor --url` reads it to check whether proxies are set up correctly.
    """
    await auth.ping()
    client = request.clients.read(request.scope)
    counted = "shared" if client.shared else client.ip or "none"
    return Reply({"status": "ok"}, headers=((CLIENT_ADDRESS, counted.encode()),))


ROUTES = [
    Route(
        method="POST",
        path="/sign-up",
        handle=sign_up,
        body=SignUp,
        profile=True,
        answer=AuthingoSignedIn,
        errors=(SignUpClosed, EmailTaken),
        hashes=True,
    ),
    Route(
        method="POST",
        path="/sign-in",
        handle=sign_in,
        body=SignIn,
        answer=AuthingoSignedIn,
        errors=(InvalidCredentials,),
        hashes=True,
    ),
    Route(
        method="GET",
        path="/session",
        handle=session,
        answer=AuthingoSignedIn,
        session=True,
        checked=False,
    ),
    Route(
        method="POST",
        path="/refresh",
        handle=refresh,
        answer=AuthingoSignedIn,
        errors=(NoSession, SessionExpired, RefreshReused),
    ),
    Route(method="POST", path="/sign-out", handle=sign_out, answer=AuthingoSignedOut),
    Route(
        method="POST",
        path="/reauthenticate",
        handle=reauthenticate,
        body=Reauthenticate,
        answer=AuthingoSignedIn,
        errors=(WrongPassword,),
        session=True,
        hashes=True,
    ),
    Route(
        method="POST",
        path="/change-password",
        handle=change_password,
        body=ChangePassword,
        answer=AuthingoSignedIn,
        errors=(WrongPassword,),
        session=True,
        hashes=True,
    ),
    Route(
        method="PATCH",
        path="/user",
        handle=patch_user,
        body=PatchUser,
        profile=True,
        answer=AuthingoSignedIn,
        session=True,
    ),
    Route(
        method="GET",
        path="/sessions",
        handle=list_sessions,
        answer=AuthingoSessions,
        session=True,
    ),
    Route(
        method="DELETE",
        path="/sessions",
        handle=end_other_sessions,
        answer=AuthingoRevoked,
        session=True,
    ),
    Route(
        method="DELETE",
        path="/sessions/{id}",
        parameters={"id": "ses_[0-9a-v]{26}"},
        handle=end_session,
        answer=AuthingoRevoked,
        errors=(NotFound,),
        session=True,
    ),
    Route(method="GET", path="/health", handle=health, answer=AuthingoHealth, checked=False),
]


def all_routes(plugins: Sequence[str] = ()) -> list[Route]:
    """Return every route that settings can turn on, with those of capabilities and plugins."""
    known = capabilities(plugins)
    return [
        *ROUTES,
        *own_account.ROUTES,
        *(route for one in known if one.routes for route in routes_of(one.routes)),
    ]


def routes_of(where: str | Callable[..., Sequence[Route]]) -> Sequence[Route]:
    """Return the routes of a capability or a plugin."""
    found: Sequence[Route] = load(where) if isinstance(where, str) else where()
    return found


def routes_under(settings: Settings) -> Routes:
    """Return the routes that exist under these settings."""
    return Routes(
        [one.under(settings) for one in all_routes(settings.plugins) if one.is_enabled(settings)]
    )
