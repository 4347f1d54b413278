"""`authingo users create` and `set-password`: the commands that need a new password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .asking import GeneratePassword, NewPassword, PasswordStdin
from .running import AsJSON, ConfigFile, Who, command, with_auth

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from authingo.auth import Auth
    from authingo.models import ChangedUser, User

    # The user, the message to print, and the password, if a new one was accepted.
    Made = tuple[User, str, str | None]


@command
def create(
    email: Annotated[
        str, typer.Argument(metavar="EMAIL", help="The email to sign in with.", show_default=False)
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The name; by default the part before the @.", show_default=False
        ),
    ] = None,
    verified: Annotated[
        bool, typer.Option("--verified", help="Mark the email as verified.")
    ] = False,
    if_missing: Annotated[
        bool,
        typer.Option(
            "--if-missing",
            help="Succeed if the user exists, and change nothing.",
        ),
    ] = False,
    invite: Annotated[
        bool,
        typer.Option("--invite", help="Send a mail with a link to choose the password."),
    ] = False,
    password_stdin: PasswordStdin = False,
    generate_password: GeneratePassword = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Create a user. Asks for the password if no option says where to get it.

    With --invite the user has no password until they choose one, by a link that works for 7 days.
    Choosing it marks the email as verified. `authingo users send-reset` sends another link.

    With --if-missing it can be run again: a user who exists is not changed, gets no mail, and no
    password is asked for, read or generated (with --json it is then null).
    """
    from authingo.cli.errors import UsageError

    password = NewPassword(stdin=password_stdin, generate=generate_password)
    if invite and (password_stdin or generate_password):
        raise UsageError("with --invite the user chooses the password")
    if not (invite or if_missing):
        password.require_source()

    async def make(auth: Auth) -> Made:
        if invite:
            return await _invite(auth, email, name, verified=verified)
        # Do not ask for a password that cannot be used.
        await auth.check_new_user(email=email, name=name)

        async def create_with(new: str) -> User:
            return await auth.create_user(email=email, password=new, name=name, verified=verified)

        user, new = await password.accepted_by(create_with)
        return user, f"created {output.named(user)}", new

    async def work(auth: Auth) -> Made:
        if invite:
            _require_mail(auth)
        await auth.ping()
        return await (_unless_there(auth, email, make) if if_missing else make(auth))

    user, said, new = with_auth(config, work)
    if not as_json:
        output.note(said)
    _print(user, new, password, as_json=as_json)


@command
def set_password(
    who: Who,
    *,
    password_stdin: PasswordStdin = False,
    generate_password: GeneratePassword = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Give a user a new password, end all their sessions and forget their browsers."""
    password = NewPassword(stdin=password_stdin, generate=generate_password)
    password.require_source()

    async def work(auth: Auth) -> tuple[ChangedUser, str]:
        user = await auth.find_user(who)  # do not ask for a password that cannot be used
        return await password.accepted_by(lambda new: auth.set_password(user, new))

    changed, new = with_auth(config, work)
    if not as_json:
        output.note(
            f"set the password of {output.named(changed.user)}, "
            f"and ended {output.count(changed.ended, 'session')}"
        )
    _print(changed.user, new, password, as_json=as_json)


def _require_mail(auth: Auth) -> None:
    from authingo.mail.settings import require_mail

    require_mail(auth.settings)


async def _invite(auth: Auth, email: str, name: str | None, *, verified: bool) -> Made:
    from authingo.mail.invitations import UserInvitations

    invitations = auth.capability(UserInvitations)
    user = await invitations.create(email=email, name=name, verified=verified)
    return user, f"created {output.named(user)}, and {output.queued_mail(user)}", None


async def _unless_there(auth: Auth, email: str, make: Callable[[Auth], Awaitable[Made]]) -> Made:
    """Make a user, unless there is one with this email."""
    from authingo.errors import EmailTaken

    if there := await _there(auth, email):
        return there
    try:
        return await make(auth)
    except EmailTaken:  # another process created the user first
        if there := await _there(auth, email):
            return there
        raise


async def _there(auth: Auth, email: str) -> Made | None:
    from authingo.errors import NoSuchUser

    if "@" not in email:
        return None  # an id, which cannot be a new user's email
    try:
        user = await auth.find_user(email)
    except NoSuchUser:
        return None
    return user, f"{output.named(user)} exists already: nothing was changed", None


def _print(user: User, new: str | None, password: NewPassword, *, as_json: bool) -> None:
    if as_json:
        shown = output.user_json(user)
        output.as_json({"user": shown, "password": new} if password.generated else shown)
    elif password.generated and new:
        output.data(new)
