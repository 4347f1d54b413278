"""`authingo migrate`: transactions, the lock, checksums, on both stores."""

from __future__ import annotations

import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from authingo.config import redact_url
from tests.command import Runner
from tests.database import execute, run_script, sqlite_path
from tests.postgres import PostgresServer

BOTH = ["0001_users_and_sessions", "0002_clients_events_attempts", "0003_revocations"]
NAMES = {
    "sqlite": [
        *BOTH,
        "0004_indexed_replacements",
        "0005_event_counts",
        "0006_secrets",
        "0007_hash_kinds",
        "0008_matters",
        "0009_credentials",
        "0010_mails",
        "0011_recent_authentication",
        "0012_mails_hold_no_digests",
        "0013_roles",
        "0014_profiles",
        "0015_deletions",
        "0016_event_cursors",
        "0017_rotation_without_indexes",
    ],
    "postgresql": [
        *BOTH,
        "0004_event_counts",
        "0005_secrets_and_counting",
        "0006_hash_kinds",
        "0007_matters",
        "0008_credentials",
        "0009_mails",
        "0010_recent_authentication",
        "0011_mails_hold_no_digests",
        "0012_roles",
        "0013_profiles",
        "0014_deletions",
        "0015_event_cursors",
        "0016_rotation_without_indexes",
    ],
}
# The tables, triggers and functions there are after each number of migrations.
MADE = {
    "sqlite": [0, 3, 5, 12, 12, 12, 13, 14, 14, 15, 16, 16, 16, 16, 16, 16, 17, 18],
    "postgresql": [0, 3, 5, 17, 17, 21, 22, 22, 23, 24, 24, 24, 24, 24, 24, 25, 27],
}


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


def names_for(runner: Runner) -> list[str]:
    return NAMES[runner.env["AUTHINGO_DATABASE_URL"].partition(":")[0]]


def test_migrate_brings_the_schema_up_to_date(empty: Runner) -> None:
    names = names_for(empty)
    url = redact_url(empty.env["AUTHINGO_DATABASE_URL"])
    about = {"database": url, "latest": len(names), "incompatible": []}
    before = empty("migrate", "--status", "--json")
    assert (before.code, before.json) == (0, {**about, "current": 0, "pending": names})
    assert "pending: 0001_users_and_sessions" in empty("migrate", "--dry-run").out
    behind = empty("users", "list")
    assert (behind.code, "hint: run `authingo migrate`" in behind.err) == (1, True)
    done = empty("migrate")
    assert (done.code, done.out) == (0, "")
    assert "applied 0001_users_and_sessions" in done.err
    assert empty("migrate", "--json").json == {**about, "current": len(names), "pending": []}
    assert empty("users", "list").code == 0


def test_what_is_pending_is_shown_before_there_is_a_file_and_makes_none(bare: Runner) -> None:
    names = NAMES["sqlite"]
    status = bare("migrate", "--status", "--json")
    about = {"database": "sqlite:///authingo.db", "current": 0, "latest": len(names)}
    assert (status.code, status.json) == (0, {**about, "pending": names, "incompatible": []})
    shown = bare("migrate", "--dry-run").out
    assert shown.splitlines()[1:] == [f"pending: {name}" for name in names]
    script = bare("migrate", "--sql")
    assert (script.code, script.err) == (0, "")
    assert list(bare.directory.iterdir()) == []
    database = bare.directory / "authingo.db"
    connection = sqlite3.connect(database)
    connection.executescript(script.out)
    connection.close()
    assert bare("migrate", "--status", "--json").json["pending"] == []
    assert bare("users", "list", "--json").json == []


def test_two_at_once_both_succeed(empty: Runner) -> None:
    running = [empty.start("migrate") for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors
    assert sorted(re.findall(r"applied (\w+)", "".join(errors))) == names_for(empty)
    recorded = execute(empty.env["AUTHINGO_DATABASE_URL"], "SELECT number FROM authingo_migrations")
    assert sorted(recorded) == [(number + 1,) for number in range(len(names_for(empty)))]


def test_a_killed_one_leaves_nothing_behind(empty: Runner) -> None:
    """Killed at twenty different moments; whatever it had done by then is whole or not there."""
    url = empty.env["AUTHINGO_DATABASE_URL"]
    for turn in range(20):
        process = empty.start("migrate")
        time.sleep(0.02 * turn)  # any moment will do: this is no wait for something
        process.send_signal(signal.SIGKILL)
        process.communicate()
        status = empty("migrate", "--status", "--json").json
        assert _made(url) == MADE[url.partition(":")[0]][status["current"]]
        _unmake(url)
    assert empty("migrate").code == 0


def test_the_printed_sql_does_what_migrate_does(empty: Runner) -> None:
    run_script(empty.env["AUTHINGO_DATABASE_URL"], empty("migrate", "--sql").out)
    assert empty("migrate", "--status", "--json").json["pending"] == []
    assert empty("migrate", "--sql").out == "-- nothing is pending\n"
    assert empty("users", "list").code == 0


def test_an_upgrade_keeps_what_is_there(empty: Runner) -> None:
    """From the first schema, with a user and a session, and through the 503 in between."""
    url = empty.env["AUTHINGO_DATABASE_URL"]
    first = empty("migrate", "--sql").out.partition("COMMIT;\n")
    run_script(url, first[0] + first[1])
    at, later = ("0", "9") if url.startswith("sqlite") else ("now()", "now() + interval '1 day'")
    digests = ["x'00', x'01', x'02'", "'0', '1', '2'"][not url.startswith("sqlite")]
    execute(
        url,
        "INSERT INTO authingo_users (id, email, name, password_hash, created_at, updated_at)"
        f" VALUES ('usr_1', 'ada@example.com', 'Ada', 'x', {at}, {at})",
    )
    execute(
        url,
        "INSERT INTO authingo_sessions (id, user_id, token_digest, selector_digest,"
        " verifier_digest, created_at, last_used_at, expires_at, refresh_expires_at,"
        f" absolute_expires_at) VALUES ('ses_1', 'usr_1', {digests}, {at}, {at},"
        f" {later}, {later}, {later})",
    )
    behind = empty("users", "list")
    assert (behind.code, "hint: run `authingo migrate`" in behind.err) == (1, True)
    assert f"applied {BOTH[1]}" in empty("migrate").err
    assert empty("users", "list", "--json").json[0]["email"] == "ada@example.com"
    assert execute(url, "SELECT id, ip FROM authingo_sessions") == [("ses_1", None)]
    (session,) = empty("sessions", "list", "--json").json
    assert session["authenticated_at"] == session["created_at"]
    assert session["methods"] == ["password"]


def test_what_is_pending_says_whether_it_stops_servers_of_the_version_before(empty: Runner) -> None:
    """That is what the migration itself says; a new database has no such servers."""
    first = empty("migrate", "--sql").out.partition("COMMIT;\n")
    run_script(empty.env["AUTHINGO_DATABASE_URL"], first[0] + first[1])
    status = empty("migrate", "--status", "--json").json
    assert any(name.endswith("rotation_without_indexes") for name in status["incompatible"])
    assert set(status["incompatible"]) < set(status["pending"])
    lines = empty("migrate", "--status").out.splitlines()[1:]
    stops = "which stops servers of the version before"
    assert lines == [
        f"pending: {name}" + (f", {stops}" if name in status["incompatible"] else "")
        for name in status["pending"]
    ]
    assert "servers of the version before answer 503 from now on" in empty("migrate").err
    assert "servers of the version before" not in empty("migrate").err


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
        " VALUES (99, '0099_later', 'x', 1)",
    )
    assert empty("users", "list").code == 0
    assert empty("migrate").code == 0
    execute(url, "UPDATE authingo_migrations SET oldest_program = 99 WHERE number = 99")
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


def _made(url: str) -> int:
    if url.startswith("sqlite"):
        counted = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'authingo%' AND sql <> ''"
        counted += " AND type <> 'index'"
    else:
        counted = (
            "SELECT (SELECT count(*) FROM pg_tables WHERE tablename LIKE 'authingo%')"
            " + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'authingo%')"
            " + (SELECT count(*) FROM pg_proc WHERE proname LIKE 'authingo%')"
        )
    return int(execute(url, counted)[0][0])


def _unmake(url: str) -> None:
    if not url.startswith("sqlite"):
        run_script(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return
    tables = "SELECT name FROM sqlite_master WHERE name LIKE 'authingo%' AND type = 'table'"
    for (table,) in sorted(execute(url, tables)):  # sessions before users, which they refer to
        execute(url, f"DROP TABLE {table}")
