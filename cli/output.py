"""What commands print. Data goes to stdout, everything else to stderr.

Names and emails come from strangers: `plain` makes them safe for a terminal, and
nothing is printed as rich markup; `cell` makes them safe for a spreadsheet.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from datetime import datetime

    from authingo.models import User


def data(text: str) -> None:
    """Write a line of data to stdout."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Write a line for people to stderr."""
    sys.stderr.write(text + "\n")


def as_json(value: object) -> None:
    """Write one JSON value to stdout. ASCII, so that no terminal takes a name for orders."""
    data(json.dumps(value, indent=2 if sys.stdout.isatty() else None))


class JSONArray:
    """Writes a JSON array to stdout, an element a line, in constant memory."""

    def __init__(self) -> None:
        self._separator = "[\n"

    def add(self, value: object) -> None:
        """Write an element."""
        sys.stdout.write(self._separator + json.dumps(value))
        self._separator = ",\n"

    def close(self) -> None:
        """Write the end."""
        sys.stdout.write("[]\n" if self._separator == "[\n" else "\n]\n")


def error(code: str, message: str, hint: str | None, *, as_json: bool) -> None:
    """Say on stderr what failed and what to do."""
    if as_json:
        note(json.dumps({"code": code, "message": message, "hint": hint}))
        return
    note(f"{styled('error:', 'red', sys.stderr)} {plain(message)}")
    if hint:
        note(f"hint: {plain(hint)}")


def user_json(user: User) -> dict[str, object]:
    """U of the contract, with `disabled_at` added."""
    from authingo.wire import timestamp, user_json

    disabled = timestamp(user.disabled_at) if user.disabled_at else None
    return {**user_json(user), "disabled_at": disabled}


def count(number: int, noun: str) -> str:
    """Say how many, such as `1 session` and `2,000 sessions`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def moment(at: datetime) -> str:
    """Show a time to people."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def plain(text: str) -> str:
    r"""Show control, formatting and invisible characters as escapes such as \x1b.

    Those could move the cursor, set the title, turn the line around or hide a
    part of it (OWASP ASVS 5.0 V1.2, CWE-150).
    """
    return "".join(_visible(char) for char in text)


def cell(text: str) -> str:
    """Make a text safe as a CSV cell: a spreadsheet runs what begins like a formula (CWE-1236)."""
    shown = plain(text)
    return "'" + shown if shown.startswith(("=", "+", "-", "@", "\t", "\r")) else shown


def _visible(char: str) -> str:
    if char.isprintable() or char == " ":
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    return char.encode("unicode_escape").decode("ascii")


_STYLES = {
    "bold": 1,
    "dim": 2,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "blue": 34,
    "cyan": 36,
}  # ECMA-48 SGR


def styled(text: str, style: str, stream: TextIO | None = None) -> str:
    """Colour a text, or make it bold, for a stream (stdout) that is a terminal and wants it."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    shown = wanted and (stream or sys.stdout).isatty()
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text and shown else text
