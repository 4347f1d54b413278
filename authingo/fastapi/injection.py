"""Guards without FastAPI's machinery for dependencies, which takes longer than they do.

FastAPI solves the first request to a route as ever, and so calls the guards it
finds there; the first one then takes the route over. From the next request on they
run before FastAPI looks at it, and what they give is handed to the endpoint, by an
application of the route that was made without them. The whole one stays as it is, for
requests that are under way, for another application that has the same route, and for
tests that override dependencies. Only guards that stand before every other dependency
are taken over, so that the order in which things are refused stays.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from fastapi import routing as _routing
from fastapi.routing import APIRoute

from authingo.auth import ASGIApp
from authingo.errors import NoSession
from authingo.fastapi.bodies import Receive
from authingo.fastapi.headers import Scope
from authingo.fastapi.replies import Send
from authingo.models import Resumed

if TYPE_CHECKING:
    from authingo.fastapi.guards import Guard

_GIVEN = "authingo.given"  # to the endpoint, by the names of its parameters


@dataclass(frozen=True, slots=True)
class Kind:
    """How a guard asks, and what of the answer it gives."""

    give: Callable[[Resumed], object]
    waived_for: tuple[str, ...] = ()  # see OriginCheck.check
    optional: bool = False  # None without a session, where others refuse

    async def ask(self, guard: Guard, scope: Scope) -> Any:
        """Return what the guard gives. Raises as `Guard.admit`."""
        try:
            resumed = await guard.admit(scope, self.waived_for)
        except NoSession:
            if not self.optional:
                raise
            return None
        return self.give(resumed)


routing: Any = _routing
# What a route is made of inside FastAPI; another version of it may make them otherwise.
_CAN_BE_DONE = all(
    hasattr(routing, name)
    for name in ("_effective_route_context_var", "request_response", "wrap_app_with_body_limit")
)

Kinds = Mapping[Callable[..., Any], Kind]


def take_over(scope: Scope, guard: Guard, kinds: Kinds) -> None:
    """Take over the route of this request from its next one on, where that can be done."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    route: Any = included or scope.get("route")
    original = getattr(included, "original_route", route)
    if scope["type"] != "http" or not isinstance(original, APIRoute) or not _CAN_BE_DONE:
        return
    if type(original).get_route_handler is not APIRoute.get_route_handler:
        return  # what it does comes before dependencies, and may matter to them
    if is_taken_over(route) or _overrides(route) or _streams(route.dependant.call):
        return
    leading = list(takewhile(lambda inner: inner.call in kinds, route.dependant.dependencies))
    if leading:
        asked = [(inner.name, kinds[inner.call]) for inner in leading]
        bare = _without(route, included, original, [inner.name for inner in leading])
        route.app = _Guarded(scope["app"], route, guard, asked, bare).serve


def is_taken_over(route: Any) -> bool:
    """Tell whether guards run before FastAPI looks at a request to this route."""
    return isinstance(getattr(route.app, "__self__", None), _Guarded)


def _without(route: Any, included: Any, original: APIRoute, leading: list[str | None]) -> ASGIApp:
    """Make the route's application anew, on a copy: requests under way keep the whole."""
    whole = route.dependant
    bare = copy.copy(whole)
    bare.dependencies = whole.dependencies[len(leading) :]
    given = next(filter(None, leading), None)
    if given is not None:  # else the guards stand there to refuse alone
        connection = whole.http_connection_param_name or given
        bare.http_connection_param_name = connection
        bare.call = _handing_over(whole.call, connection)
    token = routing._effective_route_context_var.set(included)
    route.dependant = bare
    try:
        handler = routing.request_response(original.get_route_handler())
    finally:
        route.dependant = whole
        routing._effective_route_context_var.reset(token)
    bare_app: ASGIApp = routing.wrap_app_with_body_limit(handler, route.max_body_size)
    return bare_app


def _overrides(route: Any) -> object:
    provider = getattr(route, "dependency_overrides_provider", None)
    return getattr(provider, "dependency_overrides", None)


def _streams(call: Callable[..., Any]) -> bool:
    return inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call)


class _Guarded:
    """A route's application with its guards before it, in one application.

    It is `serve` itself that takes the route's place: a bound method is called at once, an
    instance by way of its class.
    """

    def __init__(
        self, host: object, route: Any, guard: Guard, kinds: list[Any], bare: ASGIApp
    ) -> None:
        self._host = host  # another one that has the same route has another guard
        self._overriding = route.dependency_overrides_provider
        self._guard = guard
        self._recall = guard.recall
        self._kinds = kinds
        self._whole: ASGIApp = route.app
        self._bare = bare

    def serve(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Run the guards, then the route. What they raise is answered by the application."""
        overriding = self._overriding
        if scope["app"] is not self._host or (overriding and overriding.dependency_overrides):
            return self._whole(scope, receive, send)
        given = {}
        for name, kind in self._kinds:
            known = self._recall(scope, kind.waived_for)
            if known is None:
                return self._ask(scope, receive, send)
            if name is not None:
                given[name] = kind.give(known)
        scope[_GIVEN] = given
        return self._bare(scope, receive, send)

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = {}
        for name, kind in self._kinds:
            what = await kind.ask(self._guard, scope)
            if name is not None:
                given[name] = what
        scope[_GIVEN] = given
        await self._bare(scope, receive, send)


def _handing_over(call: Callable[..., Any], connection: str) -> Callable[..., Any]:
    """Make an endpoint that also gets what the guards gave. Without that it fails: none has run.

    `connection`: the parameter in which FastAPI hands over the request, which may be one of
    those that are given.
    """
    if inspect.iscoroutinefunction(call):

        @functools.wraps(call)
        async def endpoint(**values: Any) -> Any:
            values.update(values[connection].scope[_GIVEN])
            return await call(**values)

        return endpoint

    @functools.wraps(call)  # where that is awaited, FastAPI awaits what this returns
    def plain_endpoint(**values: Any) -> Any:
        values.update(values[connection].scope[_GIVEN])
        return call(**values)

    return plain_endpoint
