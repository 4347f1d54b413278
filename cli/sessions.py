"""`authingo sessions`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .running import AsJSON, ConfigFile, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth

app = typer.Typer(help="Look after sessions.", no_args_is_help=True)


@app.callback()
def _sessions() -> None:
    pass


@app.command("prune", epilog="Example, in a crontab: 17 * * * *  authingo sessions prune")
@command
def prune(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, max=100_000, help="Rows deleted in one short transaction.")
    ] = 5000,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Delete sessions that can no longer be refreshed. For cron: says nothing there.

    Spent nonces and counts, and events older than `events.retention`, go with them.
    It works in batches that block nobody, may overlap with itself, and may be
    killed at any moment. A session that could still be refreshed is never touched.
    """

    async def work(auth: Auth) -> int:
        store = auth.store
        if dry_run:
            return await store.count_prunable()
        pruned = batch = await store.prune(batch_size)
        while batch == batch_size:
            batch = await store.prune(batch_size)
            pruned += batch
        while await store.forget_nonces(batch_size) == batch_size:
            pass
        age = auth.settings.events.retention
        while await store.forget_records(batch_size, events_older_than=age) == batch_size:
            pass
        return pruned

    began = time.monotonic()
    pruned = with_auth(config, work)
    seconds = round(time.monotonic() - began, 3)
    if as_json:
        output.as_json({"pruned": pruned, "dry_run": dry_run, "seconds": seconds})
    elif dry_run:
        output.data(str(pruned))
    elif sys.stderr.isatty():
        output.note(f"pruned {pruned} session{'' if pruned == 1 else 's'} in {seconds} s")
