"""A database that a test gets is as the original, whatever the test before did to its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.copies import Copies
from tests.database import execute, run_script
from tests.postgres import PostgresServer

ADA = (
    "INSERT INTO authingo_users (id, email, name, password_hash)"
    " VALUES ('usr_1', 'ada@example.com', 'Ada', 'x')"
)
USERS = "SELECT count(*) FROM authingo_users"


@pytest.fixture
def copies(postgres: PostgresServer, postgres_template: str) -> Iterator[Copies]:
    copies = Copies(postgres, postgres_template)
    yield copies
    copies.drop()


def is_used_again(copies: Copies, script: str) -> bool:
    """Run a script as a test would; return whether the next copy is the same database."""
    which = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()"
    before = copies.take()
    run_script(before, script)
    database = execute(before, which)
    copies.give_back(before)
    after = copies.take()
    try:
        assert after != before
        assert execute(after, USERS) == [(0,)]
        return execute(after, which) == database
    finally:
        copies.give_back(after)


def test_rows_are_deleted_and_the_database_is_used_again(copies: Copies) -> None:
    assert is_used_again(copies, ADA)
    assert is_used_again(copies, f"{ADA}; DELETE FROM authingo_users")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE authingo_users ADD more text",
        "ALTER TABLE authingo_sessions DISABLE TRIGGER ALL",
        "ALTER TABLE authingo_users OWNER TO pg_database_owner",
        "CREATE TABLE more (id int)",
        "CREATE SCHEMA more",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON authingo_users TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "DROP TABLE authingo_attempts CASCADE",
        "DELETE FROM authingo_migrations",
        "UPDATE authingo_migrations SET name = 'x'",
        f"{ADA}; ANALYZE authingo_users",
        "DO $$BEGIN EXECUTE 'ALTER DATABASE ' || current_database()"
        " || ' SET default_transaction_read_only = on'; END$$",
        "DO $$BEGIN EXECUTE 'GRANT CREATE ON DATABASE ' || current_database()"
        " || ' TO PUBLIC'; END$$",
    ],
)
def test_a_database_that_was_changed_is_dropped(copies: Copies, change: str) -> None:
    assert not is_used_again(copies, change)


def test_a_database_that_is_gone_is_not_given_out(copies: Copies, postgres: PostgresServer) -> None:
    url = copies.take()
    postgres.drop_database(url)
    copies.give_back(url)
    assert execute(copies.take(), USERS) == [(0,)]


def test_whoever_is_connected_is_thrown_out(copies: Copies) -> None:
    url = copies.take()

    async def stay() -> None:
        connection = await asyncpg.connect(url)
        await asyncio.to_thread(copies.give_back, url)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.fetch("SELECT 1")
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await asyncpg.connect(url)

    asyncio.run(stay())
    assert execute(copies.take(), USERS) == [(0,)]
