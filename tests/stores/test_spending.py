"""A secret is spent in the transaction of what it was spent for."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import Any

import asyncpg
import pytest

from authingo import clock
from authingo.stores.conformance.secrets import draw_token, open_matter
from authingo.stores.postgres import PostgresStore
from authingo.stores.postgres import secrets as postgres_secrets
from authingo.stores.sqlite import SQLiteStore
from authingo.stores.sqlite import secrets as sqlite_secrets
from tests.stores.watching import PATIENCE, Scene, until

pytestmark = pytest.mark.anyio

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
_CHANGE = "UPDATE authingo_users SET password_version = password_version + 1 WHERE id = "


class Failed(Exception):
    """What the transaction was for did not work."""


async def until_waiting(url: str, *tasks: asyncio.Task[Any]) -> None:
    """Return when each of the tasks waits for a lock, or is done."""
    connection, deadline = await asyncpg.connect(url), clock.now() + PATIENCE
    try:
        while await connection.fetchval(_WAITING) < sum(not task.done() for task in tasks):
            assert clock.now() < deadline
    finally:
        await connection.close()


async def test_where_the_transaction_fails_the_secret_is_not_spent(scene: Scene) -> None:
    matter = await open_matter(scene.store, scene.ada)
    token = await draw_token(scene.store, matter)
    store = scene.store
    with contextlib.suppress(Failed):
        if isinstance(store, PostgresStore):
            async with store.transaction() as connection:
                assert await postgres_secrets.spend(connection, matter.purpose, token) == matter
                raise Failed
        assert isinstance(store, SQLiteStore)

        def spend_and_fail(connection: sqlite3.Connection) -> None:
            assert sqlite_secrets.spend(connection, matter.purpose, token) == matter
            raise Failed

        await store.write(spend_and_fail)
    assert await store.secrets.spend(matter.purpose, token) == matter


async def test_two_that_spend_and_change_one_user_do_not_wait_for_each_other(
    postgres_scene: Scene, postgres_url: str
) -> None:
    """The second waits before it spends anything, and finds that its secret is over."""
    store, ada = postgres_scene.store, postgres_scene.ada
    assert isinstance(store, PostgresStore)
    matters = [await open_matter(store, ada) for _ in range(2)]
    spent: list[Any] = []

    async def spend_and_change(number: int, then: asyncio.Event | None = None) -> None:
        async with store.transaction() as connection:
            matter = matters[number]
            spent.append(await postgres_secrets.spend(connection, matter.purpose, matter.digest))
            if then is not None:
                await then.wait()
            if spent[-1] is not None:
                await connection.execute(f"{_CHANGE} $1", ada.id)

    go_on = asyncio.Event()
    first = asyncio.create_task(spend_and_change(0, go_on))
    await until(lambda: spent)
    second = asyncio.create_task(spend_and_change(1))
    await until_waiting(postgres_url, second)
    go_on.set()
    await asyncio.gather(first, second)
    assert spent == [matters[0], None]


async def test_a_token_is_not_drawn_for_an_address_that_is_being_replaced(
    postgres_scene: Scene, postgres_url: str
) -> None:
    """The draw waits for the change, and so does a spender."""
    store, ada = postgres_scene.store, postgres_scene.ada
    assert isinstance(store, PostgresStore)
    matter = await open_matter(store, ada)
    changing = await asyncpg.connect(postgres_url)
    async with changing.transaction():
        await changing.execute(
            "UPDATE authingo_users SET email = 'new@example.com' WHERE id = $1", ada.id
        )
        drawn = asyncio.create_task(store.secrets.draw(matter.purpose, matter.digest, bytes(32)))
        spent = asyncio.create_task(store.secrets.spend(matter.purpose, matter.digest))
        await until_waiting(postgres_url, drawn, spent)
    assert [await drawn, await spent] == [None, None]
    await changing.close()
