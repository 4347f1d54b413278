"""A route, declared once. Everything else about it is derived from this declaration.

The handler reads which requests to accept and what they may contain. OpenAPI reads what to
describe, and the tests read which errors to expect.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec

from authingo.errors import (
    AuthError,
    BodyTooLarge,
    Busy,
    HeadersTooLarge,
    InvalidInput,
    InvalidJSON,
    MissingClientHeader,
    NoSession,
    OriginNotAllowed,
    ReauthenticationRequired,
    RequestTimeout,
    SessionExpired,
    StoreUnavailable,
    TooManyRequests,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.config import Settings
    from authingo.http.replies import Answer
    from authingo.http.requests import Request

Handle = Callable[["Auth", "Request"], Awaitable["Answer"]]

_CHECKS = (MissingClientHeader, OriginNotAllowed)
_BODY = (UnsupportedMediaType, BodyTooLarge, RequestTimeout, InvalidJSON, InvalidInput)


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The JSON object that a request sends. Unknown and repeated keys are refused."""


# Limited by `passwords.min_length` and the policy; see `authingo.passwords.problem_with`.
NewPassword = Annotated[str, msgspec.Meta(title="NewPassword")]


# The fields of your model that clients may write; see `authingo.profile`.
ClientProfile = Annotated[dict[str, Any], msgspec.Meta(title="ClientProfile")]


class NoBody(Body):
    """The body of a request that needs none: nothing, or `{}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path below the base path, and how they are answered.

    Args:
        method: GET, POST, PATCH or DELETE.
        path: its parameters are in braces, and `parameters` has a pattern for each.
        handle: the function that answers. Its name and the first sentence of its docstring
            describe the route in OpenAPI.
        answer: the type of the body of a success; `Page` or `Redirect` if it answers with one.
        errors: what it raises in addition to the errors that the other fields imply.
        body: the type of the body of a request.
        parameters: regular expressions, by name.
        profile: whether its body has the field `profile` as well, if users have one.
        session: whether it needs a session.
        recent: whether the user must have authenticated recently; see `Auth.require_recent`,
            which the handler calls before `handle`. Set `session` too.
        checked: whether the client header and the origin are checked. Only a GET that reveals
            nothing to another site does without these checks.
        enabled: returns whether the settings turn it on; None means always. A disabled route
            is a 404, and not in the OpenAPI document.
        hashes: whether it hashes a password. That keeps a core busy, so the request is counted,
            and cancelled if the client disconnects. It may be cancelled at any point, because
            each transaction is complete by itself: the first one counts the attempt, and the
            rest is done at the end.
    """

    method: str
    path: str
    handle: Handle
    answer: type[msgspec.Struct]
    errors: tuple[type[AuthError], ...] = ()
    body: type[Body] = NoBody
    parameters: Mapping[str, str] = field(default_factory=dict)
    profile: bool = False
    session: bool = False
    recent: bool = False
    checked: bool = True
    hashes: bool = False
    enabled: Callable[[Settings], bool] | None = None

    def is_enabled(self, settings: Settings) -> bool:
        """Return whether this route exists under these settings."""
        return self.enabled is None or self.enabled(settings)

    def under(self, settings: Settings) -> Route:
        """Return this route as it is under these settings."""
        users_have_one = settings.profile is not None or settings.profile_class is not None
        if not (self.profile and users_have_one):
            return self
        return replace(self, body=_with_profile(self.body))

    def all_errors(self) -> tuple[type[AuthError], ...]:
        """Return every error that it can answer with."""
        return (
            HeadersTooLarge,
            *(_CHECKS if self.checked else ()),
            *(_BODY if self.checked else ()),
            *((TooManyRequests, Busy) if self.hashes else ()),
            *((NoSession, SessionExpired) if self.session else ()),
            *((ReauthenticationRequired,) if self.recent else ()),
            *self.errors,
            StoreUnavailable,
        )


@cache
def _with_profile(body: type[Body]) -> type[Body]:
    """Return the type of a body that has the field `profile` as well."""
    field = ("profile", ClientProfile | None, None)
    made: Any = msgspec.defstruct(
        body.__name__, [field], bases=(body,), forbid_unknown_fields=True, kw_only=True
    )
    return cast("type[Body]", made)


class Routes:
    """The routes by path, and a lookup of the route for a path.

    A route replaces an earlier one with the same method and path. So the settings of a capability
    may change how another answers.
    """

    def __init__(self, routes: list[Route]) -> None:
        self.all = tuple({(one.method, one.path): one for one in routes}.values())
        self._exact: dict[str, dict[str, Route]] = {}
        patterns: dict[str, dict[str, Route]] = {}
        for route in self.all:
            known = patterns if route.parameters else self._exact
            known.setdefault(route.path, {})[route.method] = route
        self._patterns = [
            (_pattern(next(iter(methods.values()))), methods) for methods in patterns.values()
        ]

    def at(self, path: str) -> tuple[Mapping[str, Route], dict[str, str]]:
        """Return the routes at a path by method, and the path's parameters; empty if there are
        none.
        """
        if (methods := self._exact.get(path)) is not None:
            return methods, {}
        for pattern, found in self._patterns:
            if match := pattern.fullmatch(path):
                return found, match.groupdict()
        return {}, {}

    def named(self, path: str, method: str) -> tuple[str, str]:
        """Return the method and the path of a route as they were declared.

        Each is "other" if there is no such route. So these are few, whatever clients send.
        """
        methods, _ = self.at(path)
        if route := methods.get(method):
            return method, route.path
        return "other", next((one.path for one in methods.values()), "other")


def _pattern(route: Route) -> re.Pattern[str]:
    text = re.escape(route.path)
    for name, pattern in route.parameters.items():
        text = text.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{pattern})")
    return re.compile(text, re.ASCII)
