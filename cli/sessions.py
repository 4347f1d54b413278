"""`authingo sessions`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from . import output, session_list
from .asking import Yes, confirm, require_terminal
from .pacing import Alone, PaceOption
from .progress import progress
from .running import AsJSON, ConfigFile, command, with_auth
from .tree import App
from .values import whole_number

if TYPE_CHECKING:
    from authingo.auth import Auth

app = App(help="Look after sessions.")
app.command("list", epilog="Example: authingo sessions list --user ada@example.com --refreshable")(
    session_list.list_sessions
)


@app.command("revoke", epilog="Example: authingo sessions revoke --user ada@example.com")
@command
def revoke(
    session_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="A session, by its id.", show_default=False),
    ] = None,
    *,
    user: Annotated[
        str | None,
        typer.Option(metavar="EMAIL|ID", help="All sessions of this user.", show_default=False),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="All sessions of all users. Asks first.")
    ] = False,
    yes: Yes = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """End sessions on every running server. Their users have to sign in again.

    Give one of ID, --user and --all. --all works in batches that do not block other requests; if it
    is killed half-way, run it again.
    """
    from authingo.cli.errors import UsageError

    if (session_id is not None) + (user is not None) + everybody != 1:
        raise UsageError(
            "give exactly one of ID, --user and --all", hint="`authingo sessions list` shows ids"
        )
    if everybody:
        require_terminal(yes=yes)

    async def work(auth: Auth) -> tuple[int, str]:
        if session_id is not None:
            ended = await auth.revoke_session(session_id)
            return 1, f"session of {output.plain(ended.user.email)}"
        if user is not None:
            found = await auth.find_user(user)
            revoked = await auth.revoke(found)
            return revoked, f"{_sessions(revoked)} of {output.plain(found.email)}"
        revoked = await _revoke_all(auth, yes=yes)
        return revoked, f"{_sessions(revoked)} of all users"

    revoked, what = with_auth(config, work)
    if as_json:
        output.as_json({"revoked": revoked})
    else:
        output.note(f"revoked {what}")


async def _revoke_all(auth: Auth, *, yes: bool) -> int:
    total = await auth.store.sessions.count_refreshable()
    confirm(f"End {_sessions(total)}, those of all users?", yes=yes)
    with progress("revoking", total, unit="sessions") as done:
        return await auth.revoke_all(done=done)


@app.command("prune", epilog="Example, in a crontab: 17 * * * *  authingo sessions prune")
@command
def prune(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    batch_size: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(1, 100_000),
            help="How many rows one short transaction may delete; ten times as many while nobody "
            "else is connected.",
        ),
    ] = 5000,
    pace: PaceOption = None,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Delete sessions that can no longer be refreshed, and what is due. For cron: silent there.

    Used nonces, old counts, events older than `events.retention`, mails that failed more than
    30 days ago, and the record of slow hashes that no user has any more are deleted too.
    So are users whose deletion is due: they asked for it, and `users.deletion_grace` is over.
    It works in batches that block nobody, may overlap with itself, and may be killed at any
    moment. It rests between the batches while other programs are connected to the database.
    A session that could still be refreshed is never touched.
    """

    rested_for: list[str] = []

    async def work(auth: Auth) -> int:
        watched, alone = sys.stderr.isatty(), Alone(auth, pace)
        total = await auth.store.maintenance.count_prunable() if dry_run or watched else 0
        if dry_run:
            return total
        with progress("pruning", total, unit="rows") as done:
            pruned = await auth.prune(batch_size=batch_size, done=done, is_alone=alone)
        alone.say()
        rested_for.extend(alone.rested_for)
        return pruned

    began = time.monotonic()
    pruned = with_auth(config, work, gives_way=True)
    seconds = round(time.monotonic() - began, 3)
    if as_json:
        told = {"pruned": pruned, "dry_run": dry_run, "seconds": seconds}
        output.as_json({**told, "rested_for": rested_for})
    elif dry_run:
        output.data(str(pruned))
    elif sys.stderr.isatty():
        output.note(f"pruned {_sessions(pruned)} in {seconds} s")


def _sessions(number: int) -> str:
    return output.count(number, "session")
