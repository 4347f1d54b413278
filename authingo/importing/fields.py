"""Read and convert the fields of a record."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authingo.importing.records import Repeated

_TRUE, _FALSE = {"true", "t", "1", "yes"}, {"false", "f", "0", "no"}


class Refused(Exception):
    """A record that cannot be imported. The message never contains its values."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


class WrongFields(Refused):
    """The fields are not those of this system. In a CSV that is true of every row."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Found:
    """A user as another system knows them. `password` is its hash, or None if they have none."""

    email: str
    name: str
    password: str | None
    verified: bool
    disabled: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    disabled_at: datetime | None = None
    id: str | None = None
    roles: tuple[str, ...] = ()
    delete_at: datetime | None = None
    profile: dict[str, Any] | None = None


_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)


class Fields:
    """The fields of a record, converted to the types that they must have.

    A field may have several names; the first one in the record counts. Absent, null and
    empty mean the same, except for `hash`. The names of columns are in lower case, and a
    name in any case finds them.
    """

    def __init__(self, fields: dict[str, Any], *, in_columns: bool = False) -> None:
        self._fields = fields
        self.in_columns = in_columns

    def has(self, *names: str) -> bool:
        """Return whether there is a field of one of these names, even if it is null."""
        return any(self._stored(name) in self._fields for name in names)

    def refuse_others_than(self, names: frozenset[str]) -> None:
        """Raise WrongFields for a field of another name."""
        for place, name in enumerate(self._fields, 1):
            if name not in names:
                # Without a header these are a user's values, so show only what may be a name.
                shown = repr(name) if _PLAIN_NAME.fullmatch(name) else f"number {place}"
                raise WrongFields(
                    "unknown_field",
                    f"has a field {shown}, but of a table of your own only"
                    f" {', '.join(sorted(names))} are read, where password_hash is a hash:"
                    " is it another system's (--from says which), or is the header missing?",
                )

    def text(self, *names: str) -> str:
        """Read a text, or a number as one; empty if there is none."""
        value = self._value(names)
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            raise Refused("invalid_field", f"the field {names[0]} is not a text")
        return str(value)

    def email(self, *names: str) -> str:
        """Read the email, which every user must have."""
        if not self.has(*names):
            raise WrongFields("missing_field", f"has no field {names[0]}")
        return self.text(*names)

    def hash(self, *names: str) -> str | None:
        """Read a password's hash: null or empty for a user without one, but never absent.

        A forgotten column would lock out every user, and a second import would not fix
        it, because the users would already exist.
        """
        if not self.has(*names):
            raise WrongFields("missing_field", f"has no field {names[0]}")
        return self.text(*names) or None

    def flag(self, *names: str, default: bool = False) -> bool:
        """Read a boolean, in any form that a database or its export writes."""
        value = self._value(names)
        if value is None or value == "":
            return default
        word = str(value).lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise Refused("invalid_field", f"the field {names[0]} is neither true nor false")

    def time(self, *names: str) -> datetime | None:
        """Read a time: ISO 8601, in UTC by default, or seconds or smaller units since 1970."""
        value = self._value(names)
        if isinstance(value, dict):  # MongoDB's extended JSON
            value = value.get("$date")
        if value is None or value == "":
            return None
        try:
            return moment(value)
        except (ValueError, OverflowError, TypeError):
            raise Refused("invalid_field", f"the field {names[0]} is not a time") from None

    def lasts(self, *names: str, now: datetime, without_end: bool) -> bool:
        """Return whether this end is in the future. `without_end` is the answer for no time."""
        if self._value(names) == "infinity":  # PostgreSQL's
            return True
        end = self.time(*names)
        return without_end if end is None else end > now

    def inner(self, name: str) -> Fields:
        """Read an object, also if it is JSON inside of a text; empty if there is none."""
        return Fields(self._object(name) or {})

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Read an object as `inner` does, and return it as it is; None if it is absent."""
        if (value := self._value((name,))) is None or value == "":
            return None
        found = self._object(name)
        if found is None:
            raise Refused("invalid_field", f"the field {name} is not an object")
        return found

    def _object(self, name: str) -> dict[str, Any] | None:
        value = self._value((name,))
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
        if isinstance(value, Repeated):
            raise Refused("repeated_field", "has a field twice")
        return value if isinstance(value, dict) else None

    def items(self, name: str) -> list[Fields]:
        """Read a list of objects; empty if there is none."""
        value = self._value((name,))
        found = value if isinstance(value, list) else []
        return [Fields(item) for item in found if isinstance(item, dict)]

    def words(self, name: str) -> tuple[str, ...]:
        """Read a list of texts, or one text with spaces between them; empty if there is none."""
        value = self._value((name,))
        if not isinstance(value, list):
            return tuple(self.text(name).split())
        if not all(isinstance(one, str) for one in value):
            raise Refused("invalid_field", f"the field {name} is not a list of texts")
        return tuple(value)

    def first(self, name: str) -> str:
        """Read the first of a list of texts, or the only text; empty if there is none."""
        value = self._value((name,))
        return Fields({name: value[0]} if isinstance(value, list) and value else {}).text(name)

    def names(self) -> Iterable[str]:
        """Return the names of the fields that are there."""
        return self._fields.keys()

    def _value(self, names: tuple[str, ...]) -> Any:
        for name in names:
            stored = self._stored(name)
            if stored in self._fields:
                return self._fields[stored]
        return None

    def _stored(self, name: str) -> str:
        return name.lower() if self.in_columns else name


def moment(value: Any) -> datetime:
    """Read a time as `Fields.time` does.

    Raises:
        ValueError, OverflowError, TypeError: it is none.
    """
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    if isinstance(value, bool):  # for Python it is the number 1
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    while abs(number) > 1e11:  # milliseconds, microseconds: in seconds that is the year 5138
        number /= 1000
    return datetime.fromtimestamp(number, UTC)
