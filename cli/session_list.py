"""`authingo sessions list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .listing import (
    After,
    AsCSV,
    Limit,
    Listing,
    ListOrder,
    check_after,
    is_newest,
    one_format,
)
from .pacing import Alone, PaceOption
from .running import AsJSON, ConfigFile, command, with_auth
from .tables import Column, print_table
from .user_agents import short_name

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import StoredSession


_COLUMNS = [
    "id",
    "user_id",
    "email",
    "state",
    "created_at",
    "last_used_at",
    "expires_at",
    "refresh_expires_at",
    "authenticated_at",
    "methods",
    "ip",
    "browser",
    "user_agent",
]


@command
def list_sessions(
    *,
    user: Annotated[
        str | None,
        typer.Option(metavar="EMAIL|ID", help="Only those of this user.", show_default=False),
    ] = None,
    refreshable: Annotated[
        bool, typer.Option("--refreshable", help="Only those that have not expired.")
    ] = False,
    expired: Annotated[
        bool, typer.Option("--expired", help="Only those that have expired and are not pruned yet.")
    ] = False,
    order: ListOrder = None,
    limit: Limit = None,
    after: After = None,
    as_json: AsJSON = False,
    as_csv: AsCSV = False,
    pace: PaceOption = None,
    config: ConfigFile = None,
) -> None:
    """List sessions by the time of the sign-in. Times are UTC.

    A table shows the newest first; JSON and CSV begin with the oldest. The browser is what it says
    of itself.
    """
    from authingo.cli.errors import UsageError

    if refreshable and expired:
        raise UsageError(
            "--refreshable and --expired exclude each other", hint="neither lists both"
        )

    one_format(as_json=as_json, as_csv=as_csv)
    newest = is_newest(order, as_table=not (as_json or as_csv))

    async def work(auth: Auth) -> None:
        from authingo.wire import stored_session_json

        user_id = None if user is None else (await auth.find_user(user)).id
        alone = Alone(auth, pace)
        await check_after(after, "ses_", auth.store.sessions.find)

        async def fetch(after: str | None, limit: int) -> list[StoredSession]:
            only = refreshable if refreshable or expired else None
            return await auth.store.sessions.page(
                user_id=user_id, refreshable=only, after=after, limit=limit, newest=newest
            )

        sessions = Listing(
            fetch, lambda one: one.session.id, after=after, limit=limit, is_alone=alone
        )
        if as_json:
            await sessions.print_json(stored_session_json)
        elif as_csv:
            await sessions.print_csv(_COLUMNS, _csv_row)
        else:
            await sessions.print_table(_draw, none="no sessions")
        alone.say()

    with_auth(config, work, gives_way=True)


def _csv_row(one: StoredSession) -> list[object]:
    from authingo.wire import stored_session_json

    facts = {
        **stored_session_json(one),
        "state": _state(one),
        "browser": short_name(one.session.user_agent),
        "methods": " ".join(one.session.methods),
    }
    return [facts[column] for column in _COLUMNS]


def _draw(sessions: list[StoredSession]) -> list[str]:
    return print_table(
        [
            Column("user"),
            Column("state", rank=3),
            Column("last used", rank=2),
            Column("expires", rank=5),
            Column("by", rank=7),  # how the user has proved who they are, and when last
            Column("proved", rank=6),
            Column("from", rank=4),
            Column("browser", rank=1),
            Column("id", whole=True),  # `sessions revoke` takes it
        ],
        [
            [
                one.user.email,
                _state(one),
                f"{one.session.last_used_at:%Y-%m-%d %H:%M}",
                f"{one.session.refresh_expires_at:%Y-%m-%d}",
                " ".join(one.session.methods),
                f"{one.session.authenticated_at:%Y-%m-%d %H:%M}",
                one.session.ip or "",
                short_name(one.session.user_agent),
                one.session.id,
            ]
            for one in sessions
        ],
    )


def _state(one: StoredSession) -> str:
    return "refreshable" if one.refreshable else "expired"
