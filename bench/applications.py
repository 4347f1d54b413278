"""What is served: each name is an ASGI application for uvicorn, `bench.applications:NAME`.

With BENCH_IN_USE in the environment, with a profile, roles and a hook.
"""

from __future__ import annotations

import json
import os
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from authingo import Auth, ClientWritable, Event, ServerOnly, config
from authingo.fastapi import CurrentUser
from authingo.http.replies import Reply
from authingo.metrics.settings import MetricsSettings
from bench import data

_IN_USE = bool(os.environ.get("BENCH_IN_USE"))

_BODY = (  # as long as the answer of a session check
    '{"user":{"id":"usr_01k866v5ihj1me9soa6v6ji3te","email":"user1@example.com","name":"User 1",'
    '"email_verified":false,"created_at":"2026-11-24T07:22:49.297438Z",'
    '"updated_at":"2026-11-24T07:22:49.297438Z","roles":[%s]%s},'
    '"session":{"id":"ses_01k866v5ih3uqn40sv7ueq5tq7",'
    '"user_id":"usr_01k866v5ihj1me9soa6v6ji3te","created_at":"2026-11-24T07:22:49.297559Z",'
    '"expires_at":"2026-11-24T07:37:49.297559Z","refresh_expires_at":"2026-12-24T07:22:49.297559Z",'
    '"authenticated_at":"2026-11-24T07:22:49.297559Z","methods":["password"]}}'
    % ((f'"{data.ROLE}"', f',"profile":{data.SEEN_PROFILE}') if _IN_USE else ("", ""))
).encode()


class Profile(BaseModel, frozen=True):
    """What an application would keep with its users."""

    birthday: Annotated[date | None, ClientWritable] = None
    theme: Annotated[str, ClientWritable] = "light"
    plan: str = "free"
    notes: Annotated[str, ServerOnly] = ""


_auth = Auth.from_config(profile=Profile) if _IN_USE else Auth.from_config()

if _IN_USE:

    @_auth.on("sign_in", "profile_changed")
    async def heard(event: Event) -> None:
        """Do what a hook does: here, nothing."""


_fastapi = FastAPI(lifespan=_auth.lifespan)
_auth.install(_fastapi)


@_fastapi.get("/guarded")
async def guarded(user: CurrentUser) -> dict[str, str]:
    return {"email": user.email}


@_fastapi.get("/open")
async def unguarded() -> dict[str, str]:
    return {"email": "user1@example.com"}


async def _nothing(connection: HTTPConnection) -> None:
    """What FastAPI itself takes to call a dependency."""


@_fastapi.get("/dependency", dependencies=[Depends(_nothing)])
async def with_dependency() -> dict[str, str]:
    return {"email": "user1@example.com"}


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The least that any server of this kind does: the ceiling."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})


# What a session check sends.
_CHECKED = Reply(json.loads(_BODY)).prepare()


async def same(scope: Any, receive: Any, send: Any) -> None:
    """Send the headers and the body of a session check to everybody: the base of the handler."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [*_CHECKED.headers]})
    await send({"type": "http.response.body", "body": _CHECKED.body})


class _Beside:
    """An application, and beside it what it is compared with, by path.

    In one process, because two processes of one program differ by more than a check costs.
    """

    def __init__(self, app: Any, **others: Any) -> None:
        self._app = app
        self._others = {f"/{name}": other for name, other in others.items()}

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        return self._others.get(scope.get("path"), self._app)(scope, receive, send)


class _Measured:
    """The handler with metrics on, and with the query `off` another one without them."""

    def __init__(self, settings: config.Settings) -> None:
        self._with = Auth(settings.having(MetricsSettings(enabled=True)))
        self._without = Auth(settings)
        self._on, self._off = self._with.handler, self._without.handler

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            async with self._with.lifespan(), self._without.lifespan():
                await _lifespan(receive, send)
        elif scope["query_string"]:
            await self._off(scope, receive, send)
        else:
            await self._on(scope, receive, send)


handler = _Beside(_auth.handler, same=same, bare=bare)
required = _Beside(_auth.require(bare), bare=bare)
measured = _Measured(_auth.settings)
_fastapi.middleware_stack = _Beside(_fastapi.build_middleware_stack(), same=same)
installed = _Beside(_fastapi, bare=bare)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
