"""Reads the fields of a record as what they have to be."""

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
    """A record that cannot be taken. Never what stands in it."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


class WrongFields(Refused):
    """The fields are not those of this system: in a CSV that is so for every row."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Found:
    """A user as another system knows them. `password`: its hash; None: they have none."""

    email: str
    name: str
    password: str | None
    verified: bool
    disabled: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    disabled_at: datetime | None = None
    id: str | None = None


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)


class Fields:
    """The fields of a record, read as what they have to be.

    A field may have several names, of which the first that is there counts. Absent,
    null and empty are the same but for `hash`. The names of columns are in lower case,
    and are found whatever the case of the name that is asked for.
    """

    def __init__(self, fields: dict[str, Any], *, in_columns: bool = False) -> None:
        self._fields = fields
        self.in_columns = in_columns

    def has(self, *names: str) -> bool:
        """Tell whether there is a field of one of these names, null included."""
        return any(self._stored(name) in self._fields for name in names)

    def refuse_others_than(self, names: frozenset[str]) -> None:
        """Raise WrongFields for a field of another name."""
        for place, name in enumerate(self._fields, 1):
            if name not in names:
                # Without a header a column is named by what stands in it.
                shown = repr(name) if _PLAIN_NAME.fullmatch(name) else f"number {place}"
                raise WrongFields(
                    "unknown_field",
                    f"has a field {shown}, but of a table of your own only"
                    f" {', '.join(sorted(names))} are read, where password_hash is a hash:"
                    " is it another system's (--from says which), or is the header missing?",
                )

    def text(self, *names: str) -> str:
        """Read a text, or a number as one; empty where there is none."""
        value = self._value(names)
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            raise Refused("invalid_field", f"the field {names[0]} is no text")
        return str(value)

    def email(self, *names: str) -> str:
        """Read the email, which everybody must have."""
        if not self.has(*names):
            raise WrongFields("missing_field", f"has no field {names[0]}")
        return self.text(*names)

    def hash(self, *names: str) -> str | None:
        """Read a password's hash: null or empty for somebody who has none, but never absent.

        A forgotten column would lock everybody out, and a second import would not fix
        it, because they would be there.
        """
        if not self.has(*names):
            raise WrongFields("missing_field", f"has no field {names[0]}")
        return self.text(*names) or None

    def flag(self, *names: str, default: bool = False) -> bool:
        """Read a truth value, however a database or its export writes it."""
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
        """Read a time: ISO 8601, UTC where it does not say; or seconds or more since 1970."""
        value = self._value(names)
        if isinstance(value, dict):  # MongoDB's extended JSON
            value = value.get("$date")
        if value is None or value == "":
            return None
        try:
            return moment(value)
        except (ValueError, OverflowError, TypeError):
            raise Refused("invalid_field", f"the field {names[0]} is no time") from None

    def lasts(self, *names: str, now: datetime, without_end: bool) -> bool:
        """Tell whether what ends at this time still lasts. `without_end`: there is no time."""
        if self._value(names) == "infinity":  # PostgreSQL's
            return True
        end = self.time(*names)
        return without_end if end is None else end > now

    def inner(self, name: str) -> Fields:
        """Read an object, also where it is JSON in a text; empty where there is none."""
        value = self._value((name,))
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
        if isinstance(value, Repeated):
            raise Refused("repeated_field", "has a field twice")
        return Fields(value if isinstance(value, dict) else {})

    def items(self, name: str) -> list[Fields]:
        """Read a list of objects; empty where there is none."""
        value = self._value((name,))
        found = value if isinstance(value, list) else []
        return [Fields(item) for item in found if isinstance(item, dict)]

    def first(self, name: str) -> str:
        """Read the first of a list of texts, or the one text; empty where there is none."""
        value = self._value((name,))
        return Fields({name: value[0]} if isinstance(value, list) and value else {}).text(name)

    def names(self) -> Iterable[str]:
        """Return the names of the fields that are there."""
        return self._fields.keys()

    def _value(self, names: tuple[str, ...]) -> Any:
        stored = map(self._stored, names)
        return next((self._fields[name] for name in stored if name in self._fields), None)

    def _stored(self, name: str) -> str:
        return name.lower() if self.in_columns else name


def moment(value: Any) -> datetime:
    """Read a time as `Fields.time` does.

    Raises:
        ValueError, OverflowError, TypeError: it is none.
    """
    if isinstance(value, str) and not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    while abs(number) > 1e11:  # milliseconds, microseconds: in seconds that is the year 5138
        number /= 1000
    return datetime.fromtimestamp(number, UTC)
