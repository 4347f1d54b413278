"""`authingo users roles`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import output, values
from .running import AsJSON, ConfigFile, Who, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import User

EPILOG = "Example: authingo users roles ada@example.com --add admin --remove editor"


def _names(names: list[str] | None) -> list[str] | None:
    for name in names or ():
        values.role(name)
    return names


@command
def roles(
    who: Who,
    *,
    add: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE",
            help="Give this role; repeat it for several.",
            show_default=False,
            callback=_names,
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE",
            help="Take this role; repeat it for several.",
            show_default=False,
            callback=_names,
        ),
    ] = None,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Show the roles of a user, or change them.

    A change counts at once, in every session that the user has. What a role permits is in your
    program, so a role that it does not know permits nothing.
    """

    async def work(auth: Auth) -> tuple[User, User]:
        user = await auth.find_user(who)
        if not add and not remove:
            return user, user
        return user, await auth.change_roles(user, add=add or (), remove=remove or ())

    before, user = with_auth(config, work)
    if as_json:
        output.as_json(output.user_json(user))
        return
    if add and not user.email_verified:
        output.note(
            f"warning: {output.named(user)} has not verified the address, so this may be somebody"
            " else"
        )
    if (add or remove) and user.roles == before.roles:
        output.note(f"{output.named(user)} has these roles already: nothing was changed")
    for name in user.roles:
        output.data(output.plain(name))
