"""What was found out once in a turn of the event loop, where that loop dies in the middle of it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from authingo import clock
from authingo.config import Settings
from authingo.stores import Store, open_store
from tests.stores.watching import Told


async def prepared(store: Store) -> None:
    await store.open(create=True)
    await store.migrate()
    await store.ping()


async def asked(store: Store) -> bool:
    return store.is_notified()


def test_a_loop_that_died_is_believed_for_a_moment_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never said that its turn was over; what is revoked then is told to another loop."""
    file = tmp_path / "authingo.db"
    store = open_store(Settings(database_url=f"sqlite:///{file}"))
    store.watch(told := Told())
    dying = asyncio.new_event_loop()
    dying.run_until_complete(prepared(store))

    def ask_and_die() -> None:
        assert store.is_notified()
        dying.stop()

    dying.call_soon(ask_and_die)
    dying.run_forever()
    told.whom.clear()
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("UPDATE authingo_epoch SET epoch = epoch + 1")
    later = clock.now() + 0.05
    monkeypatch.setattr(clock, "now", lambda: later)
    assert asyncio.run(asked(store))
    assert set(told.whom) == {"*"}
    asyncio.run(store.close())
    dying.close()
