"""What commands print. Data goes to stdout, everything else to stderr.

Names and emails come from strangers, and any column, even an id, may hold text that another program
wrote. `plain` makes a text safe for a terminal, and nothing is printed as rich markup; `cell` makes
it safe for a spreadsheet. Tables (`tables.py`) and `CSV` do so for every cell, so that no caller
can forget it.
"""

from __future__ import annotations

import csv
import functools
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from datetime import datetime
    from types import ModuleType

    from authingo.models import User


def data(text: str) -> None:
    """Write a line of data to stdout."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Write a line for people to stderr."""
    sys.stderr.write(text + "\n")


def as_json(value: object) -> None:
    """Write one JSON value to stdout, in ASCII, so that no name can control the terminal."""
    _write_json(value)


def _write_json(value: object) -> None:
    data(json.dumps(value, indent=2 if sys.stdout.isatty() else None))


class JSONArray:
    """Writes a JSON array to stdout, one element per line, in constant memory."""

    def __init__(self) -> None:
        self._separator = "[\n"

    def add(self, value: object) -> None:
        """Write an element."""
        sys.stdout.write(self._separator + wire().json_line(value))
        self._separator = ",\n"

    def close(self) -> None:
        """Write the end."""
        sys.stdout.write("[]\n" if self._separator == "[\n" else "\n]\n")


# What makes a cell one that may have to be escaped, if it follows a comma.
_RISKY = re.compile(r",[=+\-@']")


class CSV:
    """Writes CSV to stdout, every cell made safe."""

    def __init__(self, columns: Sequence[str], escape: Callable[[str], str] | None = None) -> None:
        """Write the header. `escape` makes a text safe; by default that is `cell`."""
        self._escape = escape or cell
        self._commas = len(columns) - 1
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(columns)

    def add(self, row: Iterable[object]) -> None:
        """Write a row. None is an empty cell, True and False are in lower case."""
        texts = [value if type(value) is str else _text(value) for value in row]
        line = ",".join(texts)
        # Nearly every row is harmless. To look at all of it at once takes a quarter of the time.
        harmless = line.isprintable() and not _RISKY.search("," + line)
        if harmless and line and '"' not in line and line.count(",") == self._commas:
            sys.stdout.write(line + "\n")
        else:
            self._writer.writerow([self._escape(text) for text in texts])


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def error(code: str, message: str, hint: str | None, *, as_json: bool) -> None:
    """Print to stderr what failed and what to do."""
    if as_json:
        note(json.dumps({"code": code, "message": message, "hint": hint}))
        return
    note(f"{styled('error:', 'red', sys.stderr)} {plain(message)}")
    if hint:
        note(f"hint: {plain(hint)}")


@functools.cache
def wire() -> ModuleType:
    """Return `authingo.wire`, which not every command needs. Called a million times by some."""
    from authingo import wire

    return wire


def time_json(at: datetime | None) -> str | None:
    """Return a time as docs/http.md shows it."""
    shown: str | None = None if at is None else wire().timestamp(at)
    return shown


def user_json(user: User) -> dict[str, object]:
    """Return a user as JSON, as docs/http.md shows it, with what only operators see."""
    shown: dict[str, object] = wire().user_json(user)
    shown["disabled_at"] = time_json(user.disabled_at)
    shown["delete_at"] = time_json(user.delete_at)
    if profile := user.stored_profile:
        from authingo.profile import whole

        shown["profile"] = whole(profile)
    return shown


def changed_user(user: User, said: str, *, as_json: bool) -> None:
    """Print a user as a command left them: as JSON, or as a line for people."""
    if as_json:
        _write_json(user_json(user))
    else:
        note(said)


def count(number: int, noun: str) -> str:
    """Return a count with its noun, such as `1 session` and `2,000 sessions`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def moment(at: datetime) -> str:
    """Show a time to people."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def plain(text: str) -> str:
    r"""Show control, formatting and invisible characters as escapes such as \x1b.

    Those could move the cursor, set the title, reverse the line or hide a
    part of it (OWASP ASVS 5.0 V1.2, CWE-150).
    """
    return text if text.isprintable() else "".join(_visible(char) for char in text)


def queued_mail(user: User) -> str:
    """Return that a mail to a user was queued, for people."""
    return f"queued a mail to {plain(user.email)}; a server delivers it, or `authingo mail send`"


def named(user: User) -> str:
    """Return a user's email and id, for people."""
    return f"{plain(user.email)} ({plain(user.id)})"


def cell(text: str) -> str:
    """Make a text safe as a CSV cell, since spreadsheets run formulas (CWE-1236)."""
    shown = plain(text)
    return "'" + shown if shown.startswith(("=", "+", "-", "@", "\t", "\r")) else shown


def _visible(char: str) -> str:
    if char.isprintable():
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
    """Colour a text or make it bold, if the stream (stdout) is a terminal that wants it."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    shown = wanted and (stream or sys.stdout).isatty()
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text and shown else text
