"""`authingo help`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import output
from .running import command


@command
def show_help(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND", help="The command, such as users create.", show_default=False
        ),
    ] = None,
) -> None:
    """Show the help of a command, as --help does."""
    found: Any = ctx.find_root()
    for word in words or []:
        if not hasattr(found.command, "commands"):
            break  # the rest are its arguments
        name, below, _ = found.command.resolve_command(found, [word])
        found = typer.Context(below, info_name=name, parent=found)
    output.data(found.get_help())
