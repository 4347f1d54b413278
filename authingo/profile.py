"""Fields of your own that each user has: a pydantic model, stored as JSON.

The model is named in authingo.toml (`profile = "app.models:Profile"`) or given to `Auth`. A field
is written by a client only where it says so, with `ClientWritable`; everything else is refused
there, so that nobody signs up with a plan that they have not paid for (mass assignment, CWE-915;
ASVS 5.0 V15.3.3). A field is never sent to a client where it says `ServerOnly`.

Every field has a default. So a new field needs no migration, a user who was created without a
profile has one, and an eviction has something to go back to. What is stored and no longer fits the
model, because the model has changed, counts as its default and is not sent: it never fails a
request. Fields that the model does not know stay stored, because during a deployment a server with
the next model may be running already.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from authingo.errors import ConfigError, InvalidInput
from authingo.models import StoredProfile

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from authingo.config import Settings

MAX_SIZE = 16 * 1024  # bytes of JSON
_MAX_DEPTH = 32  # of objects and lists in each other; parsers recurse
_UNFIT = "is not acceptable"


class ClientWritable:
    """Marks a field that users write themselves: `theme: Annotated[str, ClientWritable] = ""`."""


class ServerOnly:
    """Marks a field that no client ever sees: `notes: Annotated[str, ServerOnly] = ""`."""


class Profiles:
    """Reads the profiles of users, and changes them."""

    def __init__(self, model: type[BaseModel]) -> None:
        """Refuse a model that cannot work.

        Raises:
            ConfigError: it says why, and what to do.
        """
        self.model = model
        self._fields: dict[str, FieldInfo] = _checked(model)
        self.writable = frozenset(_marked(self._fields, ClientWritable))
        self.shown = frozenset(self._fields.keys() - _marked(self._fields, ServerOnly))

    def read(self, text: str | None) -> StoredProfile:
        """Read what is stored. Never fails: what does not fit counts as its default."""
        stored, whole = _object(text)
        known = {name: value for name, value in stored.items() if name in self._fields}
        value, unfit = self._fitting(known)
        shown: dict[str, object] | None = None
        if whole:
            try:
                shown = value.model_dump(mode="json", include=set(self.shown - unfit))
            except Exception:  # noqa: BLE001 - a serializer of the application; no request may fail
                unfit = set(known)
        return StoredProfile(text=text, value=value, shown=shown, fits=whole and not unfit)

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
        _refuse_texts(changes)
        stored, _ = _object(text)
        known = {name: one for name, one in stored.items() if name in self._fields}
        _, unfit = self._fitting(known)
        kept = {name: one for name, one in known.items() if name not in unfit}
        try:
            value = self._validated({**kept, **changes})
        except ValidationError as error:
            raise InvalidInput(_problems(error, changes)) from None
        new = value.model_dump(mode="json", include=set(changes))
        self._require_round_trip(value, {**kept, **new})
        written = json.dumps({**stored, **new}, ensure_ascii=False, separators=(",", ":"))
        _refuse_texts(new)
        if len(written.encode()) > MAX_SIZE:
            raise InvalidInput({"profile": f"must be at most {MAX_SIZE // 1024} KiB"})
        return written

    def imported(self, values: Mapping[str, object]) -> str | None:
        """Return what to store of the profile of a user who is imported; see `changed`."""
        return self.changed(None, values)

    def evicted(self, text: str | None) -> str | None:
        """Return what stays of a profile when the owner of the address takes the account over."""
        stored, _ = _object(text)
        kept = self._fields.keys() - self.writable
        return _written({name: one for name, one in stored.items() if name in kept})

    def schema(self, names: frozenset[str], *, title: str, reference: str) -> dict[str, Any]:
        """Return the JSON schema of some of the fields. `$defs` has the types that it refers to.

        Args:
            names: of the fields.
            title: of the schema.
            reference: to a type, with `{model}` for its name.
        """
        from pydantic import create_model  # noqa: PLC0415

        fields: dict[str, Any] = {
            name: (one.annotation, one) for name, one in self._fields.items() if name in names
        }
        made: type[BaseModel] = create_model(title, **fields)
        return made.model_json_schema(ref_template=reference)

    def _validated(self, values: Mapping[str, object]) -> BaseModel:
        return self.model.model_validate_json(json.dumps(values))

    def _fitting(self, known: dict[str, object]) -> tuple[BaseModel, set[str]]:
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
        return self.model(), set(known)

    def _require_round_trip(self, value: BaseModel, stored: dict[str, object]) -> None:
        """Refuse a value that would be read back as another, such as an infinite number."""
        from pydantic import ValidationError  # noqa: PLC0415

        try:
            same = self._validated(stored) == value
        except ValidationError:
            same = False
        if not same:
            raise InvalidInput({"profile": "has a value that cannot be stored"})


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
    except Exception as error:  # whatever the module of the application raises
        raise ConfigError(
            f'profile = "{where}" cannot be imported: {type(error).__name__}: {error}',
            hint="write package.module:Class, in a module that does not start the application",
        ) from error
    finally:
        if added:
            sys.path.remove(beside)


def _checked(model: Any) -> dict[str, FieldInfo]:
    """Return the fields of a model that can work."""
    from pydantic import BaseModel, RootModel  # noqa: PLC0415

    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ConfigError("the profile must be a pydantic model: class Profile(BaseModel, …)")
    where = f"the profile {model.__name__}"
    if issubclass(model, RootModel):
        raise ConfigError(f"{where} must have fields, so it cannot be a RootModel")
    if not model.model_config.get("frozen"):
        raise ConfigError(
            f"{where} must be frozen, because a change of the object is not stored",
            hint=f"class {model.__name__}(BaseModel, frozen=True)",
        )
    fields: dict[str, FieldInfo] = model.model_fields
    for name, one in fields.items():
        if one.is_required():
            raise ConfigError(
                f"{where}: {name} has no default, but users may have no value for it",
                hint=f"write a default, such as `{name}: … | None = None`",
            )
        if one.alias or one.validation_alias or one.serialization_alias or one.exclude:
            raise ConfigError(f"{where}: {name} must have no alias, and must not be excluded")
        if {ClientWritable, ServerOnly} <= set(map(_kind, one.metadata)):
            raise ConfigError(f"{where}: {name} is ClientWritable and ServerOnly: choose one")
        if any(_kind(inner) in {ClientWritable, ServerOnly} for inner in _inside(one.annotation)):
            raise ConfigError(
                f"{where}: {name} has ClientWritable or ServerOnly inside of its type",
                hint=f"they count only around all of it: `{name}: Annotated[…, ClientWritable]`",
            )
    try:
        model()
    except Exception as error:  # noqa: BLE001 - whatever a validator of the application raises
        raise ConfigError(f"{where} cannot be made from its defaults: {error}") from None
    return fields


def _inside(annotation: Any, seen: frozenset[Any] = frozenset()) -> Iterator[Any]:
    """Yield everything inside of a type: its arguments, and the fields of other models in it."""
    from pydantic import BaseModel  # noqa: PLC0415

    yield annotation
    for one in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield from _inside(one, seen)
    if (
        isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
        and annotation not in seen
    ):
        for field in annotation.model_fields.values():
            yield from field.metadata
            yield from _inside(field.annotation, seen | {annotation})


def _kind(marker: object) -> object:
    """Return the class of a marker, which may be written with or without parentheses."""
    return marker if isinstance(marker, type) else type(marker)


def _marked(fields: Mapping[str, FieldInfo], kind: type) -> set[str]:
    return {name for name, one in fields.items() if kind in set(map(_kind, one.metadata))}


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


def _refuse_texts(values: object) -> None:
    """Refuse what databases and parsers cannot take: NUL, half a character, too deep a nesting.

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
        level = below
        if not level:
            return
    raise InvalidInput({"profile": "is nested too deeply"})


def _problems(error: Any, given: Mapping[str, object]) -> dict[str, str]:
    """Return what is wrong with each field, in words that repeat no input."""
    found: dict[str, str] = {}
    texts = [one for one in given.values() if isinstance(one, str) and one]
    for one in error.errors(include_url=False, include_input=False):
        name = ".".join(["profile", *(str(part) for part in one["loc"][:1])])
        words = str(one["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        repeats = one["type"].endswith("_parsing") or any(text in words for text in texts)
        found.setdefault(name, _UNFIT if repeats else words[:1].lower() + words[1:])
    return found
