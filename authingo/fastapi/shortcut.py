"""Answer the routes before the application's own layers, which cost more than the answer.

Any layer around the routes may be there to refuse a request: a maintenance mode, a list of
allowed addresses. So the shortcut is used only if everything around the routes is recognized
(OWASP Authorization Cheat Sheet, "Deny by default"): FastAPI itself built the stack, only from
its own layers, around its own router, and that router would pass the request to the routes
first. If anything else is found, the routes stay inside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from types import FunctionType, MethodType
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Match

from authingo.asgi import ASGIApp, Receive, Scope, Send

FULL = Match.FULL  # an enum lookup takes 0.2 µs in Python 3.11, 1 % of a check
_FRAMEWORK = {"fastapi", "starlette"}


def plain_router(app: FastAPI, stack: ASGIApp) -> APIRouter | None:
    """Return the application's router, if there are only FastAPI's own layers around it.

    `stack` is what `app.build_middleware_stack` returned. None means that there may be other
    layers.
    """
    if not _is_original(type(app).build_middleware_stack):
        return None
    *layers, innermost = _layers(stack)
    if type(innermost) is not APIRouter or {type(layer) for layer in layers} - _own_layers():
        return None
    methods = (APIRouter.app, *(type(layer).__call__ for layer in (*layers, innermost)))
    return innermost if all(map(_is_original, methods)) and _is_bare(innermost) else None


def _layers(stack: Any) -> Iterator[Any]:
    while not isinstance(stack, APIRouter) and hasattr(stack, "app"):
        yield stack
        stack = stack.app
    yield stack


def _own_layers() -> frozenset[type]:
    """Return the classes of the layers that FastAPI puts around every router."""
    plain = FastAPI()
    plain.user_middleware.clear()  # a patched constructor may have added some
    return frozenset(map(type, _layers(plain.build_middleware_stack())))


def _is_original(method: Any) -> bool:
    """Return whether a method is the framework's own; a replacement is from another module."""
    if not isinstance(method, FunctionType):
        return False
    module: str = method.__globals__["__name__"]
    return module.partition(".")[0] in _FRAMEWORK


def _is_bare(router: APIRouter) -> bool:
    return router.middleware_stack == MethodType(APIRouter.app, router)


class Shortcut:
    """The outermost layer of an application that has only FastAPI's layers around its routes."""

    def __init__(self, app: ASGIApp, router: APIRouter, routes: BaseRoute) -> None:
        self._app = app
        self._router = router
        self._call = type(router).__call__
        self._innermost = router.middleware_stack
        self._routes = routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Do what the router would do, if it is unchanged and its first route is still ours."""
        router, routes = self._router, self._routes
        if (
            scope["type"] == "http"
            and router.middleware_stack is self._innermost
            and type(router).__call__ is self._call
            and (listed := router.routes)
            and listed[0] is routes
        ):
            match, found = routes.matches(scope)
            if match is FULL:
                scope.update(found)
                return routes.handle(scope, receive, send)
        return self._app(scope, receive, send)
