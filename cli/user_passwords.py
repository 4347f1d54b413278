"""`authingo users create` and `set-password`: the commands that need a new password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .asking import GeneratePassword, NewPassword, PasswordStdin
from .running import AsJSON, ConfigFile, Who, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import ChangedUser, User


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
    password_stdin: PasswordStdin = False,
    generate_password: GeneratePassword = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Create a user. Asks for the password if no option says where to get it.

    With --if-missing it can be run again: a user who exists is not changed, and no password is
    asked for, read or generated (with --json it is then null).
    """
    password = NewPassword(stdin=password_stdin, generate=generate_password)
    if not if_missing:
        password.require_source()

    async def work(auth: Auth) -> tuple[User, str | None]:
        from authingo.errors import EmailTaken

        await auth.ping()
        if if_missing and (there := await _there(auth, email)):
            return there, None
        # Do not ask for a password that cannot be used.
        await auth.check_new_user(email=email, name=name)

        async def create_with(new: str) -> User:
            return await auth.create_user(email=email, password=new, name=name, verified=verified)

        try:
            return await password.accepted_by(create_with)
        except EmailTaken:  # another process created the user first
            if if_missing and (there := await _there(auth, email)):
                return there, None
            raise

    user, new = with_auth(config, work)
    if not as_json:
        shown = output.named(user)
        output.note(f"created {shown}" if new else f"{shown} exists already: nothing was changed")
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


async def _there(auth: Auth, email: str) -> User | None:
    from authingo.errors import NoSuchUser

    if "@" not in email:
        return None  # an id, which cannot be a new user's email
    try:
        return await auth.find_user(email)
    except NoSuchUser:
        return None


def _print(user: User, new: str | None, password: NewPassword, *, as_json: bool) -> None:
    if as_json:
        shown = output.user_json(user)
        output.as_json({"user": shown, "password": new} if password.generated else shown)
    elif password.generated and new:
        output.data(new)
