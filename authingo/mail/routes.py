"""The routes that mail adds."""

from __future__ import annotations

import msgspec

from authingo.auth import Auth
from authingo.config import Settings
from authingo.errors import (
    EmailNotVerified,
    EmailTaken,
    InvalidCredentials,
    InvalidInput,
    InvalidToken,
    PasswordRequired,
    SessionExpired,
    SignUpClosed,
    TooManyRequests,
    WrongPassword,
)
from authingo.http.answers import AuthingoSignedIn, Time
from authingo.http.replies import Reply, error_reply
from authingo.http.requests import Request, session_reply
from authingo.http.route import Body, NewPassword, Route
from authingo.http.routes import Email, SignIn, SignUp, Tried, reauthenticate, sign_in
from authingo.mail.deletions import DeletionUndo
from authingo.mail.email_changes import EmailChanges
from authingo.mail.proof import Presented
from authingo.mail.reauthentication_codes import ReauthenticationCodes
from authingo.mail.resets import PasswordResets
from authingo.mail.settings import (
    requires_verification,
    sends_mail,
    signs_in_by_code,
    verifies,
)
from authingo.mail.sign_in_codes import SignInCodes
from authingo.mail.sign_ups import SignUps
from authingo.mail.verification import Verification
from authingo.models import SignedIn, UserAndSession
from authingo.wire import timestamp


class RequestPasswordReset(Body):
    """The email of the account."""

    email: Tried


class ResetPassword(Body):
    """The token of the mail, and the new password."""

    token: Tried
    new_password: NewPassword


class UseLink(Body):
    """The token of the mail. The password is needed in a browser that the account does not know."""

    token: Tried
    password: Tried | None = None


class RequestSignInCode(Body):
    """The email of the account."""

    email: Tried


class SignInWithCode(Body):
    """The code of the mail."""

    code: Tried


class RequestEmailChange(Body):
    """The new address."""

    new_email: Email


class UndoDeletion(Body):
    """The token of the mail, and the address that it was sent to."""

    token: Tried
    email: Tried


class UndoEmailChange(Body):
    """The token of the mail, and the address that it was sent to."""

    token: Tried
    email: Tried


class AuthingoEmailChange(msgspec.Struct):
    """Whether a change of address waits for the link in the mail; to which, and since when."""

    waiting: bool
    new_email: str | None
    requested_at: Time | None


class AuthingoEmailChangeCancelled(msgspec.Struct):
    """Whether a change of address was waiting. Its link works no more."""

    cancelled: bool


class AuthingoEmailRestored(msgspec.Struct):
    """The account has its old address again. Nobody is signed in."""

    success: bool


class ReauthenticateByPasswordOrCode(Body):
    """The password of the user who is signed in, or the code of a mail if they have none."""

    password: Tried | None = None
    code: Tried | None = None


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


async def request_email_verification(auth: Auth, request: Request) -> Reply:
    """Send a mail with a link to verify the address of the signed-in user."""
    sent = await auth.capability(Verification).request(
        session_token=request.session_token, client=request.client
    )
    return Reply({"sent": sent})


async def verify_email(auth: Auth, request: Request) -> Reply:
    """Verify an address with the token of a mail. With the password, this is a sign-in."""
    return _proved(request, await auth.capability(Verification).verify(_presented(request)))


def _proved(request: Request, proved: SignedIn | UserAndSession) -> Reply:
    """Answer to the token of a link. What waited in this browser is completed."""
    reply = request.signed_in(proved) if isinstance(proved, SignedIn) else session_reply(proved)
    if request.pending is None:
        return reply
    cleared = request.cookies.clear_one(request.cookies.pending)
    return msgspec.structs.replace(reply, cookies=(*reply.cookies, *cleared))


def _presented(request: Request) -> Presented:
    """Return what came with the token of a link."""
    return Presented(
        token=request.body.token,
        password=request.body.password,
        session_token=request.session_token,
        device=request.device,
        pending=request.pending,
        client=request.client,
    )


async def sign_up_to_verify(auth: Auth, request: Request) -> Reply:
    """Begin to create an account. The answer is the same whether the address is taken or not."""
    pending = await auth.capability(SignUps).request(
        **msgspec.structs.asdict(request.body), client=request.client
    )
    return Reply({"sent": True}, cookies=_pending(request, pending))


async def sign_in_verified(auth: Auth, request: Request) -> Reply:
    """Sign in with email and password, if the address is verified."""
    try:
        return await sign_in(auth, request)
    except EmailNotVerified as error:
        reply = error_reply(error)
        cookies = _pending(request, error.pending) if error.pending else ()
        return msgspec.structs.replace(reply, cookies=cookies)


def _pending(request: Request, value: str) -> tuple[str, ...]:
    """Return the cookie of a browser that has to prove its address."""
    return tuple(request.cookies.write_one(request.cookies.pending, value))


async def request_email_change(auth: Auth, request: Request) -> Reply:
    """Send a mail to another address, with a link that makes it the address of the user."""
    caller = await auth.resume(request.session_token)
    await auth.capability(EmailChanges).request(
        caller.user, new_email=request.body.new_email, client=request.client
    )
    return Reply({"sent": True})


async def show_email_change(auth: Auth, request: Request) -> Reply:
    """Return the change of address that the caller has asked for and that is not complete."""
    caller = await auth.resume(request.session_token)
    asked = await auth.capability(EmailChanges).pending(caller.user)
    return Reply(
        {
            "waiting": asked is not None,
            "new_email": asked.new_email if asked else None,
            "requested_at": timestamp(asked.requested_at) if asked else None,
        }
    )


async def cancel_email_change(auth: Auth, request: Request) -> Reply:
    """End the change of address that the caller has asked for; the address stays."""
    caller = await auth.resume(request.session_token)
    return Reply({"cancelled": await auth.capability(EmailChanges).cancel(caller.user)})


async def change_email(auth: Auth, request: Request) -> Reply:
    """Store a new address with the token of a mail. With the password, this is a sign-in."""
    return _proved(request, await auth.capability(EmailChanges).change(_presented(request)))


async def undo_email_change(auth: Auth, request: Request) -> Reply:
    """Give an account its old address back with the token of a mail; every session ends."""
    await auth.capability(EmailChanges).undo(
        token=request.body.token, email=request.body.email, client=request.client
    )
    return Reply({"success": True})


async def reset_password(auth: Auth, request: Request) -> Reply:
    """Choose a new password with the token of a mail; every session of the user ends."""
    await auth.capability(PasswordResets).reset(
        token=request.body.token,
        new_password=request.body.new_password,
        client=request.client,
    )
    return Reply({"success": True})


async def request_sign_in_code(auth: Auth, request: Request) -> Reply:
    """Send a mail with a code to sign in with. The answer is the same for everybody."""
    token = await auth.capability(SignInCodes).request(
        email=request.body.email,
        ceremony=request.ceremony,
        device=request.device,
        client=request.client,
    )
    cookies = request.cookies.write_one(request.cookies.ceremony, token)
    return Reply({"sent": True}, cookies=tuple(cookies))


async def sign_in_with_code(auth: Auth, request: Request) -> Reply:
    """Sign in with the code of a mail, in the browser that asked for it."""
    result = await auth.capability(SignInCodes).sign_in(
        code=request.body.code,
        ceremony=request.ceremony,
        session_token=request.session_token,
        device=request.device,
        client=request.client,
    )
    return request.signed_in(result, done=request.cookies.ceremony)


async def request_reauthentication_code(auth: Auth, request: Request) -> Reply:
    """Send a mail with a code to the user who is signed in and has no password."""
    token = await auth.capability(ReauthenticationCodes).request(
        session_token=request.session_token,
        device=request.device,
        client=request.client,
    )
    if token is None:
        return Reply({"sent": False})
    cookies = request.cookies.write_one(request.cookies.ceremony, token)
    return Reply({"sent": True}, cookies=tuple(cookies))


async def reauthenticate_by_password_or_code(auth: Auth, request: Request) -> Reply:
    """Prove again who is signed in, and replace the session cookie."""
    password, code = request.body.password, request.body.code
    if password is not None and code is None:
        return await reauthenticate(auth, request)
    if code is None or password is not None:
        raise InvalidInput({"code": "is needed, or a password, and not both"})
    result = await auth.capability(ReauthenticationCodes).reauthenticate(
        session_token=request.session_token,
        code=code,
        ceremony=request.ceremony,
        device=request.device,
        client=request.client,
    )
    return request.signed_in(result, done=request.cookies.ceremony)


async def undo_deletion(auth: Auth, request: Request) -> Reply:
    """Keep an account that will be deleted, with the link in the mail."""
    await auth.capability(DeletionUndo).undo(
        token=request.body.token, email=request.body.email, client=request.client
    )
    return Reply({"success": True})


def _undoes_deletions(settings: Settings) -> bool:
    return sends_mail(settings) and settings.users.deletion


ROUTES = [
    Route(
        method="POST",
        path="/sign-up",
        handle=sign_up_to_verify,
        body=SignUp,
        profile=True,
        answer=AuthingoMailSent,
        errors=(SignUpClosed,),
        hashes=True,
        enabled=requires_verification,
    ),
    Route(
        method="POST",
        path="/sign-in",
        handle=sign_in_verified,
        body=SignIn,
        answer=AuthingoSignedIn,
        errors=(InvalidCredentials, EmailNotVerified),
        hashes=True,
        enabled=requires_verification,
    ),
    Route(
        method="POST",
        path="/verify-email/request",
        handle=request_email_verification,
        answer=AuthingoMailSent,
        errors=(TooManyRequests,),
        session=True,
        enabled=verifies,
    ),
    Route(
        method="POST",
        path="/verify-email",
        handle=verify_email,
        body=UseLink,
        answer=AuthingoSignedIn,
        errors=(InvalidToken, PasswordRequired, InvalidCredentials, SessionExpired),
        hashes=True,
        enabled=verifies,
    ),
    Route(
        method="POST",
        path="/change-email/request",
        handle=request_email_change,
        body=RequestEmailChange,
        answer=AuthingoMailSent,
        errors=(TooManyRequests,),
        session=True,
        recent=True,
        enabled=sends_mail,
    ),
    Route(
        method="GET",
        path="/change-email",
        handle=show_email_change,
        answer=AuthingoEmailChange,
        session=True,
        enabled=sends_mail,
    ),
    Route(
        method="DELETE",
        path="/change-email",
        handle=cancel_email_change,
        answer=AuthingoEmailChangeCancelled,
        session=True,
        enabled=sends_mail,
    ),
    Route(
        method="POST",
        path="/change-email",
        handle=change_email,
        body=UseLink,
        answer=AuthingoSignedIn,
        errors=(
            InvalidToken,
            EmailTaken,
            PasswordRequired,
            InvalidCredentials,
            SessionExpired,
        ),
        hashes=True,
        enabled=sends_mail,
    ),
    Route(
        method="POST",
        path="/change-email/undo",
        handle=undo_email_change,
        body=UndoEmailChange,
        answer=AuthingoEmailRestored,
        errors=(InvalidToken, EmailTaken, TooManyRequests),
        enabled=sends_mail,
    ),
    Route(
        method="POST",
        path="/user/undo-deletion",
        handle=undo_deletion,
        body=UndoDeletion,
        answer=AuthingoEmailRestored,
        errors=(InvalidToken, TooManyRequests),
        enabled=_undoes_deletions,
    ),
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
    Route(
        method="POST",
        path="/reauthenticate/code/request",
        handle=request_reauthentication_code,
        answer=AuthingoMailSent,
        errors=(TooManyRequests,),
        session=True,
        enabled=sends_mail,
    ),
    Route(
        method="POST",
        path="/reauthenticate",
        handle=reauthenticate_by_password_or_code,
        body=ReauthenticateByPasswordOrCode,
        answer=AuthingoSignedIn,
        errors=(WrongPassword, InvalidToken),
        session=True,
        hashes=True,
        enabled=sends_mail,
    ),
    Route(
        method="POST",
        path="/sign-in/code/request",
        handle=request_sign_in_code,
        body=RequestSignInCode,
        answer=AuthingoMailSent,
        errors=(TooManyRequests,),
        enabled=signs_in_by_code,
    ),
    Route(
        method="POST",
        path="/sign-in/code",
        handle=sign_in_with_code,
        body=SignInWithCode,
        answer=AuthingoSignedIn,
        errors=(InvalidToken,),
        hashes=True,
        enabled=signs_in_by_code,
    ),
]
