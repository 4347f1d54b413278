"""The routes that mail adds."""

from __future__ import annotations

import msgspec

from authingo.auth import Auth
from authingo.errors import InvalidToken, TooManyRequests
from authingo.http.replies import Reply
from authingo.http.requests import Request
from authingo.http.route import Body, NewPassword, Route
from authingo.http.routes import Tried
from authingo.mail.resets import PasswordResets
from authingo.mail.settings import sends_mail


class RequestPasswordReset(Body):
    """The email of the account."""

    email: Tried


class ResetPassword(Body):
    """The token of the mail, and the new password."""

    token: Tried
    new_password: NewPassword


class AuthingoMailSent(msgspec.Struct):
    """If there is such an account, a mail is on its way."""

    sent: bool


class AuthingoPasswordReset(msgspec.Struct):
    """The password is the new one. Nobody is signed in."""

    success: bool


async def request_password_reset(auth: Auth, request: Request) -> Reply:
    """Send a mail with a link to choose a new password. The answer is the same for everybody."""
    await auth.capability(PasswordResets).request(
        email=request.body.email,
        device=request.device,
        client=request.client,
    )
    return Reply({"sent": True})


async def reset_password(auth: Auth, request: Request) -> Reply:
    """Choose a new password with the token of a mail; every session of the user ends."""
    await auth.capability(PasswordResets).reset(
        token=request.body.token,
        new_password=request.body.new_password,
        client=request.client,
    )
    return Reply({"success": True})


ROUTES = [
    Route(
        method="POST",
        path="/reset-password/request",
        handle=request_password_reset,
        body=RequestPasswordReset,
        answer=AuthingoMailSent,
        errors=(TooManyRequests,),
        enabled=sends_mail,
    ),
    Route(
        method="POST",
        path="/reset-password",
        handle=reset_password,
        body=ResetPassword,
        answer=AuthingoPasswordReset,
        errors=(InvalidToken,),
        hashes=True,
        enabled=sends_mail,
    ),
]
