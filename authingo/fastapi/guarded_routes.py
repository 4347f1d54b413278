"""The application's own guarded routes in its OpenAPI document.

FastAPI lists a security scheme for each guard. This module replaces them by one scheme with the
cookie's real name, and adds the header and the refusals to each route, so that "Try it out" works
on FastAPI's documentation page.
"""

from __future__ import annotations

from typing import Any

from fastapi.openapi.models import APIKey, APIKeyIn

# Names that no program uses by chance. STRICT names the scheme in the document, where it replaces
# the others. PAGE, OPTIONAL and FORM mark guards that ask for less; FRESH, VERIFIED, ROLE and
# PERMISSION such as ask for more. After the last two comes the name of the role or permission.
STRICT, PAGE, OPTIONAL = "AuthingoSession", "AuthingoSession.page", "AuthingoSession.optional"
FRESH, FORM = "AuthingoSession.fresh", "AuthingoSession.form"
OPTIONAL_PAGE, VERIFIED = "AuthingoSession.optional_page", "AuthingoSession.verified"
ROLE, PERMISSION = "AuthingoSession.role.", "AuthingoSession.permission."
_MARKS = {PAGE, OPTIONAL, OPTIONAL_PAGE, FRESH, FORM, VERIFIED}
_COOKIE: dict[str, Any] = {"in": APIKeyIn.cookie, "name": "authingo_session"}
SESSION_COOKIE = APIKey(**_COOKIE)
CLIENT_HEADER = {
    "name": "X-Authingo-Client",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["true"], "default": "true"},
}

_FOR_BROWSERS = {PAGE, OPTIONAL_PAGE, FORM}
_SENT_BY_BROWSERS = {"get", "head"}


def is_mark(name: str) -> bool:
    """Return whether a scheme's name marks a guard, and does not belong into the document."""
    return name in _MARKS or name.startswith((ROLE, PERMISSION))


def _is_guard(name: str) -> bool:
    return name == STRICT or is_mark(name)


def describe_guarded(paths: dict[str, Any]) -> dict[str, Any]:
    """Return the paths of a document, with the header that guards ask for and their refusals."""
    return {
        path: {
            method: _operation(method, operation) if _is_guarded(operation) else operation
            for method, operation in operations.items()
        }
        for path, operations in paths.items()
    }


def _is_guarded(operation: Any) -> bool:
    return isinstance(operation, dict) and any(
        _is_guard(name) for one in operation.get("security", ()) for name in one
    )


def _operation(method: str, operation: dict[str, Any]) -> dict[str, Any]:
    security = operation["security"]
    kinds = {name for one in security for name in one if _is_guard(name)}
    others = [one for one in security if not kinds & one.keys()]
    optional = kinds <= {OPTIONAL, OPTIONAL_PAGE}
    asks_for_less = kinds <= {OPTIONAL, OPTIONAL_PAGE, PAGE, FORM}
    waived = asks_for_less and (method in _SENT_BY_BROWSERS or kinds == {FORM})
    refusals = {
        "401": "The session has expired: refresh it" if optional else "Not signed in",
        "403": "The header X-Authingo-Client is missing, or the request comes from a page "
        "that is not allowed to send it",
    }
    if kinds == {FORM}:
        refusals["403"] = "The request does not come from a page of this server"
    if FRESH in kinds:
        refusals["403"] += ", or the user has to reauthenticate (reauthentication_required)"
    for kind in sorted(kinds):
        refusals["403"] += _restriction(kind)
    described = {status: _error(text) for status, text in refusals.items()}
    if kinds <= _FOR_BROWSERS:
        described["401"]["content"] |= {"text/html": {"schema": {"type": "string"}}}
        described["401"]["description"] += "; a page where a browser shows the answer"
        if method == "get" and not optional:
            described["303"] = {
                "description": "Not signed in, and a browser shows the answer: sign in there",
                "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
            }
    return {
        **operation,
        # A request needs only one of these schemes; an empty entry means that it may have none.
        "security": [*others, {STRICT: []}, *([{}] if optional else [])],
        "parameters": _with_header(operation.get("parameters", []), required=not waived),
        "responses": {
            **described,
            **operation.get("responses", {}),
        },
    }


def _restriction(kind: str) -> str:
    if kind == VERIFIED:
        return ", or the address is not verified (email_not_verified)"
    for mark, noun in ((ROLE, "role"), (PERMISSION, "permission")):
        if kind.startswith(mark):
            return f", or the user lacks the {noun} {kind.removeprefix(mark)} (forbidden)"
    return ""


def _with_header(parameters: list[Any], *, required: bool) -> list[Any]:
    name = str(CLIENT_HEADER["name"]).lower()
    if any(str(one.get("name", "")).lower() == name for one in parameters):
        return parameters
    return [*parameters, {**CLIENT_HEADER, "required": required}]


def _error(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/AuthingoError"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
