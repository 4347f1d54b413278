"""The JSON schemas of the profile, for the OpenAPI document and the account page."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode


def schemas(
    model: type[BaseModel],
    names: AbstractSet[str],
    *,
    title: str,
    reference: str,
    mode: JsonSchemaMode,
) -> dict[str, Any]:
    """Return the schema of some fields of a model, and those of the types in them, by name.

    Args:
        model: of the profile.
        names: of the fields.
        title: the name of the first. The others have it before theirs, so that none is taken for
            a type of the application that has the same name.
        reference: to a schema, with `{name}` for its name.
        mode: "serialization" as they are sent, "validation" as they are accepted.
    """
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415 - it takes long to import

    class Lenient(GenerateJsonSchema):
        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Any:  # noqa: ARG002
            return {}  # it has a type that JSON schemas cannot describe

    whole = model.model_json_schema(
        mode=mode,
        ref_template=reference.format(name=f"{title}_{{model}}"),
        schema_generator=Lenient,
    )
    types = {f"{title}_{name}": one for name, one in whole.pop("$defs", {}).items()}
    if "$ref" in whole:  # the model is in itself
        whole = types[f"{title}_{model.__name__}"]
    properties = {name: one for name, one in whole["properties"].items() if name in names}
    # None is required: what no longer fits is not sent, and a change names only what it changes.
    found: dict[str, Any] = {title: {"type": "object", "title": title, "properties": properties}}
    by_reference = {reference.format(name=name): name for name in types}
    level: list[Any] = [properties]
    while level:  # types that only other fields have, such as those that are ServerOnly, stay out
        one = level.pop()
        if isinstance(one, dict | list):
            level += one.values() if isinstance(one, dict) else one
        elif isinstance(one, str) and (name := by_reference.get(one)) and name not in found:
            found[name] = types[name]
            level.append(types[name])
    return found
