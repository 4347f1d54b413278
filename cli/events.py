"""`authingo events`: what happened."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .running import AsJSON, ConfigFile, command, with_auth
from .tables import Column, Table, note_left_out, print_table
from .tree import App
from .values import whole_number

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import Event

app = App(help="Show events.")

# Later rows get the widths of the first ones, so each column gets what it usually needs.
_COLUMNS = [
    Column("at (UTC)", least=19),
    Column("event", least=22),
    Column("user", least=24),
    Column("from", rank=1, least=15),
    Column("session", rank=2, whole=True, least=30),
]
_PAGE = 1000  # rows read at once
_TABLE_LIMIT = 50  # events of a table without --limit
_POLL = 1.0  # seconds between two queries with --follow
# Each server stamps events with its own clock, and may store them late. So the last events are
# read again.
_OVERLAP = timedelta(seconds=10)


def _names() -> list[str]:
    """Return names for completion: never text from strangers, since zsh evaluates it (CWE-78)."""
    import contextlib

    from authingo import events
    from authingo.config import load
    from authingo.errors import ConfigError

    plugins: tuple[str, ...] = ()
    with contextlib.suppress(ConfigError):  # whatever it is, the command itself reports it
        plugins = load().plugins
    return list(events.names(plugins))


def _event_name(text: str) -> str:
    if text not in _names():
        raise typer.BadParameter(f"takes one of {', '.join(_names())}")
    return text


@app.command("list", epilog="Example: authingo events list --user ada@example.com --follow")
@command
def list_events(
    *,
    user: Annotated[
        str | None,
        typer.Option(metavar="EMAIL|ID", help="Only those about this user.", show_default=False),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            parser=_event_name,
            help="Only those of this name, such as sign_in_failed.",
            show_default=False,
            autocompletion=_names,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="The last N; by default 50 in a table, and all of them for programs.",
            show_default=False,
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep running, and print new events.")
    ] = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """List events, the latest last. With --follow and --json, print one JSON value per line."""

    async def work(auth: Auth) -> None:
        chosen = _Chosen(event, None if user is None else await _id_of(auth, user))
        if follow:
            await _follow(auth, chosen, limit or 10, as_json=as_json)
        elif as_json:
            await _print_json(auth, chosen, limit)
        else:
            await _print_table(auth, chosen, limit or _TABLE_LIMIT)

    with_auth(config, work)


class _Chosen:
    """Which events to list."""

    def __init__(self, name: str | None, user_id: str | None) -> None:
        self.name = name
        self.user_id = user_id

    async def last(self, auth: Auth, limit: int) -> list[Event]:
        found = await auth.store.events.page(
            name=self.name, user_id=self.user_id, limit=limit, newest=True
        )
        return found[::-1]

    async def after(self, auth: Auth, event_id: str | None) -> list[Event]:
        return await auth.store.events.page(
            name=self.name, user_id=self.user_id, after=event_id, limit=_PAGE
        )


async def _id_of(auth: Auth, user: str) -> str:
    """Find a user's id. The events of a deleted user are still found by id."""
    from authingo.errors import NoSuchUser
    from authingo.ids import is_id

    if is_id(user, "usr_"):
        return user
    try:
        return (await auth.find_user(user)).id
    except NoSuchUser:
        raise NoSuchUser(hint="deleted users are found by id") from None


async def _print_json(auth: Auth, chosen: _Chosen, limit: int | None) -> None:
    from authingo.wire import event_json

    array = output.JSONArray()
    if limit is not None:
        page = await chosen.last(auth, limit)
    else:
        page = await chosen.after(auth, None)
    while page:
        for event in page:
            array.add(event_json(event))
        page = [] if limit is not None else await chosen.after(auth, page[-1].id)
    array.close()


async def _print_table(auth: Auth, chosen: _Chosen, limit: int) -> None:
    found = await chosen.last(auth, limit)
    if not found:
        output.note("no events")
        return
    note_left_out(print_table(_COLUMNS, await _rows(auth, found)))


async def _rows(auth: Auth, events: list[Event]) -> list[list[str]]:
    """Show users by email, or by id if they were deleted."""
    emails = await auth.store.users.emails([event.user_id for event in events if event.user_id])
    return [
        [
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            event.name + (f" ({event.count:,})" if event.count is not None else ""),
            emails.get(event.user_id or "", event.user_id or ""),
            event.ip or "",
            event.session_id or "",
        ]
        for event in events
    ]


async def _follow(auth: Auth, chosen: _Chosen, limit: int, *, as_json: bool) -> None:
    """Print the last events, then each as it comes, once."""
    import asyncio

    recent: dict[str, Event] = {}
    cursor: str | None = None
    table: Table | None = None
    found = await chosen.last(auth, limit)
    while True:
        fresh = [event for event in found if event.id not in recent]
        recent |= {event.id: event for event in fresh}
        if as_json:
            _print_lines(fresh)
        else:
            rows = await _rows(auth, fresh)
            table = table or _begin_table(rows)
            for row in rows:
                table.print_row(row)
        sys.stdout.flush()
        if recent:
            horizon = max(event.at for event in recent.values()) - _OVERLAP
            over = [event.id for event in recent.values() if event.at < horizon]
            cursor = max([*over, cursor or min(recent)])
            for event_id in over:
                del recent[event_id]
        await asyncio.sleep(_POLL)
        found = await chosen.after(auth, cursor)


def _begin_table(rows: list[list[str]]) -> Table:
    table = Table(_COLUMNS, rows)
    table.print_header()
    note_left_out(table.left_out)
    return table


def _print_lines(events: list[Event]) -> None:
    import json

    from authingo.wire import event_json

    for event in events:
        output.data(json.dumps(event_json(event)))
