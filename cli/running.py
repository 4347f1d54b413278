"""How a command runs: one library call between opening and printing, and how it fails."""

from __future__ import annotations

import errno
import functools
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
_NICENESS = 15  # more than that of a server's threads that hash passwords; see pace.py


def _inherited(ctx: typer.Context, value: str | None) -> str | None:
    """Take the --config that was given before the command."""
    if value is None and ctx.parent is not None:
        above: str | None = ctx.parent.params.get("config")
        return above
    return value


ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration file; else AUTHINGO_CONFIG; "
        "else authingo.toml here or in a directory above.",
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
    """Make a function a command: what it raises becomes one line, a hint and an exit code.

    A reader that closes the pipe early has what it wanted: that is no failure.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from authingo.errors import AuthError, CannotWrite

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
    """Let what is still to be written go nowhere: it is tried once more at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def with_auth(
    config_file: str | None,
    work: Callable[[Auth], Awaitable[T]],
    *,
    create: bool = False,
    opened: bool = True,
    gives_way: bool = False,
) -> T:
    """Open what the configuration names, do the work, close.

    Args:
        config_file: the one of `--config`.
        work: the one library call, and what it needs.
        create: make and migrate an embedded database that is not there.
        opened: False leaves the opening to the work.
        gives_way: it may take minutes, and servers on this machine go first.
    """
    import asyncio

    from authingo.auth import Auth

    if gives_way and hasattr(os, "nice"):
        os.nice(_NICENESS)

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
    """Say what went wrong and what to do on stderr, and exit."""
    raise typer.Exit(report(error, as_json=as_json))


def report(error: AuthError, *, as_json: bool) -> int:
    """Say what went wrong and what to do on stderr, and return the exit code."""
    from authingo.errors import InvalidInput, UsageError

    message = error.message
    if isinstance(error, InvalidInput) and error.fields:
        message = "; ".join(f"{field} {problem}" for field, problem in error.fields.items())
    output.error(error.code, message, error.hint, as_json=as_json)
    return 2 if isinstance(error, UsageError) else 1
