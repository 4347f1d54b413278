"""Rotations at the same time share a transaction, and none is harmed by another."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from authingo.errors import StoreUnavailable
from authingo.models import Client
from authingo.stores.conformance.world import SignedInUser, begin, by_token
from authingo.stores.postgres import PostgresStore
from authingo.stores.sqlite import SQLiteStore
from tests.database import execute, sqlite_path
from tests.stores.watching import Scene, until

pytestmark = pytest.mark.anyio

MANY = 50


async def test_they_share_transactions(scene: Scene) -> None:
    """Each would have one of its own: in PostgreSQL, the row says in which it was written."""
    store = scene.store
    begun = [await begin(store) for _ in range(MANY)]
    if isinstance(store, PostgresStore):
        assert all(await asyncio.gather(*(store.sessions.rotate(one.rotation()) for one in begun)))
        wrote = "SELECT DISTINCT xmin::text FROM authingo_sessions WHERE rotation_nonce IS NOT NULL"
        transactions = len(execute(scene.url, wrote))
    else:
        assert isinstance(store, SQLiteStore)
        statements: list[str] = []
        await store.write(lambda connection: connection.set_trace_callback(statements.append))
        assert all(await asyncio.gather(*(store.sessions.rotate(one.rotation()) for one in begun)))
        transactions = statements.count("COMMIT")
    assert transactions <= 5


async def test_one_that_fails_fails_alone(postgres_scene: Scene) -> None:
    """PostgreSQL cannot store NUL; a statement with it is refused as a whole."""
    sessions = postgres_scene.store.sessions
    rotations = [(await begin(postgres_scene.store)).rotation() for _ in range(9)]
    rotations[4] = replace(rotations[4], client=Client(user_agent="\0"))
    rotated = await asyncio.gather(*map(sessions.rotate, rotations), return_exceptions=True)
    assert isinstance(rotated.pop(4), ValueError)
    assert None not in rotated
    assert not any(isinstance(one, BaseException) for one in rotated)


async def test_one_that_fails_in_sqlite_fails_alone(sqlite_scene: Scene) -> None:
    """A trigger of the operator refuses the session of one user."""
    begun = [await begin(sqlite_scene.store) for _ in range(9)]
    execute(
        sqlite_scene.url,
        "CREATE TRIGGER refuses BEFORE UPDATE ON authingo_sessions"
        f" WHEN NEW.user_id = '{begun[4].user.id}' BEGIN SELECT raise(ABORT, 'no'); END",
    )
    rotated = await asyncio.gather(
        *(sqlite_scene.store.sessions.rotate(one.rotation()) for one in begun),
        return_exceptions=True,
    )
    assert isinstance(rotated.pop(4), StoreUnavailable)
    assert None not in rotated
    assert not any(isinstance(one, BaseException) for one in rotated)


async def test_none_waits_for_the_session_of_another_user(
    postgres_scene: Scene, postgres_url: str
) -> None:
    """Somebody else has one locked for long: only its own rotation waits, and then succeeds."""
    store = postgres_scene.store
    begun = [await begin(store) for _ in range(9)]
    locker = await asyncpg.connect(postgres_url)
    locked = locker.transaction()
    await locked.start()
    lock = "SELECT FROM authingo_sessions WHERE id = $1 FOR UPDATE"
    await locker.execute(lock, begun[0].new.id)
    waiting, *others = (asyncio.create_task(store.sessions.rotate(one.rotation())) for one in begun)
    assert all(await asyncio.gather(*others))
    assert not waiting.done()
    await locked.rollback()
    await locker.close()
    assert await waiting


async def test_what_was_given_up_is_not_made_and_the_others_are(sqlite_scene: Scene) -> None:
    store = sqlite_scene.store
    assert isinstance(store, SQLiteStore)
    begun: list[SignedInUser] = [await begin(store) for _ in range(6)]
    rotations = [one.rotation() for one in begun]
    with contextlib.closing(sqlite3.connect(sqlite_path(sqlite_scene.url))) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        first, *tasks = (asyncio.create_task(store.sessions.rotate(one)) for one in rotations)
        await asyncio.sleep(0)  # all of them wait now
        # The thread has taken the first, perhaps with others, and waits for the lock.
        await until(lambda: len(store._writes._waiting) < len(rotations))
        tasks[1].cancel()
        first.cancel()
        other.execute("ROLLBACK")
    done = await asyncio.gather(first, *tasks, return_exceptions=True)
    given_up = [isinstance(one, asyncio.CancelledError) for one in done]
    assert given_up == [True, False, True, False, False, False]
    for one, rotation, gone in zip(begun, rotations, given_up, strict=True):
        match = await by_token(store, one.new.key if gone else one.key_after(rotation))
        assert match is not None
        assert match.current


async def test_who_waits_when_the_server_hangs_is_told_in_time(
    postgres_scene: Scene, postgres_url: str
) -> None:
    """The statement that hangs is not followed by one more for each of them."""
    store = postgres_scene.store
    assert isinstance(store, PostgresStore)
    begun = [await begin(store) for _ in range(9)]
    locker = await asyncpg.connect(postgres_url)
    async with locker.transaction():
        await locker.execute("LOCK TABLE authingo_sessions IN ACCESS EXCLUSIVE MODE")
        tasks = [asyncio.create_task(store.sessions.rotate(begun[0].rotation()))]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(store.sessions.rotate(one.rotation())) for one in begun]
        done, pending = await asyncio.wait(tasks, timeout=1.5 * store._timeout)
        assert pending == set()
        assert {type(one.exception()) for one in done} == {StoreUnavailable}
    await locker.close()
    assert await store.sessions.rotate(begun[0].rotation())


async def test_a_rotation_that_was_left_out_has_what_is_left_of_its_time(
    postgres_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made in a second statement, which must not have the whole timeout once more."""
    store = postgres_scene.store
    assert isinstance(store, PostgresStore)
    deadlines: list[float | None] = []
    fetch = store.all

    async def noted(*asked: Any, deadline: float | None = None) -> list[Any]:
        deadlines.append(deadline)
        return await fetch(*asked, deadline=deadline)

    monkeypatch.setattr(store, "all", noted)
    begun = asyncio.get_running_loop().time()
    unknown = (await begin(store)).rotation(verifier=b"of nobody")
    deadlines.clear()
    rotating = asyncio.create_task(store.sessions.rotate(unknown))
    await asyncio.sleep(0)
    asked = asyncio.get_running_loop().time()
    assert await rotating is None
    assert len(deadlines) == 2
    for deadline in deadlines:
        assert deadline is not None
        assert begun + store._timeout <= deadline <= asked + store._timeout


async def test_one_is_made_after_the_task_for_others_never_began(postgres_scene: Scene) -> None:
    """Somebody cancelled all tasks of the event loop, and the loop goes on."""
    store = postgres_scene.store
    assert isinstance(store, PostgresStore)
    first, second = [await begin(store) for _ in range(2)]
    waiting = asyncio.create_task(store.sessions.rotate(first.rotation()))
    await asyncio.sleep(0)
    assert store._rotations._running is not None
    store._rotations._running.cancel()
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        assert await store.sessions.rotate(second.rotation())
        assert await waiting


async def test_writes_go_on_after_no_thread_could_be_started(
    sqlite_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system had no room for one more thread. What was refused is not made later."""
    store = sqlite_scene.store
    assert isinstance(store, SQLiteStore)
    first, second = [await begin(store) for _ in range(2)]
    thread = store._thread
    assert thread is not None

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(thread, "submit", refuse)
        with pytest.raises(RuntimeError):
            await store.sessions.rotate(first.rotation())
    assert await store.sessions.rotate(second.rotation())
    match = await by_token(store, first.new.key)
    assert match is not None
    assert match.current
