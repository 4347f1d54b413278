"""`authingo cookies`."""

from __future__ import annotations

import typer

app = typer.Typer(help="Explain cookies.", no_args_is_help=True)
