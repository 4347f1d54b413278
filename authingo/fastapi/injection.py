"""Guards without FastAPI's machinery for dependencies, which takes longer than they do.

FastAPI solves the first request to a route as ever, and so calls the guards it
finds there; the first one then takes the route over. From the next request on they
run before FastAPI looks at it, and what they give is handed to the endpoint. Only
guards that stand before every other dependency are taken over, so that the order in
which things are refused stays; and where a test overrides dependencies, the route is
given back to FastAPI.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authingo.auth import ASGIApp
from authingo.errors import NoSession
from authingo.fastapi.bodies import Receive
from authingo.fastapi.origin import Scope
from authingo.fastapi.replies import Send
from authingo.models import Resumed

if TYPE_CHECKING:
    from authingo.fastapi.guards import Guard

_GIVEN = "authingo.given"  # to the endpoint, by the names of its parameters
_CONNECTION = "authingo_connection"  # the parameter in which FastAPI hands over the request


@dataclass(frozen=True, slots=True)
class Kind:
    """How a guard asks, and what of the answer it gives."""

    give: Callable[[Resumed], object]
    client_header: bool = True
    optional: bool = False  # None without a session, where others refuse

    async def ask(self, guard: Guard, scope: Scope) -> Any:
        """Return what the guard gives. Raises as `Guard.admit`."""
        try:
            resumed = guard.recall(scope, client_header=self.client_header)
            if resumed is None:
                resumed = await guard.admit(scope, client_header=self.client_header)
        except NoSession:
            if not self.optional:
                raise
            return None
        return self.give(resumed)


Kinds = Mapping[Callable[..., Any], Kind]


def take_over(scope: Scope, guard: Guard, kinds: Kinds) -> None:
    """Take over the route of this request from its next one on, where that can be done."""
    # An included router's route has its dependencies and its application in a context.
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    dependant = getattr(route, "dependant", None)
    if route is None or dependant is None or isinstance(route.app, _Guarded):
        return
    if scope["type"] != "http":
        return
    leading = []
    for inner in dependant.dependencies:
        if inner.call not in kinds:
            break
        leading.append(inner)
    if leading and not _overrides(route) and not _streams(dependant.call):
        _Guarded(route, guard, [(inner.name, kinds[inner.call]) for inner in leading])


def _overrides(route: Any) -> object:
    provider = getattr(route, "dependency_overrides_provider", None)
    return getattr(provider, "dependency_overrides", None)


def _streams(call: Callable[..., Any]) -> bool:
    return inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call)


class _Guarded:
    """A route's application with its guards before it."""

    def __init__(self, route: Any, guard: Guard, kinds: list[tuple[str | None, Kind]]) -> None:
        self._route = route
        self._guard = guard
        self._kinds = kinds
        self._app: ASGIApp = route.app
        dependant = route.dependant
        self._before = (
            dependant.call,
            dependant.dependencies,
            dependant.http_connection_param_name,
        )
        name = dependant.http_connection_param_name or _CONNECTION
        dependant.call = _handing_over(dependant.call, name, own=name == _CONNECTION)
        dependant.dependencies = dependant.dependencies[len(kinds) :]
        dependant.http_connection_param_name = name
        route.app = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the guards, then the route. What they raise is answered by the application."""
        if _overrides(self._route):
            self._give_back()
        else:
            given = {}
            for name, kind in self._kinds:
                what = await kind.ask(self._guard, scope)
                if name is not None:
                    given[name] = what
            scope[_GIVEN] = given
        await self._app(scope, receive, send)

    def _give_back(self) -> None:
        dependant = self._route.dependant
        call, dependant.dependencies, dependant.http_connection_param_name = self._before
        dependant.call = call
        self._route.app = self._app


def _handing_over(call: Callable[..., Any], connection: str, *, own: bool) -> Callable[..., Any]:
    """Make an endpoint of the same kind that also gets what the guards gave.

    `own`: FastAPI hands the request over for this alone. A request that was under way
    when its route was taken over comes with everything, and without it.
    """

    def complete(values: dict[str, Any]) -> dict[str, Any]:
        request = values.pop(connection, None) if own else values.get(connection)
        given = request.scope.get(_GIVEN) if request is not None else None
        return {**values, **given} if given else values

    if inspect.iscoroutinefunction(call):

        @functools.wraps(call)
        async def endpoint(**values: Any) -> Any:
            return await call(**complete(values))

        return endpoint

    @functools.wraps(call)
    def endpoint_in_thread(**values: Any) -> Any:
        return call(**complete(values))

    return endpoint_in_thread
