"""The routes in the host application's OpenAPI document."""

from __future__ import annotations

from typing import Any

from authingo.fastapi.routes import ROUTES, Route

_TIME = {"type": "string", "format": "date-time"}
_STRING = {"type": "string"}
_HEADER = {
    "name": "X-Authingo-Client",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["true"]},
}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_SCHEMAS = {
    "AuthingoUser": _object(
        id=_STRING,
        email=_STRING,
        name=_STRING,
        email_verified={"type": "boolean"},
        created_at=_TIME,
        updated_at=_TIME,
    ),
    "AuthingoSession": _object(
        id=_STRING,
        user_id=_STRING,
        created_at=_TIME,
        expires_at=_TIME,
        refresh_expires_at=_TIME,
    ),
    "AuthingoSignedIn": _object(
        user={"$ref": "#/components/schemas/AuthingoUser"},
        session={"$ref": "#/components/schemas/AuthingoSession"},
    ),
    "AuthingoError": {
        **_object(code=_STRING, message=_STRING),
        "properties": {
            "code": _STRING,
            "message": _STRING,
            "fields": {"type": "object", "additionalProperties": _STRING},
        },
    },
}
_RESULTS = {
    "/sign-out": _object(success={"type": "boolean"}),
    "/health": _object(status=_STRING),
}


def describe(document: dict[str, Any], base_path: str) -> dict[str, Any]:
    """Add authingo's paths and schemas to an OpenAPI document, in place."""
    for path, methods in ROUTES.items():
        document["paths"][base_path + path] = {
            method.lower(): _operation(path, route) for method, route in methods.items()
        }
    document.setdefault("components", {}).setdefault("schemas", {}).update(_SCHEMAS)
    return document


def _operation(path: str, route: Route) -> dict[str, Any]:
    result = _RESULTS.get(path, {"$ref": "#/components/schemas/AuthingoSignedIn"})
    operation: dict[str, Any] = {
        "tags": ["authingo"],
        "operationId": "authingo_" + path.strip("/").replace("-", "_"),
        "summary": (route.handle.__doc__ or "").partition(".")[0],
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": result}}},
            "default": {
                "description": "An error: `code` is stable, `message` is for people",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/AuthingoError"}}
                },
            },
        },
    }
    if route.checked:
        operation["parameters"] = [_HEADER]
    if route.fields:
        fields = _object(**dict.fromkeys(route.fields, _STRING))
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {**fields, "additionalProperties": False}}},
        }
    return operation
