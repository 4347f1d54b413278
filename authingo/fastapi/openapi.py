"""The routes in the host application's OpenAPI document."""

from __future__ import annotations

from typing import Any

from authingo.config import Settings
from authingo.cookies import Cookies
from authingo.fastapi.guarded_routes import CLIENT_HEADER, OPTIONAL, PAGE, STRICT, describe_guarded
from authingo.fastapi.routes import ROUTES, SESSION_PATH, Route
from authingo.inputs import MAX_NAME, MAX_TRIED
from authingo.passwords import MAX_LENGTH

_TIME = {"type": "string", "format": "date-time"}
_STRING = {"type": "string"}
_SESSION_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^ses_[0-9a-v]{26}$"},
}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_NULLABLE = {"type": ["string", "null"]}
_SESSION = {
    "id": _STRING,
    "user_id": _STRING,
    "created_at": _TIME,
    "expires_at": _TIME,
    "refresh_expires_at": _TIME,
}
_SCHEMAS = {
    "AuthingoUser": _object(
        id=_STRING,
        email=_STRING,
        name=_STRING,
        email_verified={"type": "boolean"},
        created_at=_TIME,
        updated_at=_TIME,
    ),
    "AuthingoSession": _object(**_SESSION),
    "AuthingoListedSession": _object(
        **_SESSION,
        ip=_NULLABLE,
        user_agent=_NULLABLE,
        last_used_at=_TIME,
        current={"type": "boolean"},
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
_REVOKED = _object(revoked={"type": "integer"})
_RESULTS = {
    ("POST", "/sign-out"): _object(success={"type": "boolean"}),
    ("GET", "/sessions"): _object(
        sessions={
            "type": "array",
            "items": {"$ref": "#/components/schemas/AuthingoListedSession"},
        }
    ),
    ("DELETE", "/sessions"): _REVOKED,
    ("DELETE", SESSION_PATH): _REVOKED,
    ("GET", "/health"): _object(status=_STRING),
}


_OPEN = frozenset({"/sign-up", "/sign-in", "/sign-out", "/refresh", "/health"})


def describe(document: dict[str, Any], settings: Settings, base: str | None) -> dict[str, Any]:
    """Return an OpenAPI document with authingo's paths, schemas and guards added.

    `base`: the base path relative to the server that the document names; None leaves
    authingo's own routes out.
    """
    paths = describe_guarded(document["paths"])
    if base is not None:
        for path, methods in ROUTES.items():
            paths[base + path] = {
                method.lower(): _operation(method, path, route, settings)
                for method, route in methods.items()
            }
    components = document.get("components", {})
    schemes = {
        name: scheme
        for name, scheme in components.get("securitySchemes", {}).items()
        if name not in {PAGE, OPTIONAL}
    }
    schemes[STRICT] = {"type": "apiKey", "in": "cookie", "name": Cookies(settings).session.name}
    return {
        **document,
        "paths": paths,
        "components": {
            **components,
            "schemas": {**components.get("schemas", {}), **_SCHEMAS},
            "securitySchemes": schemes,
        },
    }


def _operation(method: str, path: str, route: Route, settings: Settings) -> dict[str, Any]:
    result = _RESULTS.get((method, path), {"$ref": "#/components/schemas/AuthingoSignedIn"})
    operation: dict[str, Any] = {
        "tags": ["authingo"],
        "operationId": f"authingo_{route.handle.__name__}",
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
    parameters = [CLIENT_HEADER] if route.checked else []
    if path == SESSION_PATH:
        parameters = [*parameters, _SESSION_ID]
    if parameters:
        operation["parameters"] = parameters
    if path not in _OPEN:
        operation["security"] = [{STRICT: []}]
    if route.fields:
        fields = _object(**{name: _field(path, name, settings) for name in route.fields})
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {**fields, "additionalProperties": False}}},
        }
    return operation


def _field(path: str, name: str, settings: Settings) -> dict[str, Any]:
    """What can be said of a field without knowing the rest; the routes know more."""
    if name == "name":
        return {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
    if name == "new_password" or (path, name) == ("/sign-up", "password"):
        shortest = settings.passwords.min_length
        return {"type": "string", "minLength": shortest, "maxLength": MAX_LENGTH}
    if (path, name) == ("/sign-up", "email"):
        return {"type": "string", "format": "email"}
    return {"type": "string", "minLength": 1, "maxLength": MAX_TRIED}
