"""`authingo migrate`: transactions, the lock, checksums, on both stores."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from authingo.config import redact_url
from tests.cli.conftest import Runner
from tests.database import execute, sqlite_path
from tests.postgres import PostgresServer

LATEST = {"current": 1, "latest": 1, "pending": []}
PENDING = {"current": 0, "latest": 1, "pending": ["0001_users_and_sessions"]}


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runner]:
    """A runner on a database without a schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/authingo.db"
        sqlite3.connect(sqlite_path(url)).execute("PRAGMA user_version = 1").connection.close()
        yield Runner(tmp_path, AUTHINGO_DATABASE_URL=url)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    yield Runner(tmp_path, AUTHINGO_DATABASE_URL=url)
    server.drop_database(url)


def test_migrate_brings_the_schema_up_to_date(empty: Runner) -> None:
    url = empty.env["AUTHINGO_DATABASE_URL"]
    before = empty("migrate", "--status", "--json")
    assert (before.code, before.json) == (0, {"database": redact_url(url), **PENDING})
    assert "pending: 0001_users_and_sessions" in empty("migrate", "--dry-run").out
    behind = empty("users", "list")
    assert (behind.code, "hint: run `authingo migrate`" in behind.err) == (1, True)
    done = empty("migrate")
    assert (done.code, done.out) == (0, "")
    assert "applied 0001_users_and_sessions" in done.err
    assert empty("migrate", "--json").json == {"database": redact_url(url), **LATEST}
    assert empty("users", "list").code == 0


def test_two_at_once_both_succeed(empty: Runner) -> None:
    running = [empty.start("migrate") for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors
    assert sum("applied" in error for error in errors) == 1
    recorded = execute(empty.env["AUTHINGO_DATABASE_URL"], "SELECT number FROM authingo_migrations")
    assert recorded == [(1,)]


def test_a_killed_one_leaves_nothing_behind(empty: Runner) -> None:
    """Killed at twenty different moments; whatever it had done by then is whole or not there."""
    url = empty.env["AUTHINGO_DATABASE_URL"]
    for turn in range(20):
        process = empty.start("migrate")
        time.sleep(0.02 * turn)  # any moment will do: this is no wait for something
        process.send_signal(signal.SIGKILL)
        process.communicate()
        status = empty("migrate", "--status", "--json").json
        tables = len(_tables(url))
        assert (status["current"], tables) in {(0, 0), (1, 3)}
        if tables:
            for table in ("authingo_sessions", "authingo_users", "authingo_migrations"):
                execute(url, f"DROP TABLE {table}")
    assert empty("migrate").code == 0


def test_the_printed_sql_does_what_migrate_does(empty: Runner) -> None:
    url = empty.env["AUTHINGO_DATABASE_URL"]
    script = empty("migrate", "--sql").out
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url))
        connection.executescript(script)
        connection.close()
    else:
        for statement in script.split(";\n"):
            body = statement.strip()
            if body and body not in {"BEGIN", "COMMIT"}:
                execute(url, body)
    assert empty("migrate", "--status", "--json").json["pending"] == []
    assert empty("migrate", "--sql").out == "-- nothing is pending\n"
    assert empty("users", "list").code == 0


def test_an_altered_migration_is_noticed(empty: Runner) -> None:
    empty("migrate")
    execute(empty.env["AUTHINGO_DATABASE_URL"], "UPDATE authingo_migrations SET checksum = 'x'")
    for command in (["migrate"], ["migrate", "--status"], ["users", "list"]):
        ran = empty(*command)
        assert ran.code == 1
        assert "applied with another text" in ran.err


def test_a_newer_schema_tells_whether_this_program_still_works(empty: Runner) -> None:
    url = empty.env["AUTHINGO_DATABASE_URL"]
    empty("migrate")
    execute(
        url,
        "INSERT INTO authingo_migrations (number, name, checksum, oldest_program)"
        " VALUES (2, '0002_later', 'x', 1)",
    )
    assert empty("users", "list").code == 0
    assert empty("migrate").code == 0
    execute(url, "UPDATE authingo_migrations SET oldest_program = 2 WHERE number = 2")
    for command in (["users", "list"], ["migrate"], ["serve", "--port", "0"]):
        ran = empty(*command)
        assert ran.code == 1
        assert "newer than this program" in ran.err


def test_a_new_sqlite_database_is_private(bare: Runner) -> None:
    assert bare("migrate").code == 0
    modes = {file.name: file.stat().st_mode & 0o777 for file in bare.directory.iterdir()}
    assert modes["authingo.db"] == 0o600
    assert set(modes.values()) == {0o600}


def test_waiting_for_a_database_that_comes_up(bare: Runner, tmp_path: Path) -> None:
    ran = bare("migrate", "--wait", "1", AUTHINGO_DATABASE_URL="postgresql://u@127.0.0.1:1/x")
    assert ran.code == 1
    assert "cannot be reached" in ran.err


def _tables(url: str) -> list[tuple[str, ...]]:
    if url.startswith("sqlite"):
        return execute(
            url, "SELECT name FROM sqlite_master WHERE name LIKE 'authingo%' AND type = 'table'"
        )
    return execute(url, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'authingo%'")
