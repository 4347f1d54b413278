"""`authingo users list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .listing import After, AsCSV, Limit, Listing, ListOrder, check_after, is_newest, one_format
from .running import AsJSON, ConfigFile, command, with_auth
from .tables import Column, print_table
from .values import utf_8

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
            callback=utf_8,
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
        await check_after(after, "usr_", auth.store.user)

        async def fetch(after: str | None, limit: int) -> list[User]:
            return await auth.store.list_users(
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
    shown["email"], shown["name"] = output.cell(user.email), output.cell(user.name)
    shown["email_verified"] = "true" if user.email_verified else "false"
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
                output.plain(user.email),
                output.plain(user.name),
                state_of(user),
                verified(user),
                f"{user.created_at:%Y-%m-%d}",
                user.id,
            ]
            for user in users
        ],
    )


def state_of(user: User) -> str:
    """Say whether a user may sign in, in the word that every command has for it."""
    return "disabled" if user.disabled_at else "active"


def verified(user: User) -> str:
    """Say whether the email is known to be theirs."""
    return "yes" if user.email_verified else "no"
