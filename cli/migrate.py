"""`authingo migrate`."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .running import AsJSON, ConfigFile, command, with_auth
from .values import whole_number

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.stores.migrations import SchemaStatus

_PAUSE = 0.5  # seconds between two attempts to reach a database


@command
def migrate(
    *,
    status: Annotated[bool, typer.Option("--status", help="Only show the schema version.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Only print the pending SQL.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list pending migrations.")
    ] = False,
    wait: Annotated[
        int,
        typer.Option(
            metavar="SECONDS",
            parser=whole_number(0),
            help="How long to wait for the database to be up.",
        ),
    ] = 0,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Bring the database schema up to date.

    Each migration is one transaction under a lock: running this twice at once is harmless, and if
    it is killed, nothing is half done. Servers may be running; if those of the version before
    cannot run beside a migration, `--status` says so, and they answer 503 after it.
    """
    only_look = status or sql or dry_run

    async def work(auth: Auth) -> tuple[str, SchemaStatus, list[str]]:
        from authingo.config import redact_url
        from authingo.errors import NoDatabase

        if not only_look:
            await auth.store.open(create=True)
        else:
            with contextlib.suppress(NoDatabase):  # then everything is pending
                await auth.open(create=False)
        before = await _reach(auth, wait)
        applied = [] if only_look else await auth.store.migrate()
        return output.plain(redact_url(auth.settings.database_url)), before, applied

    database, before, applied = with_auth(config, work, opened=False)
    if sql:
        output.data(before.script() or "-- nothing is pending")
        return
    current = before.current if only_look else before.latest
    pending = [step.name for step in before.pending] if only_look else []
    incompatible = [step.name for step in before.incompatible if only_look or step.name in applied]
    if as_json:
        facts = {"database": database, "current": current, "latest": before.latest}
        output.as_json({**facts, "pending": pending, "incompatible": incompatible})
        return
    if only_look:
        output.data(f"{database}: schema {current} of {before.latest}")
        for name in pending:
            stops = ", which stops servers of the version before" if name in incompatible else ""
            output.data(f"pending: {name}{stops}")
        return
    for name in applied:
        output.note(f"applied {name}")
    output.note(f"{database}: schema {current} is up to date")
    if incompatible:
        output.note("servers of the version before answer 503 from now on: replace them")


async def _reach(auth: Auth, wait: int) -> SchemaStatus:
    import asyncio

    from authingo.errors import NoDatabase, SchemaUnsupported, StoreUnavailable

    deadline = time.monotonic() + wait
    while True:
        try:
            return await auth.store.schema()
        except (NoDatabase, SchemaUnsupported):
            raise
        except StoreUnavailable:
            if time.monotonic() >= deadline:
                raise
            await asyncio.sleep(_PAUSE)
