"""Errors that only the command line raises. `cli.running` prints them."""

from __future__ import annotations

from authingo.errors import AuthError


class FileConflict(AuthError):
    """A file cannot be written."""

    code = "file_conflict"
    status = 409


class ChecksFailed(AuthError):
    """A check failed."""

    code = "checks_failed"
    status = 500

    def __init__(self, names: list[str]) -> None:
        count = f"{len(names)} check{'' if len(names) == 1 else 's'} failed"
        super().__init__(f"{count}: {', '.join(names)}", hint="each of them says what to do")


class CannotWrite(AuthError):
    """The output could not be written."""

    code = "cannot_write"
    hint = "is the disk full?"


class NoAnswer(AuthError):
    """The input ended before a question was answered: nothing was changed."""

    code = "no_answer"


class UsageError(AuthError):
    """The command cannot work when called like this."""

    code = "usage"
    status = 400
