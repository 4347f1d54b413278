"""The fields of your own that the account page shows: those that a client may write.

An input shows a text, a number, a date, a choice, or yes and no. Lists and objects have no input.
"""

from __future__ import annotations

from typing import Any

from authingo import profile, profile_schemas
from authingo.config import Settings

_TYPES = {"integer": "number", "number": "number", "boolean": "checkbox", "string": "text"}


def has_any(settings: Settings) -> bool:
    """Return whether there is a field to show."""
    return bool(own_fields(settings))


def own_fields(settings: Settings) -> list[dict[str, Any]]:
    """Return what the script needs to make an input of each field."""
    profiles = profile.of(settings)
    if profiles is None:
        return []
    found = profile_schemas.schemas(
        profiles.model, profiles.writable, title="Profile", reference="#/{name}", mode="validation"
    )
    made = (_field(name, one, found) for name, one in found["Profile"]["properties"].items())
    return [one for one in made if one]


def _field(name: str, schema: dict[str, Any], types: dict[str, Any]) -> dict[str, Any] | None:
    choices = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if len(choices) != 1:
        return None
    kind = _referred(choices[0], types)
    options = [str(one) for one in kind.get("enum", [])]
    known = _TYPES.get(kind.get("type", ""))
    if known is None or (options and known != "text"):
        return None
    return {
        "name": name,
        "label": schema.get("title", name),
        "hint": schema.get("description", ""),
        "type": "date" if kind.get("format") == "date" else known,
        "whole": kind.get("type") == "integer",
        "options": options,
        "nullable": "anyOf" in schema,
    }


def _referred(schema: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    """Return the type that a reference leads to, such as that of an enumeration."""
    name = schema.get("$ref", "").rpartition("/")[2]
    referred: dict[str, Any] = types[name] if name else schema
    return {"enum": [schema["const"]], **schema} if "const" in schema else referred
