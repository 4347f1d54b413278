"""The routes of invitations."""

from __future__ import annotations

import msgspec

from authingo.auth import Auth
from authingo.errors import NotFound
from authingo.http.replies import Answer, Page, Redirect, Reply
from authingo.http.requests import Request
from authingo.http.route import Body, Route
from authingo_invitations.settings import are_enabled
from authingo_invitations.use_cases import Invitations


class AcceptInvitation(Body):
    """The token of an invitation, and who accepts it."""

    token: str
    name: str


class Invitation(msgspec.Struct):
    """An invitation to send to a guest."""

    token: str


class Guests(msgspec.Struct):
    """The names of those who have accepted invitations of the caller."""

    guests: list[str]


class Accepted(msgspec.Struct):
    """The invitation was accepted."""

    success: bool


async def invite(auth: Auth, request: Request) -> Answer:
    """Make an invitation."""
    caller = await auth.resume(request.session_token)
    return Reply({"token": await auth.capability(Invitations).invite(caller.user)})


async def accept_invitation(auth: Auth, request: Request) -> Answer:
    """Accept an invitation."""
    await auth.capability(Invitations).accept(request.body.token, name=request.body.name)
    return Reply({"success": True})


async def guests(auth: Auth, request: Request) -> Answer:
    """List the guests of the caller."""
    caller = await auth.resume(request.session_token)
    return Reply({"guests": await auth.capability(Invitations).guests(caller.user)})


async def invitations(auth: Auth, request: Request) -> Answer:
    """Go to the page of invitations."""
    return Redirect(
        location=f"{auth.settings.public_url}{auth.settings.base_path}/invitations/page"
    )


async def invitations_page(auth: Auth, request: Request) -> Answer:
    """Show the page of invitations."""
    return Page(html="<!doctype html><title>Invitations</title><p>Ask a friend for one.")


ROUTES = [
    Route(
        method="POST",
        path="/invitations",
        handle=invite,
        answer=Invitation,
        session=True,
        recent=True,
        enabled=are_enabled,
    ),
    Route(
        method="POST",
        path="/invitations/accept",
        handle=accept_invitation,
        body=AcceptInvitation,
        answer=Accepted,
        errors=(NotFound,),
        enabled=are_enabled,
    ),
    Route(
        method="GET",
        path="/invitations/guests",
        handle=guests,
        answer=Guests,
        session=True,
        enabled=are_enabled,
    ),
    Route(
        method="GET",
        path="/invitations",
        handle=invitations,
        answer=Redirect,
        checked=False,
        enabled=are_enabled,
    ),
    Route(
        method="GET",
        path="/invitations/page",
        handle=invitations_page,
        answer=Page,
        checked=False,
        enabled=are_enabled,
    ),
]
