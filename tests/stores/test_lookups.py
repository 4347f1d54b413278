"""Session lookups on PostgreSQL that arrive together, one that hangs, one whose connection died."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import asyncpg
import pytest

from authingo.config import Settings, StoreSettings, read_postgres_url
from authingo.errors import StoreUnavailable
from authingo.models import NewSession, NewUser, TokenKey, TokenMatch, WrongSecret
from authingo.stores.conformance.world import unknown_key
from authingo.stores.postgres import PostgresStore, lookups

LIVES = Settings().sessions.lifetimes
TIMEOUT = StoreSettings().timeout


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    where = read_postgres_url("database_url", postgres_url)
    store = PostgresStore(where, timeout=TIMEOUT / 5, pool_size=3)
    await store.open(create=True)
    yield store
    await store.close()


@contextlib.asynccontextmanager
async def somebody_else(store: PostgresStore) -> AsyncIterator[asyncpg.Connection]:
    """Connect past the store."""
    connection = await asyncpg.connect(**store.url.arguments())
    try:
        yield connection
    finally:
        await connection.close()


async def sessions_of(store: PostgresStore, count: int) -> list[TokenKey]:
    user = await store.users.add(NewUser(email="ada@example.com", name="Ada", password_hash="x"))
    sessions = [
        NewSession(
            token_digest=secrets.token_bytes(32),
            selector_digest=secrets.token_bytes(32),
            verifier_digest=secrets.token_bytes(32),
            lifetimes=LIVES,
        )
        for _ in range(count)
    ]
    for new in sessions:
        assert await store.sessions.begin(user.id, new, version=None, ending=None)
    return [new.key for new in sessions]


@pytest.mark.anyio
async def test_each_of_many_at_once_gets_its_own_session(store: PostgresStore) -> None:
    """More than go into one statement, the same several times, and unknown ones between.

    Those who ask with the id of a session that somebody else just looked up, but without its
    secret, get nothing of it.
    """
    keys = await sessions_of(store, 30)
    unknown = [unknown_key() for _ in range(100)]
    of_before = [TokenKey(None, key.digest) for key in keys]
    wrong = [TokenKey(key.session_id, keys[number - 1].digest) for number, key in enumerate(keys)]
    asked = [*wrong, *keys, *unknown, *keys, *of_before, *keys, *wrong] * 2
    for _ in range(2):
        found = await asyncio.gather(*(store.sessions.by_token(key) for key in asked))
        for key, match in zip(asked, found, strict=True):
            if key in keys:
                assert isinstance(match, TokenMatch)
                assert match.session.id == key.session_id
            elif key in wrong:
                assert isinstance(match, WrongSecret)
            else:
                assert match is None


@pytest.mark.anyio
async def test_who_gives_up_leaves_the_others_alone(store: PostgresStore) -> None:
    keys = await sessions_of(store, 5)
    tasks = [asyncio.create_task(store.sessions.by_token(key)) for key in keys]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[3].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    kinds = [type(result).__name__ for result in found]
    assert kinds == ["CancelledError", "TokenMatch", "TokenMatch", "CancelledError", "TokenMatch"]


@pytest.mark.anyio
async def test_all_who_wait_are_told_in_time_and_the_next_ones_are_served(
    store: PostgresStore,
) -> None:
    """One statement hangs; those that came meanwhile do not wait a second time."""
    keys = await sessions_of(store, 5)
    await store.sessions.by_token(keys[0])
    async with somebody_else(store) as locker, locker.transaction():
        await locker.execute("LOCK TABLE authingo_sessions IN ACCESS EXCLUSIVE MODE")
        first = asyncio.create_task(store.sessions.by_token(keys[0]))
        await asyncio.sleep(0)
        others = [asyncio.create_task(store.sessions.by_token(key)) for key in keys]
        done, pending = await asyncio.wait([first, *others], timeout=TIMEOUT.total_seconds())
        assert pending == set()
        assert {type(task.exception()) for task in done} == {StoreUnavailable}
    for key in keys:
        assert await store.sessions.by_token(key)


@pytest.mark.anyio
async def test_who_comes_meanwhile_waits_no_longer_for_it(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that the statement before took is part of what they waited."""
    first, second = await sessions_of(store, 2)
    deadlines: list[float] = []
    together = store._lookups._together
    send = together._send

    async def noted(keys: Sequence[lookups.Key], deadline: float) -> Mapping[lookups.Key, Any]:
        deadlines.append(deadline)
        return await send(keys, deadline)

    monkeypatch.setattr(together, "_send", noted)
    loop = asyncio.get_running_loop()
    one = asyncio.create_task(store.sessions.by_token(first))
    await asyncio.sleep(0)
    other = asyncio.create_task(store.sessions.by_token(second))
    await asyncio.sleep(0)
    asked_until = loop.time()
    assert await one
    assert await other
    assert len(deadlines) == 2
    assert deadlines[1] <= asked_until + store._timeout


@pytest.mark.anyio
async def test_who_asks_just_when_it_is_closed_is_told(store: PostgresStore) -> None:
    (key,) = await sessions_of(store, 1)
    async with asyncio.timeout(20):
        asked, _ = await asyncio.gather(
            store.sessions.by_token(key), store.close(), return_exceptions=True
        )
        assert isinstance(asked, StoreUnavailable)
        await store.open(create=False)
        assert await store.sessions.by_token(key)


@pytest.mark.anyio
async def test_a_connection_that_died_is_replaced_unnoticed(store: PostgresStore) -> None:
    (key,) = await sessions_of(store, 1)
    for _ in range(3):
        assert await store.sessions.by_token(key)
        async with somebody_else(store) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )


@pytest.mark.anyio
async def test_a_connection_that_rested_is_not_relied_on(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall forgets it without a word, and the next lookup would hang."""
    (key,) = await sessions_of(store, 1)

    async def process() -> int:
        assert await store.sessions.by_token(key)
        connection = store._lookups._connection
        assert connection is not None
        return connection.get_server_pid()

    first = await process()
    assert await process() == first
    monkeypatch.setattr(lookups, "IDLE", 0.0)
    assert await process() != first
