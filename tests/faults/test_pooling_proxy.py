"""PostgreSQL behind PgBouncer in transaction mode: each transaction may get another connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authingo.config import Settings, settings_from
from authingo.stores import Store, open_store
from authingo.stores.conformance import StoreConformance
from authingo.stores.postgres import PostgresStore
from tests.cli.test_doctor import diagnosed
from tests.command import Runner
from tests.database import execute
from tests.faults.pgbouncer import Proxy
from tests.postgres import PostgresServer
from tests.server import LiveServer


class TestStoreBehindAProxy(StoreConformance):
    @pytest.fixture
    async def store(self, pooled_url: str) -> AsyncIterator[Store]:
        store = open_store(Settings(database_url=pooled_url))
        await store.open(create=True)
        yield store
        await store.close()

    @pytest.fixture
    async def another_store(self, store: Store, pooled_url: str) -> AsyncIterator[Store]:
        another = open_store(Settings(database_url=pooled_url))
        await another.open(create=False)
        yield another
        await another.close()


@pytest.mark.anyio
async def test_migrations_go_through_it(proxy: Proxy, postgres: PostgresServer) -> None:
    url = postgres.create_database()
    store = open_store(Settings(database_url=proxy.url(url)))
    await store.open(create=True)
    applied = await store.migrate()
    status = await store.schema()
    await store.close()
    postgres.drop_database(url)
    assert len(applied) == status.latest
    assert status.pending == ()


@pytest.fixture
def live(pooled_url: str) -> Iterator[LiveServer]:
    settings = {"database_url": pooled_url, "passwords": {"bcrypt_cost": 4}}
    server = LiveServer(lambda url: settings_from({**settings, "public_url": url}))
    yield server
    server.stop()


def test_many_at_once_share_few_connections(live: LiveServer) -> None:
    """Twenty people, ten connections to the proxy, five to the server."""

    def live_through_it(number: int) -> None:
        browser = live.browser()
        browser.sign_up(email=f"user{number}@example.com")
        for _ in range(10):
            assert browser.get("/session").status == 200
            assert browser.post("/refresh").status == 200
        tokens = dict(browser.cookies)
        assert browser.get("/sessions").status == 200
        assert browser.post("/sign-out").status == 200
        assert browser.get("/session", cookies=tokens).code == "no_session"

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(live_through_it, range(20)))
    assert execute(live.database_url, "SELECT count(*) FROM authingo_sessions") == [(0,)]


def test_a_proxy_that_crashes_and_comes_back(live: LiveServer, proxy: Proxy) -> None:
    browser = live.browser()
    browser.sign_up()
    proxy.halt()
    try:
        answer = browser.get("/session")
        assert (answer.status, answer.code) == (503, "store_unavailable")
    finally:
        proxy.start()
    assert any(browser.get("/session").status == 200 for _ in range(5))
    assert browser.post("/refresh").status == 200


def test_what_prisma_is_told_about_a_proxy_works_here_too(pooled_url: str) -> None:
    query = "pgbouncer=true&connection_limit=1&schema=public&pool_timeout=0"
    settings = {"database_url": f"{pooled_url}&{query}", "passwords": {"bcrypt_cost": 4}}
    server = LiveServer(lambda url: settings_from({**settings, "public_url": url}))
    try:
        store = server.auth.store
        assert isinstance(store, PostgresStore)

        def sign_up(number: int) -> int:
            return server.browser().sign_up(email=f"user{number}@example.com").status

        with ThreadPoolExecutor(5) as pool:
            assert set(pool.map(sign_up, range(5))) == {200}
        assert not store.direct
        assert store._pool is not None
        assert store._pool.get_size() == 1
    finally:
        server.stop()


def test_a_proxy_that_says_it_is_none_is_believed_less_than_the_url(
    postgres_url: str, tmp_path: Path
) -> None:
    """Where it hides the process that answers, only the URL can tell."""
    authingo = Runner(tmp_path, AUTHINGO_DATABASE_URL=f"{postgres_url}&pgbouncer=true")
    _, checks = diagnosed(authingo)
    assert "share those of a pooling proxy" in checks["connections"]["message"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("schema=shop", "search_path"),
        ("options=-c%20statement_timeout%3D5000", "options"),
        ("lock_timeout=5000", "lock_timeout"),
    ],
)
def test_a_setting_that_the_proxy_does_not_pass_on_is_named(
    pooled_url: str, tmp_path: Path, query: str, name: str
) -> None:
    ran = Runner(tmp_path)("migrate", AUTHINGO_DATABASE_URL=f"{pooled_url}&{query}")
    assert ran.code == 1
    said = " ".join(ran.err.split())
    assert f"the server refuses a setting in database_url: {name}" in said
    assert "ALTER ROLE" in said
