"""Report wrong usage like every other error, and suggest what was probably meant.

A message repeats only text that looks like a command or an option, never the value of an
option or an argument, which may be a secret (CWE-532).
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterator
from typing import Any

import typer
from authingo.cli.errors import UsageError

from . import help_text

# The base class of what the parser raises. It is click's, from whichever copy Typer uses.
PARSER_ERROR: type[Exception] = next(
    one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException"
)

_WORD = re.compile(r"-{0,2}[a-zA-Z][a-z-]{0,23}")  # what a message may repeat

_BROWSER = "people sign in and out with a browser: `authingo serve` has a page to try it"
_CREATE = "`authingo users create EMAIL` creates a user"
# What users of other tools may type, and the command that does it here.
_SAID = {
    "version": "`authingo --version` shows it",
    **dict.fromkeys(("login", "signin", "sign-in", "logout", "signout", "sign-out"), _BROWSER),
    **dict.fromkeys(("signup", "sign-up", "register", "adduser", "createsuperuser"), _CREATE),
    **dict.fromkeys(("add", "new-user", "users add", "users new", "users invite"), _CREATE),
    **dict.fromkeys(("upgrade", "db", "schema"), "`authingo migrate` updates the database"),
    **dict.fromkeys(("run", "start", "server", "dev"), "`authingo serve` starts a server"),
    **dict.fromkeys(("new", "startproject"), "`authingo init DIR` starts a project"),
    **dict.fromkeys(("check", "status"), "`authingo doctor` looks for problems"),
    **dict.fromkeys(("log", "logs", "audit"), "`authingo events list` shows what happened"),
    **dict.fromkeys(("man", "docs"), "`authingo manual` prints the manual"),
    **dict.fromkeys(
        ("passwd", "password", "users passwd", "users password", "users reset-password"),
        "`authingo users set-password EMAIL` sets a new password",
    ),
    **dict.fromkeys(("users remove", "users rm", "users del"), "`authingo users delete EMAIL`"),
    **dict.fromkeys(("users get", "users find", "users info"), "`authingo users show EMAIL`"),
    **dict.fromkeys(("users ban", "users block", "users lock"), "`authingo users disable EMAIL`"),
    **dict.fromkeys(("sessions delete", "sessions end"), "`authingo sessions revoke` ends them"),
    **dict.fromkeys(("events follow", "events tail"), "`authingo events list --follow`"),
    **{f"{group} ls": f"`authingo {group} list`" for group in ("users", "sessions", "events")},
}


def wants_json(arguments: list[str]) -> bool:
    """Return whether errors should be JSON. --json may be anywhere before a `--`."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


@contextlib.contextmanager
def explained(ctx: Any) -> Iterator[None]:
    """Turn what the parser raises into a UsageError.

    Raises:
        UsageError: what is wrong, and what to type.
    """
    try:
        yield
    except PARSER_ERROR as error:
        raise _explain(ctx, error) from None


def _explain(ctx: Any, error: Exception) -> UsageError:
    hint = f"`{ctx.command_path} --help` shows how it is used"
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    if hasattr(error, "possibilities"):
        return _unknown_option(ctx, str(option))
    if option is not None:  # a flag with a value, or an option without one
        found = next(one for one in ctx.command.get_params(ctx) if option in one.opts)
        return UsageError(
            f"{option} takes no value"
            if found.is_flag
            else f"{option} needs a value: {help_text.option_label(found)}",
            hint=hint,
        )
    if parameter is None:
        return UsageError(str(getattr(error, "message", error)), hint=hint)
    is_option = parameter.param_type_name == "option"
    name = max(parameter.opts, key=len) if is_option else help_text.argument_name(parameter)
    if hasattr(error, "param_type"):
        return UsageError(f"{name} is missing", hint=hint)
    return UsageError(f"{name} {getattr(error, 'message', error)}", hint=hint)


def _unknown_option(ctx: Any, option: str) -> UsageError:
    said = f"there is no option {option}" if _WORD.fullmatch(option) else "there is no such option"
    known = [name for one in ctx.command.get_params(ctx) for name in one.opts]
    if near := difflib.get_close_matches(option, known, 1, 0.7):
        return UsageError(f"{said} of `{ctx.command_path}`", hint=f"did you mean {near[0]}?")
    below = [name for _, command in _tree(ctx) for one in command.params for name in one.opts]
    if option in below:
        example = f"`{ctx.command_path} COMMAND {option}`"
        return UsageError(f"{said} here", hint=f"it comes after the command: {example}")
    hint = f"`{ctx.command_path} --help` lists the options"
    return UsageError(f"{said} of `{ctx.command_path}`", hint=hint)


def too_many(ctx: Any, number: int) -> UsageError:
    """Return the error for more arguments than a command takes."""
    takes = [one for one in ctx.command.params if one.param_type_name == "argument"]
    names = " ".join(help_text.argument_name(one) for one in takes)
    count = "an argument" if number == 1 else f"{number} arguments"
    return UsageError(
        f"`{ctx.command_path}` was given {count} too many",
        hint=f"it takes {names}; put quotes around text with spaces"
        if takes
        else f"`{ctx.command_path} --help` shows what it takes",
    )


def no_command(ctx: Any) -> UsageError:
    """Return the error for a group that was called without a command."""
    names = ", ".join(name for name, one in ctx.command.commands.items() if not one.hidden)
    return UsageError(f"`{ctx.command_path}` needs a command", hint=f"one of {names}")


def unknown_command(ctx: Any, name: str) -> UsageError:
    """Return the error for an unknown command, with the one that was probably meant."""
    said = f"there is no command {name}" if _WORD.fullmatch(name) else "there is no such command"
    path = f"{ctx.command_path} {name}".partition(" ")[2]
    return UsageError(said, hint=_meant(ctx, name.lower(), path.lower()))


def _meant(ctx: Any, name: str, path: str) -> str:
    if said := _SAID.get(path):
        return said
    if near := difflib.get_close_matches(name, ctx.command.commands, 1, 0.7):
        return f"did you mean `{ctx.command_path} {near[0]}`?"
    everything = [full for full, _ in _tree(ctx.find_root())]
    if same := [full for full in everything if full.rpartition(" ")[2] == name]:
        return f"did you mean {' or '.join(f'`{full}`' for full in same)}?"
    return f"`{ctx.command_path} --help` lists the commands"


def _tree(ctx: Any) -> Iterator[tuple[str, Any]]:
    """Yield all commands below this one, each with its full name."""
    for name, command in getattr(ctx.command, "commands", {}).items():
        if not command.hidden:
            yield f"{ctx.command_path} {name}", command
            yield from _tree(typer.Context(command, info_name=name, parent=ctx))
