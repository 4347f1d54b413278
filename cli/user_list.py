"""`authingo users list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import output, values
from .listing import After, AsCSV, Limit, Listing, ListOrder, check_after, is_newest, one_format
from .running import AsJSON, ConfigFile, command, with_auth
from .tables import Column, print_table

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import User

_COLUMNS = ["id", "email", "name", "email_verified", "created_at", "updated_at", "disabled_at"]


@command
def list_users(
    *,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Only those with this in the email or the name.",
            show_default=False,
            callback=values.search,
        ),
    ] = None,
    order: ListOrder = None,
    limit: Limit = None,
    after: After = None,
    as_json: AsJSON = False,
    as_csv: AsCSV = False,
    config: ConfigFile = None,
) -> None:
    """List users by the time they were created.

    A table shows the newest first. JSON and CSV begin with the oldest, so that a
    program can go on after the last one it has seen.
    """
    one_format(as_json=as_json, as_csv=as_csv)
    newest = is_newest(order, as_table=not (as_json or as_csv))

    async def work(auth: Auth) -> None:
        await check_after(after, "usr_", auth.store.users.find)

        async def fetch(after: str | None, limit: int) -> list[User]:
            return await auth.store.users.page(
                search=search, after=after, limit=limit, newest=newest
            )

        users = Listing(fetch, lambda user: user.id, after=after, limit=limit)
        if as_json:
            await users.print_json(output.user_json)
        elif as_csv:
            await users.print_csv(_COLUMNS, _csv_row)
        else:
            await users.print_table(_draw, none="no users")

    with_auth(config, work, gives_way=True)


def _csv_row(user: User) -> list[object]:
    shown = output.user_json(user)
    return [shown[column] for column in _COLUMNS]


def _draw(users: list[User]) -> list[str]:
    return print_table(
        [
            Column("email"),
            Column("name", rank=2, enough=12),
            Column("state", rank=1),
            Column("verified", rank=4),
            Column("created", rank=3),
            Column("id", whole=True),
        ],
        [
            [
                user.email,
                user.name,
                state_of(user),
                verified(user),
                f"{user.created_at:%Y-%m-%d}",
                user.id,
            ]
            for user in users
        ],
    )


def state_of(user: User) -> str:
    """Return whether a user may sign in, in the word that every command uses."""
    return "disabled" if user.disabled_at else "enabled"


def verified(user: User) -> str:
    """Return whether the email is verified."""
    return "yes" if user.email_verified else "no"
