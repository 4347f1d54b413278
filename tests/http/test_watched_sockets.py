"""How a WebSocket ends whose session is looked at again and again."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import anyio
import pytest

from authingo.errors import NoSession, SessionExpired, StoreUnavailable
from authingo.fastapi.websockets import WatchedSocket

pytestmark = pytest.mark.anyio

_ACTIVE = None


@pytest.mark.parametrize(
    ("looks", "code"),
    [
        ([_ACTIVE, NoSession()], 4401),
        ([_ACTIVE, SessionExpired()], 4401),
        ([StoreUnavailable(), StoreUnavailable()], 1013),
        ([StoreUnavailable(), _ACTIVE, StoreUnavailable(), _ACTIVE, NoSession()], 4401),
        ([_ACTIVE, RuntimeError("a row that nobody can read")], 1011),
    ],
    ids=["signed out", "expired", "no answer twice", "no answer now and then", "a failure"],
)
async def test_it_closes_for_good(looks: list[Exception | None], code: int) -> None:
    sent: list[MutableMapping[str, Any]] = []
    left = list(looks)

    async def check() -> None:
        if error := left.pop(0):
            raise error

    async def silence() -> MutableMapping[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    socket = WatchedSocket(silence, send)
    with anyio.fail_after(20):
        async with socket.open():
            socket.watch(check, at_least_every=0.001)
            assert await socket.receive() == {"type": "websocket.disconnect", "code": code}
            await socket.send({"type": "websocket.send", "text": "not for who is signed out"})
    assert left == []
    assert sent == [{"type": "websocket.close", "code": code}]
