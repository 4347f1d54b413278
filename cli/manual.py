"""`authingo manual`: the help of every command, as a document and as pages for `man`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import output
from .running import command


@command
def manual(
    ctx: typer.Context,
    *,
    man: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a man page for every command.", show_default=False),
    ] = None,
) -> None:
    """Print the manual as Markdown, or write a man page for every command.

    It has the same text as --help. Where man looks for your own pages depends on the system: mostly
    in ~/.local/share/man/man1.
    """
    from . import files, help_text, manual_formats

    found = list(help_text.pages(ctx.find_root()))
    if man is None:
        output.data(manual_formats.markdown(found).removesuffix("\n"))
        return
    for page in found:
        files.write(man / page.file, manual_formats.roff(page).encode())
    output.note(f"wrote {len(found)} pages into {output.plain(str(man))}")
