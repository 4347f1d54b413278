"""The routes in the host application's OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from authingo import profile, profile_schemas
from authingo.config import Settings
from authingo.fastapi.guarded_routes import CLIENT_HEADER, STRICT, describe_guarded, is_mark
from authingo.http.answers import AuthingoError
from authingo.http.cookies import Cookies
from authingo.http.replies import Answer, Page, Redirect
from authingo.http.route import Body, NoBody, Route, Routes
from authingo.http.routes import routes_under
from authingo.passwords import MAX_LENGTH

_REF = "#/components/schemas/{name}"
_SHOWN = "AuthingoProfile"  # what a user sees of the profile
_WRITABLE = "AuthingoProfileChanges"  # what a user may write of it


def describe(document: dict[str, Any], settings: Settings, base: str | None) -> dict[str, Any]:
    """Return an OpenAPI document with authingo's paths, schemas and guards added.

    `base` is the base path relative to the document's server; None leaves out authingo's own
    routes.
    """
    routes = routes_under(settings)
    paths = describe_guarded(document["paths"])
    if base is not None:
        for route in routes.all:
            path = paths.setdefault(base + route.path, {})
            path[route.method.lower()] = _operation(route, settings)
    components = document.get("components", {})
    schemes = {
        name: scheme
        for name, scheme in components.get("securitySchemes", {}).items()
        if not is_mark(name)
    }
    schemes[STRICT] = {"type": "apiKey", "in": "cookie", "name": Cookies(settings).session.name}
    return {
        **document,
        "paths": paths,
        "components": {
            **components,
            "schemas": _with_profiles(
                components.get("schemas", {}), _schemas(routes), profile.of(settings)
            ),
            "securitySchemes": schemes,
        },
    }


def _schemas(routes: Routes) -> dict[str, Any]:
    """Return the routes' answer types, by name."""
    replies = [one.answer for one in routes.all if not issubclass(one.answer, Answer)]
    answers = [AuthingoError, *replies]
    return msgspec.json.schema_components(answers, ref_template=_REF)[1]


def _with_profiles(
    own: dict[str, Any], schemas: dict[str, Any], profiles: profile.Profiles | None
) -> dict[str, Any]:
    """Return the schemas of the application and authingo's, with the profile in those of users."""
    if profiles is None or "AuthingoUser" not in schemas:
        return {**own, **schemas}
    schemas |= profile_schemas.schemas(
        profiles.model, profiles.shown, title=_SHOWN, reference=_REF, mode="serialization"
    )
    schemas |= profile_schemas.schemas(
        profiles.model, profiles.writable, title=_WRITABLE, reference=_REF, mode="validation"
    )
    schemas[_WRITABLE]["additionalProperties"] = False
    properties = schemas["AuthingoUser"]["properties"]
    properties["profile"] = {"$ref": _REF.format(name=_SHOWN)}
    return {**own, **schemas}


def _operation(route: Route, settings: Settings) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": ["authingo"],
        "operationId": f"authingo_{route.handle.__name__}",
        "summary": (route.handle.__doc__ or "").partition(".")[0],
        "responses": {
            **_success(route.answer),
            **_errors(route),
        },
    }
    parameters = [CLIENT_HEADER] if route.checked else []
    for name, pattern in route.parameters.items():
        schema = {"type": "string", "pattern": f"^{pattern}$"}
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    if parameters:
        operation["parameters"] = parameters
    if route.session:
        operation["security"] = [{STRICT: []}]
    if route.body is not NoBody:
        operation["requestBody"] = {"required": True, "content": _json(_body(route.body, settings))}
    return operation


def _success(answer: type[msgspec.Struct]) -> dict[str, Any]:
    if answer is Redirect:
        location = {"required": True, "schema": {"type": "string"}}
        return {"303": {"description": "Go there", "headers": {"Location": location}}}
    if answer is Page:
        html = {"text/html": {"schema": {"type": "string"}}}
        return {"200": {"description": "A page", "content": html}}
    return {"200": {"description": "Done", "content": _json(_ref(answer))}}


def _errors(route: Route) -> dict[str, Any]:
    """Return the errors of a route by their status, and the default error."""
    codes: dict[int, set[str]] = {}
    for error in route.all_errors():
        codes.setdefault(error.status, set()).add(error.code)
    described = {
        str(status): {
            "description": " or ".join(sorted(codes[status])),
            "content": _json(_ref(AuthingoError)),
        }
        for status in sorted(codes)
    }
    other = {"description": "Another error", "content": _json(_ref(AuthingoError))}
    return {**described, "default": other}


def _body(kind: type[Body], settings: Settings) -> dict[str, Any]:
    """Return the schema of a body, without limits that depend on other fields."""
    schema: dict[str, Any] = msgspec.json.schema_components([kind], ref_template=_REF)[1][
        kind.__name__
    ]
    new_password = {
        "type": "string",
        "minLength": settings.passwords.min_length,
        "maxLength": MAX_LENGTH,
    }
    properties = {
        name: new_password if one.get("title") == "NewPassword" else one
        for name, one in schema["properties"].items()
    }
    if "ClientProfile" in str(properties.get("profile")):
        properties["profile"] = {"anyOf": [{"$ref": _REF.format(name=_WRITABLE)}, {"type": "null"}]}
    return {**schema, "properties": properties}


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
