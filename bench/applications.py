"""What is served: each name is an ASGI application for uvicorn, `bench.applications:NAME`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from authingo import Auth
from authingo.fastapi import CurrentUser

_BODY = (  # as long as the answer of a session check
    b'{"user":{"id":"usr_01k866v5ihj1me9soa6v6ji3te","email":"user1@example.com","name":"User",'
    b'"email_verified":false,"created_at":"2026-11-24T07:22:49.297438Z",'
    b'"updated_at":"2026-11-24T07:22:49.297438Z"},"session":{"id":"ses_01k866v5ih3uqn40sv7ueq5tq7",'
    b'"user_id":"usr_01k866v5ihj1me9soa6v6ji3te","created_at":"2026-11-24T07:22:49.297559Z",'
    b'"expires_at":"2026-11-24T07:37:49.297559Z","refresh_expires_at":"2026-12-24T07:22:49.297559Z"}}'
)

_auth = Auth.from_config()
handler = _auth.handler

installed = FastAPI(lifespan=_auth.lifespan)
_auth.install(installed)


@installed.get("/guarded")
async def guarded(user: CurrentUser) -> dict[str, str]:
    return {"email": user.email}


@installed.get("/open")
async def unguarded() -> dict[str, str]:
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


required = _auth.require(bare)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
