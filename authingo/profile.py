"""Fields of your own that each user has: a pydantic model, stored as JSON.

The model is named in authingo.toml (`profile = "app.models:Profile"`) or given to `Auth`. A field
is written by a client only where it says so, with `ClientWritable`; everything else is refused
there, so that nobody signs up with a plan that they have not paid for (mass assignment, CWE-915;
ASVS 5.0 V15.3.3). A field is never sent to a client where it says `ServerOnly`.

Every field has a default. So a new field needs no migration, a user who was created without a
profile has one, and an eviction has something to go back to. What is stored and no longer fits the
model, because the model has changed, counts as its default and is not sent: it never fails a
request. Where only the model as a whole refuses it, as many fields stay as fit together, and first
those that clients cannot write. Fields that the model does not know stay stored, because during a
deployment a server with the next model may be running already.
"""

from __future__ import annotations

import importlib
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from authingo.errors import ConfigError, InvalidInput
from authingo.models import StoredProfile
from authingo.profile_models import ClientWritable, ServerOnly, checked, marked

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from authingo.config import Settings

MAX_SIZE = 16 * 1024  # bytes of JSON of the fields that clients may write
MAX_OWN_SIZE = 48 * 1024  # of the others: whatever clients write, the program can still write
_MAX_DEPTH = 32  # of objects and lists in each other; parsers recurse
_UNFIT = "is not acceptable"
_WORD = re.compile(r"\w+")


class Profiles:
    """Reads the profiles of users, and changes them."""

    def __init__(self, model: type[BaseModel]) -> None:
        """Refuse a model that cannot work.

        Raises:
            ConfigError: it says why, and what to do.
        """
        self.model = model
        self._fields: dict[str, FieldInfo] = checked(model)
        self.writable = frozenset(marked(self._fields, ClientWritable))
        self.shown = frozenset(self._fields.keys() - marked(self._fields, ServerOnly))

    def read(self, text: str | None) -> StoredProfile:
        """Read what is stored. Never fails: what does not fit counts as its default."""
        stored, whole = _object(text)
        value, unfit = self._fitting(self._known(stored))
        shown, unsent = self._sent(value, self.shown - unfit) if whole else (None, set())
        left = frozenset(stored.keys() - self._fields.keys() | unfit)
        fits = whole and not unfit and not unsent
        return StoredProfile(text=text, value=value, shown=shown, fits=fits, left=left)

    def changed(
        self, text: str | None, changes: Mapping[str, object], *, by_client: bool = False
    ) -> str | None:
        """Return what to store after some fields were given new values. The others stay.

        Args:
            text: what is stored.
            changes: new values, by the names of the fields. A nested object is replaced as a whole.
            by_client: only fields that are `ClientWritable` may be in it.

        Raises:
            InvalidInput: with each field that is not acceptable, as `profile.name`.
        """
        from pydantic import ValidationError  # noqa: PLC0415 - it takes a tenth of a second
        from pydantic_core import to_jsonable_python  # noqa: PLC0415

        if not changes:
            return text
        if changes.keys() - (self.writable if by_client else self._fields.keys()):
            raise InvalidInput({"profile": "has a field that is not known here"})
        if not by_client:  # a program may give a date, a client sends JSON
            changes = to_jsonable_python(dict(changes))
        _refuse_values(changes)
        stored, _ = _object(text)
        known = self._known(stored)
        _, unfit = self._fitting(known)
        kept = {name: one for name, one in known.items() if name not in unfit}
        try:
            value = self._validated({**kept, **changes})
        except ValidationError as error:
            unseen = [one for name, one in kept.items() if by_client and name not in self.shown]
            raise InvalidInput(_problems(error, changes, unseen)) from None
        new = _dumped(value, set(changes))
        _refuse_values(new)
        written = {**stored, **new}
        self._require_read_back(value, kept.keys() | new.keys(), self._known(written))
        self._require_size(written, new.keys())
        return _written(written)

    def imported(self, values: Mapping[str, object]) -> str | None:
        """Return what to store of the profile of a user who is imported; see `changed`."""
        return self.changed(None, values)

    def evicted(self, text: str | None) -> str | None:
        """Return what stays of a profile when the owner of the address takes the account over."""
        stored, _ = _object(text)
        known = self._known(stored).items()
        return _written({name: one for name, one in known if name not in self.writable})

    def takes(self, name: str, value: object) -> bool:
        """Return whether a field takes a value, whatever the others have."""
        from pydantic import ValidationError  # noqa: PLC0415

        try:
            self._validated({name: value})
        except ValidationError as error:
            return all(one["loc"][:1] != (name,) for one in error.errors())
        except ValueError:  # it is not a number
            return False
        return True

    def _known(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        return {name: one for name, one in stored.items() if name in self._fields}

    def _validated(self, values: Mapping[str, object]) -> BaseModel:
        return self.model.model_validate_json(json.dumps(values, allow_nan=False))

    def _fitting(self, known: dict[str, Any]) -> tuple[BaseModel, set[str]]:
        """Return the profile, and the fields that do not fit, which have their defaults in it."""
        from pydantic import ValidationError  # noqa: PLC0415

        unfit: set[str] = set()
        for _ in range(2):
            fitting = {name: one for name, one in known.items() if name not in unfit}
            try:
                return self._validated(fitting), unfit
            except ValidationError as error:
                unfit |= {str(one["loc"][0]) for one in error.errors() if one["loc"]}
            except Exception:  # noqa: BLE001 - a validator of the application; no request may fail
                break
        return self._fitting_together(known)

    def _fitting_together(self, known: dict[str, Any]) -> tuple[BaseModel, set[str]]:
        """Do as `_fitting`, field by field: first those that clients cannot write.

        So that what the program has written, such as that a user is banned, does not depend on
        what the user has.
        """
        value, kept = self.model(), dict[str, Any]()
        names = [name for name in self._fields if name in known]
        for _ in range(2):  # one may fit only with another that comes later
            for name in sorted(names, key=self.writable.__contains__):
                if name in kept:
                    continue
                more = {**kept, name: known[name]}
                try:
                    value, kept = self._validated(more), more
                except Exception:  # noqa: BLE001, S112 - also a validator of the application
                    continue
        return value, known.keys() - kept.keys()

    def _sent(
        self, value: BaseModel, names: AbstractSet[str]
    ) -> tuple[dict[str, object], AbstractSet[str]]:
        """Return some of the fields as clients see them, and those that cannot be sent."""
        with suppress(InvalidInput):
            return _dumped(value, names, stored=False), set()
        sent: dict[str, object] = {}
        for name in names:
            with suppress(InvalidInput):
                sent |= _dumped(value, {name}, stored=False)
        return sent, names - sent.keys()

    def _require_read_back(
        self, value: BaseModel, names: AbstractSet[str], known: dict[str, Any]
    ) -> None:
        """Refuse what would be read back as something else, with all that is stored besides."""
        read, unfit = self._fitting(known)
        if names & unfit or any(getattr(read, one) != getattr(value, one) for one in names):
            raise InvalidInput({"profile": "has a value that cannot be stored"})

    def _require_size(self, written: dict[str, Any], changed: AbstractSet[str]) -> None:
        """Bound what clients write apart from the rest, so that they cannot use all the room."""
        own = self._fields.keys() - self.writable
        for names, most in ((self.writable, MAX_SIZE), (own, MAX_OWN_SIZE)):
            part = {name: one for name, one in written.items() if name in names}
            if changed & names and len((_written(part) or "").encode()) > most:
                raise InvalidInput({"profile": f"must be at most {most // 1024} KiB"})


def of(settings: Settings) -> Profiles | None:
    """Return the profiles that these settings name; None if there are none.

    Raises:
        ConfigError: the model cannot be imported, or cannot work.
    """
    if settings.profile_class is not None:
        return _made(settings.profile_class)
    if settings.profile is not None:
        return _made(_imported(settings.profile, settings.directory))
    return None


def changed(
    profiles: Profiles | None,
    text: str | None,
    changes: Mapping[str, object] | None,
    *,
    by_client: bool = False,
) -> str | None:
    """Return what to store; see `Profiles.changed`. With `changes` None, that is `text`.

    Raises:
        TypeError: the program gave no mapping.
        InvalidInput: as `Profiles.changed` does; also if users have no profile.
    """
    if changes is None:
        return text
    if not isinstance(changes, Mapping):
        raise TypeError(f"profile must be a mapping, not {type(changes).__name__}")
    if profiles is None:
        raise InvalidInput({"profile": "is not known here"})
    return profiles.changed(text, changes, by_client=by_client)


@cache
def _made(model: type[BaseModel]) -> Profiles:
    return Profiles(model)


def _imported(where: str, directory: Path) -> Any:
    """Import the model. The directory of authingo.toml is looked in too, as a server's is."""
    module, _, name = where.partition(":")
    beside = str(directory.resolve())
    added = beside not in sys.path
    if added:
        sys.path.append(beside)
    try:
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # whatever the module of the application raises
        raise ConfigError(
            f'profile = "{where}" cannot be imported: {type(error).__name__}: {error}',
            hint="write package.module:Class, in a module that does not start the application",
        ) from error
    finally:
        if added:
            sys.path.remove(beside)


def whole(profile: StoredProfile) -> dict[str, object]:
    """Return all fields as JSON, for operators: as stored if a serializer of theirs fails."""
    try:
        return _dumped(profile.value, type(profile.value).model_fields.keys(), stored=False)
    except InvalidInput:
        return written(profile)


def written(profile: StoredProfile) -> dict[str, object]:
    """Return what was ever written, as stored, without what no longer fits or is not known."""
    stored, _ = _object(profile.text)
    return {name: one for name, one in stored.items() if name not in profile.left}


def _dumped(value: BaseModel, names: AbstractSet[str], *, stored: bool = True) -> dict[str, object]:
    """Return some of the fields as JSON: as they are stored, or as they are sent.

    Raises:
        InvalidInput: a serializer of the application fails.
    """
    try:
        dumped = value.model_dump(mode="json", include=set(names), by_alias=True, round_trip=stored)
    except Exception:  # noqa: BLE001 - whatever that raises
        raise InvalidInput({"profile": "has a value that cannot be stored"}) from None
    return {name: one for name, one in dumped.items() if name in names}


def _object(text: str | None) -> tuple[dict[str, Any], bool]:
    """Read stored JSON, and return whether it is an object, which another program may not write."""
    if text is None:
        return {}, True
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    return (read, True) if isinstance(read, dict) else ({}, False)


def _written(values: Mapping[str, object]) -> str | None:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else None


def _refuse_values(values: object) -> None:
    """Refuse what databases and parsers cannot take.

    That is NUL, half a character, numbers that JSON does not have, and too deep a nesting.

    Raises:
        InvalidInput: with what is wrong, and without the value.
    """
    level: list[object] = [values]
    for _ in range(_MAX_DEPTH):
        below: list[object] = []
        for one in level:
            if isinstance(one, dict):
                below += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                below += one
            elif isinstance(one, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in one):
                raise InvalidInput({"profile": "has a character that cannot be stored"})
            elif isinstance(one, float) and not math.isfinite(one):
                raise InvalidInput({"profile": "has a number that cannot be stored"})
        level = below
        if not level:
            return
    raise InvalidInput({"profile": "is nested too deeply"})


def _problems(error: Any, given: Mapping[str, object], unseen: Iterable[object]) -> dict[str, str]:
    """Return what is wrong with each field, in words that repeat no value.

    A validator of the application may put any value into its message, pydantic only that of the
    field.

    Args:
        error: a ValidationError.
        given: what was sent.
        unseen: what else is stored and not seen by the sender.
    """
    from pydantic_core.core_schema import ErrorType  # noqa: PLC0415

    by_pydantic = {*get_args(ErrorType)} - {"value_error", "assertion_error"}
    everything = [*given.values(), *unseen]
    found: dict[str, str] = {}
    for one in error.errors(include_url=False, include_input=False):
        name = ".".join(["profile", *(str(part) for part in one["loc"][:1])])
        words = str(one["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        own = one["type"] in by_pydantic and one["loc"] and one["loc"][0] in given
        repeats = one["type"].endswith(("_parsing", "_tag_invalid"))  # these always do
        if repeats or _repeats(words, [given[one["loc"][0]]] if own else everything):
            words = _UNFIT
        found.setdefault(name, words[:1].lower() + words[1:])
    return found


def _repeats(message: str, values: Iterable[object]) -> bool:
    """Return whether a message has a text, a number or a word of some values in it."""
    message = message.casefold()
    words = set(_WORD.findall(message))
    return any(
        text in message or not words.isdisjoint(_WORD.findall(text)) for text in _texts(values)
    )


def _texts(values: Iterable[object]) -> Iterator[str]:
    """Yield every text, number and key in some values, in lower case."""
    level = list(values)
    while level:
        one = level.pop()
        if isinstance(one, dict):
            level += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            level += one
        elif one is not None and not isinstance(one, bool) and (text := str(one).strip()):
            yield text.casefold()
