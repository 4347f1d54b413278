"""Run a command: open the database, make one library call, print, and report errors."""

from __future__ import annotations

import errno
import functools
import io
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, NoReturn, ParamSpec, TypeVar

import typer

from . import output
from .interruption import between_callbacks

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.errors import AuthError

P = ParamSpec("P")
T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EIO, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NICENESS = 15  # higher than that of a server's hashing threads; see pace.py


def _inherited(ctx: typer.Context, value: str | None) -> str | None:
    """Use the --config that was given before the command."""
    if value is None and ctx.parent is not None:
        above: str | None = ctx.parent.params.get("config")
        return above
    return value


ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration file. By default the one in AUTHINGO_CONFIG, "
        "or authingo.toml here or in a directory above.",
        show_default=False,
        callback=_inherited,
    ),
]


Who = Annotated[
    str,
    typer.Argument(metavar="EMAIL|ID", help="The user, by email or by id.", show_default=False),
]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Make a function a command: print what it raises as one line with a hint, and exit.

    It is not an error if the reader closes the pipe early: it has what it wanted.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from authingo.cli.errors import CannotWrite

        from authingo.errors import AuthError

        try:
            function(*args, **kwargs)
            sys.stdout.flush()
        except AuthError as error:
            fail(error, as_json=bool(kwargs.get("as_json")))
        except BrokenPipeError:
            _discard_output()
            raise typer.Exit from None
        except OSError as error:
            if error.errno not in _FULL:
                raise
            _discard_output()
            failed = CannotWrite(f"cannot write: {error.strerror}")
            fail(failed, as_json=bool(kwargs.get("as_json")))

    return run


def _discard_output() -> None:
    """Send the rest of the output to /dev/null, because Python tries to flush it at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def with_auth(
    config_file: str | None,
    work: Callable[[Auth], Awaitable[T]],
    *,
    create: bool = False,
    opened: bool = True,
    gives_way: bool = False,
) -> T:
    """Open the database that is configured, do the work, close.

    Args:
        config_file: the value of `--config`.
        work: the one library call, and what it needs.
        create: create and migrate an SQLite database that does not exist.
        opened: if False, `work` opens the database itself.
        gives_way: it may take minutes, so it runs with a lower priority than servers.
    """
    import asyncio

    from authingo.auth import Auth

    if gives_way:
        if hasattr(os, "nice"):
            os.nice(_NICENESS)
        if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
            # With PYTHONUNBUFFERED, as in many containers, each row would be a system call.
            sys.stdout.reconfigure(write_through=False)

    async def run() -> T:
        with between_callbacks():
            auth = Auth.from_config(config_file)
            try:
                if opened:
                    await auth.open(create=create)
                return await work(auth)
            finally:
                await auth.close()

    return asyncio.run(run())


def fail(error: AuthError, *, as_json: bool) -> NoReturn:
    """Print what went wrong and what to do to stderr, and exit."""
    raise typer.Exit(report(error, as_json=as_json))


def report(error: AuthError, *, as_json: bool) -> int:
    """Print what went wrong and what to do to stderr, and return the exit code."""
    from authingo.cli.errors import UsageError

    from authingo.errors import InvalidInput

    message = error.message
    if isinstance(error, InvalidInput) and error.fields:
        message = "; ".join(f"{field} {problem}" for field, problem in error.fields.items())
    output.error(error.code, message, error.hint, as_json=as_json)
    return 2 if isinstance(error, UsageError) else 1
