"""A write that waited for a lock until nobody waited for it any more."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from authingo.errors import StoreUnavailable
from authingo.stores.sqlite import SQLiteStore
from tests.database import sqlite_path
from tests.stores.watching import Scene

pytestmark = pytest.mark.anyio


async def test_what_was_refused_does_not_happen_later(sqlite_scene: Scene) -> None:
    """SQLite counts its waiting in naps, and on a busy machine they are longer than it thinks."""
    store = sqlite_scene.store
    assert isinstance(store, SQLiteStore)
    with contextlib.closing(sqlite3.connect(sqlite_path(sqlite_scene.url))) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        patience, store._timeout = store._timeout, 0.0  # SQLite's own goes on for seconds
        with pytest.raises(StoreUnavailable):
            await store.delete_user(sqlite_scene.ada.id)
        store._timeout = patience
        other.execute("ROLLBACK")
    assert await store.user(sqlite_scene.ada.id) == sqlite_scene.ada
    assert await store.delete_user(sqlite_scene.ada.id)
