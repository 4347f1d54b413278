"""A write that waited for a lock until nobody waited for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from authingo.errors import StoreUnavailable
from authingo.stores.sqlite import SQLiteStore
from authingo.stores.watching import Watchers
from tests.database import sqlite_path
from tests.stores.watching import Scene

pytestmark = pytest.mark.anyio


async def test_it_opens_after_an_attempt_that_was_cancelled(tmp_path: Path) -> None:
    """The thread had connected by then, and the store never said that it was open."""
    store = SQLiteStore(tmp_path / "authingo.db", timeout=timedelta(seconds=5))
    store.watch(Watchers())
    opening = asyncio.create_task(store.open(create=True))
    await asyncio.sleep(0)  # the thread has the work now
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await store.open(create=True)
    try:
        await store.migrate()
        await store.ping()
        assert store.is_notified()
    finally:
        await store.close()


async def test_what_was_refused_does_not_happen_later(sqlite_scene: Scene) -> None:
    """SQLite counts its waiting in naps, and on a busy machine they are longer than it thinks."""
    store = sqlite_scene.store
    assert isinstance(store, SQLiteStore)
    with contextlib.closing(sqlite3.connect(sqlite_path(sqlite_scene.url))) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        patience, store._timeout = store._timeout, 0.0  # SQLite's own goes on for seconds
        with pytest.raises(StoreUnavailable):
            await store.users.delete(sqlite_scene.ada.id)
        store._timeout = patience
        other.execute("ROLLBACK")
    assert await store.users.find(sqlite_scene.ada.id) == sqlite_scene.ada
    assert await store.users.delete(sqlite_scene.ada.id)
