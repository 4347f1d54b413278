"""PostgreSQL behind PgBouncer in transaction mode: each transaction may get another connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from authingo.config import Settings, settings_from
from authingo.stores import Store, open_store
from authingo.stores.conformance import StoreConformance
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
