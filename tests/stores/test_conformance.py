"""Both adapters pass the public suite."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from authingo.config import Duration, Settings, StoreSettings
from authingo.models import NewSession, NewUser
from authingo.stores import Store, open_store
from authingo.stores.conformance import StoreConformance


class TestStores(StoreConformance):
    @pytest.fixture
    async def store(self, database_url: str) -> AsyncIterator[Store]:
        store = open_store(Settings(database_url=database_url))
        await store.open(create=True)
        await store.migrate()
        yield store
        await store.close()

    @pytest.fixture
    async def another_store(self, store: Store, database_url: str) -> AsyncIterator[Store]:
        another = open_store(Settings(database_url=database_url))
        await another.open(create=False)
        yield another
        await another.close()


async def _sign_in_and_out(store: Store, user_id: str) -> None:
    for _ in range(50):
        new = NewSession(
            token_digest=secrets.token_bytes(32),
            selector_digest=secrets.token_bytes(32),
            verifier_digest=secrets.token_bytes(32),
            lifetimes=Settings().sessions.lifetimes,
        )
        assert await store.sessions.begin(user_id, new, version=1, ending=None)
        assert await store.sessions.end_by_token(new.key)


@pytest.mark.anyio
async def test_several_programs_write_to_one_database_and_wait_for_each_other(
    database_url: str,
) -> None:
    """On SQLite a transaction that reads before it writes would fail at once if it began lazily."""
    async with contextlib.AsyncExitStack() as stack:
        # SQLite has no queue: who naps the longest may wait for all that the others do.
        patient = StoreSettings(timeout=Duration(minutes=1))
        settings = Settings(database_url=database_url, store=patient)
        stores = [open_store(settings) for _ in range(4)]
        for store in stores:
            await store.open(create=True)
            stack.push_async_callback(store.close)
        await stores[0].migrate()
        user = await stores[0].users.add(
            NewUser(email="ada@example.com", name="Ada", password_hash="x")
        )
        await asyncio.gather(*(_sign_in_and_out(store, user.id) for store in stores))


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return str(request.getfixturevalue("postgres").create_database())


@pytest.mark.anyio
async def test_of_many_migrations_at_once_one_applies_each_step(empty_database_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stores = [open_store(Settings(database_url=empty_database_url)) for _ in range(8)]
        for store in stores:
            await store.open(create=True)
            stack.push_async_callback(store.close)
        applied = await asyncio.gather(*(store.migrate() for store in stores))
        status = await stores[0].schema()
        assert status.pending == ()
        assert sum(len(names) for names in applied) == status.latest
