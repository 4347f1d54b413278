"""A database that another program migrates while servers of this tree are at work."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from authingo.config import Settings
from authingo.stores import open_store
from tests.command import Runner
from tests.database import execute, run_script
from tests.postgres import PostgresServer
from tests.server import Browser, LiveServer

_LATER = (
    "INSERT INTO authingo_migrations (number, name, checksum, oldest_program)"
    " VALUES (99, '0099_later', 'x', {})"
)


def _answers(browser: Browser) -> list[tuple[int, bool]]:
    """Each status, and whether the message says that a newer program is needed."""
    asked = [
        browser.get("/health"),
        browser.get("/session"),
        browser.request("POST", "/refresh", cookies=browser.cookies),
        browser.request("POST", "/sign-in", {"email": "a@example.com", "password": "x" * 20}),
    ]
    return [(answer.status, b"run a newer authingo" in answer.body) for answer in asked]


_FITS = [(200, False), (200, False), (200, False), (401, False)]
_STOPS = [(503, True)] * 4


def test_a_health_check_notices_a_migration_that_stops_this_server(server: LiveServer) -> None:
    """Although every statement still works; then nothing is answered from memory either."""
    browser = server.browser()
    browser.sign_up()
    assert _answers(browser) == _FITS
    execute(server.database_url, _LATER.format(99))
    assert _answers(browser) == _STOPS
    execute(server.database_url, "DELETE FROM authingo_migrations WHERE number = 99")
    assert _answers(browser) == _FITS


def test_a_server_goes_on_beside_a_migration_that_it_can_run_beside(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    execute(server.database_url, _LATER.format(1))
    assert _answers(browser) == _FITS


@pytest.mark.parametrize(("method", "path"), [("GET", "/session"), ("POST", "/refresh")])
def test_a_statement_that_fails_notices_it_too(server: LiveServer, method: str, path: str) -> None:
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(0)  # nothing is in memory
    execute(server.database_url, _LATER.format(99))
    execute(
        server.database_url,
        "ALTER TABLE authingo_sessions RENAME COLUMN secret_digest TO another_digest",
    )
    kept = dict(browser.cookies)
    first, second = (browser.request(method, path, cookies=kept) for _ in range(2))
    assert (first.status, first.code) == (503, "store_unavailable")
    assert (second.status, b"run a newer authingo" in second.body) == (503, True)
    assert _answers(browser) == _STOPS


@pytest.fixture
def before_the_table_changes(postgres: PostgresServer, tmp_path: Path) -> Runner:
    """A database whose next migration changes the table of sessions."""
    url = postgres.create_database()

    async def script() -> str:
        store = open_store(Settings(database_url=url))
        await store.open(create=False)
        status = await store.schema()
        await store.close()
        names = [step.name for step in status.pending]
        return replace(
            status, pending=status.pending[: names.index("0016_rotation_without_indexes")]
        ).script()

    run_script(url, asyncio.run(script()))
    return Runner(tmp_path, AUTHINGO_DATABASE_URL=url)


@pytest.mark.anyio
async def test_a_migration_that_waits_lets_servers_through(
    before_the_table_changes: Runner,
) -> None:
    """Such as for a backup. Otherwise everything would wait behind it, as long as that takes."""
    url = before_the_table_changes.env["AUTHINGO_DATABASE_URL"]
    backup = await asyncpg.connect(url)
    await backup.execute("BEGIN; LOCK TABLE authingo_sessions IN ACCESS SHARE MODE")
    migrating = before_the_table_changes.start("migrate")
    assert migrating.stderr is not None
    said = await asyncio.to_thread(migrating.stderr.readline)
    assert "waiting for a transaction" in said
    server = await asyncpg.connect(url, command_timeout=60)
    for _ in range(3):
        assert await server.fetchval("SELECT count(*) FROM authingo_sessions") == 0
    assert migrating.poll() is None
    await backup.execute("COMMIT")
    _, said = await asyncio.to_thread(migrating.communicate, timeout=60)
    assert migrating.returncode == 0, said
    assert "applied 0016_rotation_without_indexes" in said
    await backup.close()
    await server.close()
