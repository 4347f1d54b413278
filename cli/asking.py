"""Questions that commands ask: a new password, and confirmation.

Without a terminal nothing is asked; that is wrong usage, and the error says so.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, TypeVar

import typer

from . import output

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
GeneratePassword = Annotated[
    bool, typer.Option("--generate-password", help="Generate one and print it, once.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, for scripts.")]

_MAX_INPUT = 64 * 1024  # bytes; longer than any password that is accepted


T = TypeVar("T")


class NewPassword:
    """Where a new password comes from. Never an argument: other users see those (CWE-214)."""

    def __init__(self, *, stdin: bool, generate: bool) -> None:
        """Raise UsageError if both are given."""
        from authingo.cli.errors import UsageError

        if stdin and generate:
            raise UsageError("--password-stdin and --generate-password exclude each other")
        self._stdin = stdin
        self.generated = generate

    def require_source(self) -> None:
        """Raise UsageError if there is no source for a password."""
        from authingo.cli.errors import UsageError

        if not (self._stdin or self.generated or sys.stdin.isatty()):
            raise UsageError(
                "there is no terminal to ask for the password",
                hint="pipe it in with --password-stdin, or use --generate-password",
            )

    def get(self) -> str:
        """Generate it, read it or ask for it.

        Raises:
            UsageError: there is no source for it.
        """
        from authingo.passwords import generate

        self.require_source()
        if self.generated:
            return generate()
        return _read_password() if self._stdin else _ask_password()

    async def accepted_by(self, use: Callable[[str], Awaitable[T]]) -> tuple[T, str]:
        """Pass it to `use`; if it was typed and is refused, ask for another one.

        Raises:
            UsageError: there is no source for it.
        """
        from authingo.errors import InvalidInput

        typed = not (self._stdin or self.generated)
        while True:
            new = self.get()
            try:
                return await use(new), new
            except InvalidInput as refused:
                if not typed or refused.fields.keys() != {"password"}:
                    raise
                output.note(f"The password {refused.fields['password']}. Try another one.")


def has_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty()


def require_terminal(*, yes: bool) -> None:
    """Raise UsageError if `confirm` would have no terminal to ask on."""
    from authingo.cli.errors import UsageError

    if not (yes or has_terminal()):
        raise UsageError("there is no terminal to ask for confirmation", hint="add --yes")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr, unless `yes`; exit with 1 if the answer is anything but yes."""
    if yes:
        return
    with _heeding_ctrl_c():  # before it asks, since the answer may come at once
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        answer = sys.stdin.buffer.readline().decode(errors="replace")
    if answer.strip().lower() not in {"y", "yes"}:
        output.note("nothing was changed" if answer else "\nnothing was changed")
        raise typer.Exit(1)


def _read_password() -> str:
    from authingo.cli.errors import UsageError

    try:
        text = sys.stdin.buffer.read(_MAX_INPUT).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("the password on standard input is not UTF-8") from None
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise UsageError("there is no password on standard input")
    return password


def _ask_password() -> str:
    import getpass

    from authingo.cli.errors import UsageError

    while True:
        with _heeding_ctrl_c():
            try:
                password = getpass.getpass("Password: ")
                again = getpass.getpass("Once more: ")
            except UnicodeDecodeError:
                raise UsageError("the password that was typed is not UTF-8") from None
        if again == password:
            return password
        output.note("The two differ. Try again.")


@contextlib.contextmanager
def _heeding_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end a question: asyncio's own handler would only run after the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
