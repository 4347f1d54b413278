"""Which models of profiles can work; see `authingo.profile`.

A model that breaks a rule is refused at start, above all one whose `ServerOnly` would count for
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from authingo.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_TAG = "authingo_marker"


class _Marker:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Leave a trace in pydantic's schema of a type, wherever in the type the marker is."""
        schema = handler(source)
        if schema["type"] == "definition-ref":  # older releases forget what is noted at one
            schema = {"type": "chain", "steps": [schema]}
        return {**schema, "metadata": {**schema.get("metadata", {}), _TAG: cls.__name__}}


class ClientWritable(_Marker):
    """Marks a field that users write themselves: `theme: Annotated[str, ClientWritable] = ""`."""


class ServerOnly(_Marker):
    """Marks a field that no client ever sees: `notes: Annotated[str, ServerOnly] = ""`."""


def marked(fields: Mapping[str, FieldInfo], kind: type) -> set[str]:
    """Return the names of the fields that have a marker."""
    return {name for name, one in fields.items() if kind in set(map(_kind, one.metadata))}


def checked(model: Any) -> dict[str, FieldInfo]:
    """Return the fields of a model that can work.

    Raises:
        ConfigError: it cannot; the message says why, and what to do.
    """
    from pydantic import BaseModel, RootModel  # noqa: PLC0415 - it takes a tenth of a second

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
    if model.__pydantic_decorators__.model_serializers:
        raise ConfigError(
            f"{where} must have no model_serializer, which may send what is ServerOnly",
            hint="use field_serializer",
        )
    fields: dict[str, FieldInfo] = model.model_fields
    for name, one in fields.items():
        _require_usable(where, model, name, one)
    _require_defaults(where, model)
    return fields


def _require_usable(where: str, model: type[BaseModel], name: str, field: FieldInfo) -> None:
    if field.is_required():
        raise ConfigError(
            f"{where}: {name} has no default, but users may have no value for it",
            hint=f"write a default, such as `{name}: … | None = None`",
        )
    if field.alias or field.validation_alias or field.serialization_alias or field.exclude:
        raise ConfigError(f"{where}: {name} must have no alias, and must not be excluded")
    if {ClientWritable, ServerOnly} <= set(map(_kind, field.metadata)):
        raise ConfigError(f"{where}: {name} is ClientWritable and ServerOnly: choose one")
    if _has_marker_inside(model, field):
        raise ConfigError(
            f"{where}: {name} has ClientWritable or ServerOnly inside of its type",
            hint=f"they count only around all of it: `{name}: Annotated[…, ClientWritable]`",
        )


def _require_defaults(where: str, model: type[BaseModel]) -> None:
    """Require what users have who have stored nothing to be the same each time."""
    try:
        first, second = model(), model()
        same = first == second == deepcopy(first)
    except Exception as error:  # noqa: BLE001 - whatever a validator of the application raises
        raise ConfigError(f"{where} cannot be made from its defaults: {error}") from None
    if not same:
        raise ConfigError(
            f"{where} has another default each time, so that every request would see another value",
            hint="a default_factory must always return the same, such as an empty list",
        )


def _has_marker_inside(model: type[BaseModel], field: FieldInfo) -> bool:
    """Return whether the type of a field has a marker in it, without those around all of it.

    Pydantic's own schema shows it, because a type may hold others in many ways: arguments, aliases,
    models, data classes, typed dictionaries.
    """
    from pydantic import ConfigDict, create_model  # noqa: PLC0415

    config = ConfigDict(**{**model.model_config, "defer_build": False})
    parts: dict[str, Any] = {"probe": (field.annotation, None)}
    made: Any = create_model("Probe", __config__=config, **parts)
    level: list[object] = [made.__pydantic_core_schema__]
    seen: set[int] = set()
    while level:
        one = level.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            if _TAG in one:
                return True
            level += one.values()
        elif isinstance(one, list | tuple):
            level += one
    return False


def _kind(marker: object) -> object:
    """Return the class of a marker, which may be written with or without parentheses."""
    return marker if isinstance(marker, type) else type(marker)
