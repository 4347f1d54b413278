"""`authingo users list`."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .listing import After, Limit, Listing, check_after
from .running import AsJSON, ConfigFile, command, with_auth
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
    limit: Limit = None,
    after: After = None,
    as_json: AsJSON = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    config: ConfigFile = None,
) -> None:
    """List users by the time they were created."""
    from authingo.errors import UsageError

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")

    async def work(auth: Auth) -> None:
        await check_after(after, "usr_", auth.store.user)

        async def fetch(after: str | None, limit: int) -> list[User]:
            return await auth.store.list_users(search=search, after=after, limit=limit)

        users = Listing(fetch, lambda user: user.id, after=after, limit=limit)
        if as_json:
            await users.print_json(output.user_json)
        elif as_csv:
            await _print_csv(users)
        else:
            await users.print_table(_draw, none="no users")

    with_auth(config, work, gives_way=True)


async def _print_csv(users: Listing[User]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    async for page in users.pages():
        for user in page:
            shown = output.user_json(user)
            shown["email"], shown["name"] = output.cell(user.email), output.cell(user.name)
            shown["email_verified"] = "true" if user.email_verified else "false"
            writer.writerow([shown[column] for column in _COLUMNS])


def _draw(users: list[User]) -> None:
    output.table(
        ["email", "name", "state", "created", "id"],
        [
            [
                output.plain(user.email),
                output.plain(user.name),
                _state(user),
                f"{user.created_at:%Y-%m-%d}",
                user.id,
            ]
            for user in users
        ],
        optional=("id",),  # every command takes the email as well
    )


def _state(user: User) -> str:
    if user.disabled_at:
        return "disabled"
    return "verified" if user.email_verified else "active"
