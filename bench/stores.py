"""What is asked of the store without HTTP: rotations, revocations, last uses, and their notices."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

import asyncpg

from authingo import Auth
from authingo.config import settings_from
from authingo.stores.postgres.revocations import CHANNEL
from bench import data

CONNECTIONS = 8
_STEPS = 10
_BATCH = 1_000  # last uses in one statement; a server gathers as many at most
_PATIENCE = 30.0  # seconds for notices to arrive

_SIZES = """
SELECT pg_relation_size('authingo_sessions') AS table,
    pg_indexes_size('authingo_sessions') AS indexes
"""


def rotate(url: str, sessions: range, count: int) -> dict[str, Any]:
    """Refresh these sessions in turn, in no order, until that many are done.

    Gives the sizes in bytes before, after each tenth and at the end.
    """
    return asyncio.run(_rotate(url, sessions, count))


async def _rotate(url: str, sessions: range, count: int) -> dict[str, Any]:
    # Neighbours share a page, and are not refreshed at the same moment.
    numbers = random.Random(count).sample(sessions, len(sessions))
    waiting = deque(str(data.refresh_token(number)) for number in numbers)
    async with _opened(url) as auth, _connected(url) as connection:

        async def refresh(_: int) -> None:
            tokens = (await auth.refresh(waiting.popleft())).tokens
            assert tokens.refresh is not None
            waiting.append(tokens.refresh)

        sizes = [{"rotations": 0, **await _sizes(connection)}]
        began = time.perf_counter()
        for step in range(1, _STEPS + 1):
            await _for_each(range(count // _STEPS), refresh)
            sizes.append({"rotations": step * (count // _STEPS), **await _sizes(connection)})
        seconds = time.perf_counter() - began
    return {"sessions": len(sessions), "seconds": seconds, "sizes": sizes}


async def _sizes(connection: asyncpg.Connection) -> dict[str, int]:
    row = await connection.fetchrow(_SIZES)
    assert row is not None
    return dict(row)


def revoke(url: str, sessions: range, users: int) -> int:
    """End each of these sessions by `auth.revoke`; give how many it were."""

    async def run() -> None:
        async with _opened(url) as auth:

            async def end(session: int) -> None:
                user_id = data.user_id(session % users)
                assert await auth.revoke(user_id, only=data.session_id(session)) == 1

            await _for_each(sessions, end)

    asyncio.run(run())
    return len(sessions)


def note_uses(url: str, sessions: range) -> int:
    """Record that each of these sessions is used now; give how many it were."""

    async def run() -> int:
        numbers = random.Random(len(sessions)).sample(sessions, len(sessions))
        ids = [data.session_id(number) for number in numbers]
        async with _opened(url) as auth:
            noted = 0
            for start in range(0, len(ids), _BATCH):
                batch = sorted(ids[start : start + _BATCH])
                noted += await auth.store.sessions.note_use(batch, longer_than=timedelta(0))
            return noted

    return asyncio.run(run())


def end_heard(url: str, sessions: range, listeners: int) -> float:
    """Delete each of these sessions while that many connections listen.

    Gives the seconds until everybody has received every notice.
    """

    async def run() -> float:
        missing = len(sessions) * listeners
        heard = asyncio.Event()

        def hear(*_: object) -> None:
            nonlocal missing
            missing -= 1
            if missing == 0:
                heard.set()

        async with contextlib.AsyncExitStack() as stack:
            for _ in range(listeners):
                listener = await stack.enter_async_context(_connected(url))
                await listener.add_listener(CHANNEL, hear)
            connections: asyncio.Queue[asyncpg.Connection] = asyncio.Queue()
            for _ in range(CONNECTIONS):
                connections.put_nowait(await stack.enter_async_context(_connected(url)))

            async def end(session: int) -> None:
                connection = await connections.get()
                await connection.execute(_END, data.session_id(session))
                connections.put_nowait(connection)

            began = time.perf_counter()
            await _for_each(sessions, end)
            if listeners:
                try:
                    await asyncio.wait_for(heard.wait(), _PATIENCE)
                except TimeoutError:
                    sys.exit(f"{missing} notices did not arrive")
            return time.perf_counter() - began

    return asyncio.run(run())


_END = "DELETE FROM authingo_sessions WHERE id = $1"


async def _for_each(numbers: Iterable[int], work: Callable[[int], Awaitable[None]]) -> None:
    """Do the work for each number, on all connections."""
    left = iter(numbers)

    async def client() -> None:
        for number in left:
            await work(number)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


@contextlib.asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Auth]:
    settings = {
        "database_url": url,
        "store": {"pool_size": CONNECTIONS},
        "sessions": {"session_lifetime": data.SESSION_LIFETIME},
    }
    auth = Auth(settings_from(settings))
    await auth.open()
    try:
        yield auth
    finally:
        await auth.close()


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
