"""`authingo sessions list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .listing import After, Limit, Listing, check_after
from .running import AsJSON, ConfigFile, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import StoredSession


@command
def list_sessions(
    *,
    user: Annotated[
        str | None,
        typer.Option(metavar="EMAIL|ID", help="Only those of this user.", show_default=False),
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Only those that can still be refreshed.")
    ] = False,
    expired: Annotated[
        bool, typer.Option("--expired", help="Only those that are over and not pruned yet.")
    ] = False,
    limit: Limit = None,
    after: After = None,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """List sessions by the time of the sign-in. Times are UTC."""
    from authingo.errors import UsageError

    if active and expired:
        raise UsageError("--active and --expired exclude each other", hint="neither lists both")

    async def work(auth: Auth) -> None:
        from authingo.wire import stored_session_json

        user_id = None if user is None else (await auth.find_user(user)).id
        await check_after(after, "ses_", auth.store.session)

        async def fetch(after: str | None, limit: int) -> list[StoredSession]:
            live = active if active or expired else None
            return await auth.store.all_sessions(
                user_id=user_id, live=live, after=after, limit=limit
            )

        sessions = Listing(fetch, lambda one: one.session.id, after=after, limit=limit)
        if as_json:
            await sessions.print_json(stored_session_json)
        else:
            await sessions.print_table(_draw, none="no sessions")

    with_auth(config, work, gives_way=True)


def _draw(sessions: list[StoredSession]) -> None:
    output.table(
        ["user", "state", "last used", "expires", "from", "id"],
        [
            [
                output.plain(one.user.email),
                "active" if one.live else "expired",
                f"{one.session.last_used_at:%Y-%m-%d %H:%M}",
                f"{one.session.refresh_expires_at:%Y-%m-%d}",
                output.plain(one.session.ip or ""),
                one.session.id,
            ]
            for one in sessions
        ],
        optional=("expires", "from"),
        whole=("id",),  # `sessions revoke` takes it
    )
