"""The reader on the event loop: it knows at once, or says that it does not."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from authingo.stores.sqlite.reader import Reader, identity


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    make(path, "first")
    return path


def make(path: Path, text: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE things (text)")
        database.execute("INSERT INTO things VALUES (?)", (text,))
        database.execute("CREATE TABLE authingo_epoch (epoch)")


@pytest.mark.anyio
async def test_it_sees_every_commit_and_nothing_before(file: Path) -> None:
    reader = Reader(file)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as writer:
        for number in range(3):
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE things SET text = ?", (str(number),))
            assert await read(reader, file) != [(str(number),)]
            writer.execute("COMMIT")
            assert await read(reader, file) == [(str(number),)]
    reader.close()


@pytest.mark.anyio
async def test_it_cannot_write(file: Path) -> None:
    reader = Reader(file)
    assert reader.fetch(identity(file), "DELETE FROM things RETURNING 1") is None
    assert await read(reader, file) == [("first",)]
    reader.close()


@pytest.mark.anyio
async def test_it_reads_no_file_but_the_one_that_was_looked_at(file: Path) -> None:
    reader = Reader(file)
    looked_at = identity(file)
    assert reader.fetch(looked_at, "SELECT text FROM things") == [("first",)]
    other = file.with_name("other.db")
    make(other, "second")
    other.replace(file)
    await asyncio.sleep(0)
    assert reader.fetch(looked_at, "SELECT text FROM things") is None
    assert reader.fetch(identity(file), "SELECT text FROM things") == [("second",)]
    file.unlink()
    await asyncio.sleep(0)
    assert reader.fetch(looked_at, "SELECT text FROM things") is None
    assert reader.fetch(identity(file), "SELECT text FROM things") is None
    reader.close()


@pytest.mark.anyio
async def test_what_it_would_have_to_wait_for_it_does_not_know(file: Path) -> None:
    reader = Reader(file)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("UPDATE things SET text = 'locked'")
        assert await read(reader, file) is None
    assert await read(reader, file) == [("locked",)]
    reader.close()


@pytest.mark.anyio
async def test_an_error_is_not_its_to_tell(file: Path) -> None:
    reader = Reader(file)
    assert reader.fetch(identity(file), "SELECT nothing FROM nowhere") is None
    assert await read(reader, file) == [("first",)]
    reader.close()


async def read(reader: Reader, file: Path) -> list[tuple[str]] | None:
    await asyncio.sleep(0)  # the file is looked at once in a turn of the event loop
    return reader.fetch(identity(file), "SELECT text FROM things")


@pytest.mark.anyio
async def test_all_who_are_answered_in_one_turn_see_one_moment(file: Path) -> None:
    reader = Reader(file)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as writer:
        assert await read(reader, file) == [("first",)]
        writer.execute("UPDATE things SET text = 'second'")
        assert reader.fetch(identity(file), "SELECT text FROM things") == [("first",)]
        await asyncio.sleep(0)
        busy, *_ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy, "a snapshot that is over holds nobody up"
        assert await read(reader, file) == [("second",)]
    reader.close()


def test_an_event_loop_that_died_leaves_no_old_snapshot(file: Path) -> None:
    reader = Reader(file)

    def read_and_die() -> None:
        asked.append(version(reader, file))
        assert reader.fetch(identity(file), "SELECT text FROM things") == [("first",)]
        dying.stop()

    async def ask() -> int | None:
        return version(reader, file)

    asked: list[int | None] = []

    dying = asyncio.new_event_loop()
    dying.call_soon(read_and_die)
    dying.run_forever()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("UPDATE things SET text = 'second'")
    assert asyncio.run(ask()) != asked[0], "whoever remembers is told"
    assert asyncio.run(read(reader, file)) == [("second",)]
    dying.close()
    reader.close()


def version(reader: Reader, file: Path) -> int | None:
    """Ask what tells of commits, and return that alone: there is no epoch here."""
    reader.epoch(identity(file))
    return reader._version


@pytest.mark.anyio
async def test_another_thread_is_sent_to_the_connection_that_can_wait(file: Path) -> None:
    reader = Reader(file)
    assert await read(reader, file) == [("first",)]
    assert await asyncio.to_thread(lambda: asyncio.run(read(reader, file))) is None
    assert await read(reader, file) == [("first",)]
    reader.close()
