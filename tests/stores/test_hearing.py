"""A store that cannot hear of revocations says so, and one that begins to again has told all."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authingo import clock
from authingo.config import Settings
from authingo.stores import open_store
from authingo.stores.postgres.revocations import Revocations
from tests.database import execute, run_script, sqlite_path
from tests.stores.watching import (
    Scene,
    Told,
    another,
    new_session,
    next_turn,
    until,
)

pytestmark = pytest.mark.anyio

LISTENERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
)


DAMAGES = {
    "a trigger dropped": "DROP TRIGGER authingo_sessions_deleted ON authingo_sessions",
    "a trigger disabled": "ALTER TABLE authingo_users DISABLE TRIGGER authingo_users_changed",
    "all triggers disabled": "ALTER TABLE authingo_sessions DISABLE TRIGGER USER",
    "a trigger for replicas alone": "ALTER TABLE authingo_sessions"
    " ENABLE REPLICA TRIGGER authingo_sessions_emptied",
}
SWAPS = {
    "a table dropped": "DROP TABLE authingo_sessions",
    "a table replaced": "ALTER TABLE authingo_sessions RENAME TO elsewhere;"
    " CREATE TABLE authingo_sessions (LIKE elsewhere INCLUDING ALL)",
    "triggers off for a while": "ALTER TABLE authingo_sessions DISABLE TRIGGER ALL;"
    " DELETE FROM authingo_sessions; ALTER TABLE authingo_sessions ENABLE TRIGGER ALL",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_without_its_triggers_it_hears_nothing_and_says_so(
    postgres_scene: Scene, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    execute(postgres_scene.url, damage)
    await until(lambda: not postgres_scene.store.is_notified() and caplog.messages)
    assert "triggers of authingo are missing or disabled" in caplog.messages[0]
    assert not postgres_scene.store.is_notified()
    assert set(postgres_scene.told.whom) == {"*"}


@pytest.mark.parametrize("damage", [*DAMAGES.values(), *SWAPS.values()], ids=[*DAMAGES, *SWAPS])
async def test_it_notices_when_its_triggers_go(postgres_scene: Scene, damage: str) -> None:
    """Within the bound: each heartbeat proves them as well."""
    scene = postgres_scene
    await scene.listen()
    run_script(scene.url, damage)
    await until(lambda: not scene.store.is_notified() or "*" in scene.told.whom)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TRIGGER authingo_sessions_deleted",
        "DROP TRIGGER authingo_users_replaced",
        "DROP TABLE authingo_sessions",
        "ALTER TABLE authingo_sessions RENAME TO elsewhere",
        "DROP TABLE authingo_epoch",
        "DELETE FROM authingo_epoch",
    ],
)
async def test_without_its_triggers_a_file_is_not_believed(
    sqlite_scene: Scene, damage: str
) -> None:
    await sqlite_scene.listen()
    run_script(sqlite_scene.url, damage)
    await next_turn()
    assert not sqlite_scene.store.is_notified()
    assert set(sqlite_scene.told.whom) == {"*"}
    await next_turn()
    assert not sqlite_scene.store.is_notified()


async def test_a_store_in_memory_says_that_it_cannot_hear() -> None:
    store = open_store(Settings(database_url="sqlite:///:memory:"))
    store.watch(told := Told())
    await store.open(create=True)
    await store.migrate()
    await store.ping()
    assert not store.is_notified()
    assert told.whom == []
    await store.close()


async def test_a_closed_store_says_that_it_cannot_hear(scene: Scene) -> None:
    """And what happened until it was opened again is not missed."""
    await scene.listen()
    await next_turn()
    assert scene.store.is_notified()
    await scene.store.close()
    await next_turn()
    assert not scene.store.is_notified()
    async with another(scene.url) as elsewhere:
        elsewhere.watch(Told())
        await elsewhere.ping()
        await until(elsewhere.is_notified)
        assert not scene.store.is_notified()
        if not scene.store.embedded:
            assert execute(scene.url, LISTENERS) == [(1,)], "being asked, it connects to nothing"
    scene.told.whom.clear()
    execute(scene.url, f"DELETE FROM authingo_sessions WHERE user_id = '{scene.ada.id}'")
    await scene.store.open(create=False)
    await scene.store.ping()
    await until(scene.store.is_notified)
    assert "*" in scene.told.whom


async def test_trust_is_counted_from_the_sending_of_a_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However late it comes back: what was revoked meanwhile may come later still."""
    now = 1000.0
    monkeypatch.setattr(clock, "now", lambda: now)

    async def never(*_: object) -> Any:
        await asyncio.get_running_loop().create_future()

    hearing = Revocations(Told(), connect=never, send=never)
    hearing._sent["!beat"] = now
    now += 1.5
    hearing._hear(None, 0, "authingo", "!another triggers")
    assert not hearing.is_notified(), "a heartbeat of somebody else's proves nothing"
    hearing._hear(None, 0, "authingo", "!beat triggers")
    now += 0.49
    assert hearing.is_notified()
    now += 0.02
    assert not hearing.is_notified()
    hearing._hear(None, 0, "authingo", "!beat triggers")
    assert not hearing.is_notified(), "nor does one that comes twice"
    await hearing.close()


# A backup put back


def _copy(source: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as database,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy)


def _copy_bytes(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(source, target)


def _put_in_place(source: Path, target: Path) -> None:
    for companion in ("-wal", "-shm"):
        target.with_name(target.name + companion).unlink()
    source.replace(target)


Copy = Callable[[Path, Path], None]


@pytest.mark.parametrize("back_up", [_copy, _copy_bytes])
@pytest.mark.parametrize("restore", [_copy, _put_in_place])
@pytest.mark.parametrize("first", ["asked", "used"])
async def test_a_backup_that_is_put_back_is_noticed(
    sqlite_scene: Scene, tmp_path: Path, back_up: Copy, restore: Copy, first: str
) -> None:
    """Though nothing was revoked since it was made, so that its epoch is the same."""
    scene, file, backup = sqlite_scene, sqlite_path(sqlite_scene.url), tmp_path / "backup.db"
    await scene.listen()
    back_up(file, backup)
    after = new_session()
    assert await scene.store.sessions.begin(scene.ada.id, after, version=1, ending=None)
    assert await scene.heard() == set(), "a session that begins ends none"
    assert await scene.store.sessions.by_token(after.key)
    restore(backup, file)
    await next_turn()
    if first == "used":
        assert await scene.store.sessions.by_token(after.key) is None
    await next_turn()
    scene.store.is_notified()
    assert set(scene.told.whom) == {"*"}
    await scene.store.ping()
    await next_turn()
    assert scene.store.is_notified()
