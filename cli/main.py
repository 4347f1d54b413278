"""The command tree and its entry point."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from authingo.cli.errors import NoAnswer
from typer.main import get_command

from authingo.errors import AuthError

from . import (
    cookies,
    doctor,
    events,
    help_command,
    init,
    mail,
    manual,
    migrate,
    serve,
    sessions,
    stats,
    users,
)
from .running import ConfigFile, report
from .tree import App, require_command
from .usage import wants_json

app = App(
    name="authingo",
    help="Authentication for your own service, on your own database.",
    epilog="Start with: authingo serve",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init", epilog="Example: authingo init my-app --react")(init.init)
app.command("migrate", epilog="Example: authingo migrate --wait 60")(migrate.migrate)
app.command("serve", epilog="Example: authingo serve --port 9000")(serve.serve)
app.command("doctor", epilog="Example: authingo doctor --url https://example.com")(doctor.doctor)
app.command("stats", epilog="Example: authingo stats --days 30")(stats.stats)
app.add_typer(users.app, name="users", epilog="Example: authingo users list")
app.add_typer(sessions.app, name="sessions", epilog="Example: authingo sessions prune")
app.add_typer(events.app, name="events", epilog="Example: authingo events list --follow")
app.add_typer(mail.app, name="mail", epilog="Example: authingo mail test you@example.com")
app.add_typer(cookies.app, name="cookies", epilog="Example: pbpaste | authingo cookies inspect")
app.command("help", epilog="Example: authingo help users create")(help_command.show_help)
app.command("manual", epilog="Example: authingo manual --man ~/.local/share/man/man1")(
    manual.manual
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"authingo {version('authingo')}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _authingo(
    ctx: typer.Context,
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
    config: ConfigFile = None,  # noqa: ARG001 - commands inherit it
) -> None:
    require_command(ctx)


def _open_streams() -> None:
    """Open /dev/null in place of streams that the shell has closed (`2>&-`).

    Python sets such a stream to None, and the next file that is opened would get its number.
    Whatever writes to stderr would then write into that file.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode))


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    _open_streams()
    arguments = sys.argv[1:]
    try:
        code = get_command(app).main(arguments, prog_name="authingo", standalone_mode=False)
    except (
        AuthError
    ) as error:  # raised before a command ran; a running command reports its errors itself
        code = report(error, as_json=wants_json(arguments))
    except typer.Abort:  # a question was answered with Ctrl-D
        code = report(NoAnswer(), as_json=wants_json(arguments))
    sys.exit(code)


if __name__ == "__main__":
    main()
