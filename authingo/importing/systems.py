"""What the user tables of other systems look like, and what their columns mean here.

Each function below is one system. It reads the names that the system's own table or
export has; docs/import.md says how to get the file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authingo.importing.records import Repeated

_TRUE, _FALSE = {"true", "t", "1", "yes"}, {"false", "f", "0", "no"}
_OWN = frozenset(
    {
        "id",
        "email",
        "name",
        "email_verified",
        "created_at",
        "updated_at",
        "disabled_at",
        "password_hash",
    }
)
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)


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
    null and empty are the same but for `hash`.
    """

    def __init__(self, fields: dict[str, Any], *, in_columns: bool = False) -> None:
        self._fields = fields
        self.in_columns = in_columns

    def has(self, *names: str) -> bool:
        """Tell whether there is a field of one of these names, null included."""
        return any(name in self._fields for name in names)

    def refuse_others_than(self, names: frozenset[str]) -> None:
        """Raise WrongFields for a field of another name."""
        for place, name in enumerate(self._fields, 1):
            if name not in names:
                # Without a header a column is named by what stands in it.
                shown = repr(name) if _PLAIN_NAME.fullmatch(name) else f"number {place}"
                raise WrongFields(
                    "unknown_field",
                    f"has a field {shown} that authingo does not export: is it another"
                    " system's (--from says which), or is the header missing?",
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

        A forgotten column would lock everybody out, and a second import would not mend
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
            return _moment(value)
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

    def _value(self, names: tuple[str, ...]) -> Any:
        return next((self._fields[name] for name in names if name in self._fields), None)


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    while abs(number) > 1e11:  # milliseconds, microseconds: in seconds that is the year 5138
        number /= 1000
    return datetime.fromtimestamp(number, UTC)


def authingo(fields: Fields, _: datetime) -> Found:
    """Read what `authingo users export` writes, exactly, and nothing else.

    It may have no hashes. So what has fields of another system is refused, or whoever
    forgot to say which one would take all its users in without their passwords.
    """
    fields.refuse_others_than(_OWN)
    email, name = fields.email("email"), fields.text("name")
    if fields.in_columns:  # where a text that begins like a formula has a quote before it
        email, name = (text[bool(_ESCAPED.match(text)) :] for text in (email, name))
    disabled_at = fields.time("disabled_at")
    return Found(
        id=fields.text("id") or None,
        email=email,
        name=name,
        password=fields.text("password_hash") or None,
        verified=fields.flag("email_verified"),
        disabled=disabled_at is not None,
        disabled_at=disabled_at,
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
    )


def authingo_go(fields: Fields, _: datetime) -> Found:
    """Read the table `users` of AuthInGo, the framework in Go."""
    return Found(
        email=fields.email("email"),
        name=fields.text("name"),
        password=fields.hash("password_hash"),
        verified=fields.flag("email_verified"),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
    )


def better_auth(fields: Fields, now: datetime) -> Found:
    """Read `user` joined with the password of its `account`; adapters may write snake case."""
    banned = fields.flag("banned")
    return Found(
        email=fields.email("email"),
        name=fields.text("name"),
        password=fields.hash("password"),
        verified=fields.flag("emailVerified", "email_verified"),
        disabled=banned and fields.lasts("banExpires", "ban_expires", now=now, without_end=True),
        created_at=fields.time("createdAt", "created_at"),
        updated_at=fields.time("updatedAt", "updated_at"),
    )


def django(fields: Fields, _: datetime) -> Found:
    """Read `auth_user` or a model of one's own like it, from a table or from dumpdata."""
    if fields.has("model") and fields.has("fields"):
        fields = fields.inner("fields")
    password = fields.hash("password")
    if password is not None and password.startswith("!"):
        password = None  # Django's "unusable password"
    return Found(
        email=fields.email("email"),
        name=f"{fields.text('first_name')} {fields.text('last_name')}".strip()
        or fields.text("name", "username"),
        password=password,
        verified=fields.flag("email_verified"),  # not Django's: for who can tell
        disabled=not fields.flag("is_active", default=True),
        created_at=fields.time("date_joined"),
    )


def fastapi_users(fields: Fields, _: datetime) -> Found:
    """Read the table `user` of fastapi-users; a name and times are its program's own."""
    return Found(
        email=fields.email("email"),
        name=fields.text("name", "full_name"),
        password=fields.hash("hashed_password"),
        verified=fields.flag("is_verified"),
        disabled=not fields.flag("is_active", default=True),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
    )


def pocketbase(fields: Fields, _: datetime) -> Found:
    """Read an auth collection's table: `password` since PocketBase 0.23, before `passwordHash`."""
    return Found(
        email=fields.email("email"),
        name=fields.text("name") or fields.text("username"),
        password=fields.hash("password", "passwordHash"),
        verified=fields.flag("verified"),
        created_at=fields.time("created"),
        updated_at=fields.time("updated"),
    )


def supabase(fields: Fields, now: datetime) -> Found:
    """Read the table `auth.users`."""
    about = fields.inner("raw_user_meta_data")
    banned = fields.lasts("banned_until", now=now, without_end=False)
    return Found(
        email=fields.email("email"),
        name=about.text("full_name") or about.text("name"),
        password=fields.hash("encrypted_password"),
        verified=fields.time("email_confirmed_at") is not None,
        disabled=banned or fields.time("deleted_at") is not None,
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
    )


def auth0(fields: Fields, _: datetime) -> Found:
    """Read the password hashes that Auth0's support exports, or those joined with profiles."""
    known = next((it for it in fields.items("identifiers") if it.text("type") == "email"), None)
    email = fields.text("email") or (known.text("value") if known else "")
    if not email:
        raise WrongFields("missing_field", "has no field email")
    object_id = fields.inner("_id").text("$oid")
    made = _moment(int(object_id[:8], 16)) if _OBJECT_ID.fullmatch(object_id) else None
    name = fields.text("name")
    return Found(
        email=email,
        name="" if name == email else name,  # which is what Auth0 calls who gave none
        password=fields.hash("passwordHash"),
        verified=fields.flag("email_verified") or bool(known and known.flag("verified")),
        disabled=fields.flag("blocked"),
        created_at=fields.time("created_at") or made,
        updated_at=fields.time("updated_at"),
    )


System = Callable[[Fields, datetime], Found]
SYSTEMS: dict[str, System] = {
    "authingo": authingo,
    "authingo-go": authingo_go,
    "auth0": auth0,
    "better-auth": better_auth,
    "django": django,
    "fastapi-users": fastapi_users,
    "pocketbase": pocketbase,
    "supabase": supabase,
}
