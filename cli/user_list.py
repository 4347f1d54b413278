"""`authingo users list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from . import output, values
from .listing import After, AsCSV, Limit, Listing, ListOrder, check_after, is_newest, one_format
from .pacing import Alone, PaceOption
from .running import AsJSON, ConfigFile, command, with_auth
from .tables import Column, print_table

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import User

COLUMNS = (
    *("id", "email", "name", "email_verified", "created_at", "updated_at", "disabled_at"),
    *("roles", "delete_at"),
)


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
    role: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE",
            help="Only those with this role.",
            show_default=False,
            callback=values.role,
        ),
    ] = None,
    order: ListOrder = None,
    limit: Limit = None,
    after: After = None,
    as_json: AsJSON = False,
    as_csv: AsCSV = False,
    pace: PaceOption = None,
    config: ConfigFile = None,
) -> None:
    """List users by the time they were created.

    A table shows the newest first. JSON and CSV begin with the oldest, so that a
    program can go on after the last one it has seen.
    """
    one_format(as_json=as_json, as_csv=as_csv)
    newest = is_newest(order, as_table=not (as_json or as_csv))

    async def work(auth: Auth) -> None:
        alone = Alone(auth, pace)
        await check_after(after, "usr_", auth.store.users.find)

        async def fetch(after: str | None, limit: int) -> list[User]:
            return await auth.store.users.page(
                search=search, role=role, after=after, limit=limit, newest=newest
            )

        users = Listing(fetch, lambda user: user.id, after=after, limit=limit, is_alone=alone)
        if as_json:
            await users.print_json(output.user_json)
        elif as_csv:
            await users.print_csv(columns(auth), csv_row)
        else:
            await users.print_table(_draw, none="no users")
        alone.say()

    with_auth(config, work, gives_way=True)


def columns(auth: Auth) -> tuple[str, ...]:
    """Return the columns of CSV: with the profile, if users have one."""
    return COLUMNS if auth.store.profiles is None else (*COLUMNS, "profile")


def csv_row(user: User) -> list[object]:
    """Return the cells of a user, in the order of `columns`; roles with spaces between them."""
    timestamp = output.wire().timestamp
    row: list[object] = [
        user.id,
        user.email,
        user.name,
        "true" if user.email_verified else "false",
        timestamp(user.created_at),
        timestamp(user.updated_at),
        timestamp(user.disabled_at) if user.disabled_at else "",
        " ".join(user.roles),
        timestamp(user.delete_at) if user.delete_at else "",
    ]
    if profile := user.stored_profile:
        from authingo.profile import written

        row.append(json.dumps(written(profile)))
    return row


def _draw(users: list[User]) -> list[str]:
    return print_table(
        [
            Column("email"),
            Column("name", rank=2, enough=12),
            Column("state", rank=1),
            Column("verified", rank=4),
            Column("roles", rank=2, enough=12),
            Column("created", rank=3),
            Column("id", whole=True),
        ],
        [
            [
                user.email,
                user.name,
                state_of(user),
                verified(user),
                " ".join(user.roles),
                f"{user.created_at:%Y-%m-%d}",
                user.id,
            ]
            for user in users
        ],
    )


def state_of(user: User) -> str:
    """Return whether a user may sign in, in the word that every command uses."""
    if user.disabled_at:
        return "disabled"
    return "deleted soon" if user.delete_at else "enabled"


def verified(user: User) -> str:
    """Return whether the email is verified."""
    return "yes" if user.email_verified else "no"
