"""Read users from JSON in any layout.

- One object a line: JSON lines.
- Objects over several lines each, one after the other, as `jq` writes them without `-c`.
- An array of objects.
- One object with the array `users`, as Firebase and Keycloak write it. Everything else in that
  object is skipped.

In JSON lines a broken object is reported and skipped. In the other layouts reading ends there.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

from authingo.importing.records import (
    MAX_RECORD,
    Failed,
    Lines,
    Record,
    Repeated,
    Unreadable,
    has_escaped_bytes,
)

_SPACE = re.compile(r"\s*")
_SPACE_AND_COMMAS = re.compile(r"[\s,]*")
# Possessive, so that a text without its end is detected in one pass.
_TOKEN = re.compile(r'[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)

_Value = tuple[Any, bool]  # and whether all of it is UTF-8


def is_complete(line: bytes) -> bool:
    """Return whether a line is a whole JSON object that is a user, and not one that has users.

    An empty object does not count: tools that indent all others write it on one line too.
    """
    try:
        value = _JSON.decode(line.decode("utf-8", "surrogateescape").strip())
    except (ValueError, RecursionError):
        return False
    return bool(value) and not _has_users(value)


def from_lines(line: bytes, lines: Lines) -> Iterator[Record | Failed]:
    """Yield the objects of JSON lines. `line` is the first, and `lines` what follows."""
    while line:
        if lines.too_long:
            yield Failed(lines.number, "line_too_long", f"is longer than {MAX_RECORD} bytes")
        elif text := line.strip():
            yield _from_line(lines.number, text)
        line = lines.next()


def from_documents(head: bytes, lines: Lines) -> Iterator[Record | Failed]:
    """Yield the users of any other JSON, which need not fit into memory.

    `head` is what was read already, and `lines` what follows.

    Raises:
        Unreadable: from somewhere on it is not valid JSON, or an object is too long.
    """
    for number, (value, is_utf8) in enumerate(_users(_Window(head, lines)), 1):
        yield _checked(number, value) if is_utf8 else Failed.because_not_utf8(number)


def _users(window: _Window) -> Iterator[_Value]:
    while start := window.peek():
        if start == "[":
            yield from _elements(window)
        elif start != "{":
            raise window.broken()
        elif user := window.user():
            yield user
        else:
            yield from _users_of_object(window)


def _elements(window: _Window) -> Iterator[_Value]:
    window.expect("[")
    while window.peek(_SPACE_AND_COMMAS) != "]":
        yield window.element()
    window.expect("]")


def _users_of_object(window: _Window) -> Iterator[_Value]:
    without_users = window.broken()  # its line is known only here
    has_users = False
    window.expect("{")
    while window.peek(_SPACE_AND_COMMAS) == '"':
        name = window.scalar()
        window.expect(":")
        if name == "users" and window.peek() == "[":
            has_users = True
            yield from _elements(window)
        else:
            window.skip_value()
    window.expect("}")
    if not has_users:
        raise without_users


class _Window:
    """The part of a text that is being read, which may be endless."""

    def __init__(self, head: bytes, lines: Lines) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._lines = lines
        self._text = self._decoder.decode(head)
        self._at = 0
        self._newlines = 0  # before the place `_counted`
        self._counted = 0
        self._users = 0  # how many were read

    def peek(self, between: re.Pattern[str] = _SPACE) -> str:
        """Return the next character that is not `between` two values; empty at the end."""
        while True:
            self._at = between.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or not self._read_more():
                return self._text[self._at : self._at + 1]

    def expect(self, char: str) -> None:
        """Skip this character.

        Raises:
            Unreadable: the next character is a different one.
        """
        if self.peek() != char:
            raise self.broken()
        self._at += 1

    def user(self) -> _Value | None:
        """Read the next object. If it is too long or has users, read nothing and return None."""
        try:
            value, end = self._decode()
        except Unreadable:
            return None
        return None if _has_users(value) else self._read(value, end)

    def element(self) -> _Value:
        """Read the next value, which is a user.

        Raises:
            Unreadable: it is not valid JSON, or too long.
        """
        return self._read(*self._decode())

    def scalar(self) -> Any:
        """Read the next value, which is neither an object nor an array.

        Raises:
            Unreadable: it is not valid JSON, or too long.
        """
        value, self._at = self._decode()
        return value

    def skip_value(self) -> None:
        """Skip the next value, whatever its length.

        Raises:
            Unreadable: it does not end, or has a text that is too long.
        """
        if self.peek() not in {"{", "["}:
            self.scalar()
            return
        depth = 0
        while True:
            match = _TOKEN.match(self._text, self._at)
            if match is None:
                if len(self._text) - self._at > MAX_RECORD or not self._read_more():
                    raise self.broken()
                continue
            self._at = match.end()
            depth += (match[0] in {"{", "["}) - (match[0] in {"}", "]"})
            if depth == 0:
                return

    def broken(self, at: int | None = None) -> Unreadable:
        """Return the error for a text that cannot be read from here on."""
        self._count_newlines()
        line = 1 + self._newlines + self._text.count("\n", self._at, at or self._at)
        return Unreadable(
            f"line {line}: the JSON is broken, or an object is longer than {MAX_RECORD} characters:"
            f" nothing after the first {self._users} was read"
        )

    def _read(self, value: Any, end: int) -> _Value:
        is_utf8 = not has_escaped_bytes(self._text[self._at : end])
        self._at = end
        self._users += 1
        return value, is_utf8

    def _decode(self) -> tuple[Any, int]:
        while True:
            try:
                return _JSON.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._at > MAX_RECORD or not self._read_more():
                    at = error.pos if isinstance(error, json.JSONDecodeError) else None
                    raise self.broken(at) from None

    def _read_more(self) -> bool:
        """Read more, and drop what was read before; return False at the end."""
        chunk = self._lines.rest()
        if not chunk:
            return False
        self._count_newlines()
        self._text = self._text[self._at :] + self._decoder.decode(chunk)
        self._at = self._counted = 0
        return True

    def _count_newlines(self) -> None:
        """Count those in what was read, each once."""
        self._newlines += self._text.count("\n", self._counted, self._at)
        self._counted = self._at


def _from_line(number: int, raw: bytes) -> Record | Failed:
    try:
        return _checked(number, _JSON.decode(raw.decode("utf-8")))
    except UnicodeDecodeError:
        return Failed.because_not_utf8(number)
    except (ValueError, RecursionError):
        return Failed(number, "invalid_json", "is not valid JSON")


def _checked(number: int, value: object) -> Record | Failed:
    if isinstance(value, Repeated):
        return Failed(number, "repeated_field", "has a field twice")
    if not isinstance(value, dict):
        return Failed(number, "invalid_json", "is not a JSON object")
    return Record(number, value)


def _has_users(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("users"), list)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(found)


_JSON = json.JSONDecoder(object_pairs_hook=_object)
