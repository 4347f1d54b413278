"""`authingo mail list`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .listing import After, AsCSV, Limit, Listing, check_after, one_format
from .running import AsJSON, ConfigFile, command, with_auth
from .tables import Column, print_table

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.stores.mails import Mail

_COLUMNS = [
    *("id", "kind", "address", "user_id", "state", "created_at", "due_at", "deadline"),
    *("tries", "failed_at", "error"),
]


@command
def list_mails(
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    queued: Annotated[
        bool, typer.Option("--queued", help="Only those that still wait to be delivered.")
    ] = False,
    limit: Limit = None,
    after: After = None,
    as_json: AsJSON = False,
    as_csv: AsCSV = False,
    config: ConfigFile = None,
) -> None:
    """List the mails that are queued or have failed, the oldest first. Times are UTC.

    A mail that was delivered is no longer there. One that failed is kept for 30 days. A mail to
    "nobody" is never sent: it stands for a request with an address that gets no link.
    """
    from authingo.cli.errors import UsageError

    if failed and queued:
        raise UsageError("--failed and --queued exclude each other", hint="neither lists both")
    one_format(as_json=as_json, as_csv=as_csv)

    only = failed if failed or queued else None

    async def work(auth: Auth) -> None:
        await check_after(after, "mail_", auth.store.mails.find)

        async def fetch(after: str | None, limit: int) -> list[Mail]:
            return await auth.store.mails.page(failed=only, after=after, limit=limit)

        mails = Listing(fetch, lambda one: one.id, after=after, limit=limit)
        if as_json:
            await mails.print_json(_facts)
        elif as_csv:
            await mails.print_csv(_COLUMNS, lambda one: list(_facts(one).values()))
        else:
            await mails.print_table(partial(_draw, failed=only), none="no mails")

    with_auth(config, work, gives_way=True)


def _facts(one: Mail) -> dict[str, object]:
    from authingo.wire import timestamp

    return {
        "id": one.id,
        "kind": one.kind,
        "address": one.address,
        "user_id": one.user_id,
        "state": _state(one),
        "created_at": timestamp(one.created_at),
        "due_at": timestamp(one.due_at),
        "deadline": timestamp(one.deadline),
        "tries": one.tries,
        "failed_at": timestamp(one.failed_at) if one.failed_at else None,
        "error": one.error,
    }


def _draw(mails: list[Mail], *, failed: bool | None) -> list[str]:
    """Print a table, without the columns that say nothing where all are failed or all queued."""
    columns: dict[Column, Callable[[Mail], str]] = {
        Column("to"): lambda one: one.address or "nobody",
        Column("kind", rank=3): lambda one: one.kind.replace("_", " "),
        Column("state"): _state,
        Column("tries", rank=4): lambda one: str(one.tries),
        Column("queued at", rank=5): lambda one: f"{one.created_at:%Y-%m-%d %H:%M}",
        Column("next try", rank=2): _next_try,
        Column("error", rank=1, enough=10): lambda one: one.error or "",  # at least its number
        Column("id", whole=True): lambda one: one.id,  # `mail retry` takes it
    }
    idle: set[str] = {None: set(), False: {"state"}, True: {"state", "next try"}}[failed]
    shown = {column: cell for column, cell in columns.items() if column.name not in idle}
    return print_table(list(shown), [[cell(one) for cell in shown.values()] for one in mails])


def _next_try(one: Mail) -> str:
    return "" if one.failed_at else f"{one.due_at:%Y-%m-%d %H:%M}"


def _state(one: Mail) -> str:
    return "failed" if one.failed_at else "queued"
