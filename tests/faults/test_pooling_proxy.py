"""PostgreSQL behind PgBouncer in transaction mode: each transaction may get another connection."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from authingo.config import Settings, settings_from
from authingo.stores import Store, open_store
from authingo.stores.conformance import StoreConformance
from tests.database import execute
from tests.postgres import BundledServer, PostgresServer
from tests.server import LiveServer

_CONFIGURATION = """\
[databases]
* = host={server} user=authingo
[pgbouncer]
listen_addr =
unix_socket_dir = {home}
auth_type = any
pool_mode = transaction
default_pool_size = 5
{user}
"""


class Proxy:
    """A PgBouncer of the tests' own, in front of the tests' own server."""

    def __init__(self, command: str, server: BundledServer) -> None:
        behind = parse_qs(urlsplit(server.url("postgres")).query)["host"][0]
        self._home = Path(tempfile.mkdtemp(prefix="authingo-pool-", dir="/tmp"))  # sockets: short
        self._home.chmod(0o755)
        as_user = ""
        if os.geteuid() == 0:  # which it refuses to run as
            shutil.chown(self._home, "nobody")
            as_user = "user = nobody"
        self._file = self._home / "pgbouncer.ini"
        self._file.write_text(_CONFIGURATION.format(server=behind, home=self._home, user=as_user))
        self._command = command
        self.start()

    def url(self, database_url: str) -> str:
        name = urlsplit(database_url).path
        return f"postgresql://authingo@{name}?host={quote(str(self._home))}&port=6432"

    def start(self) -> None:
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._command, str(self._file)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while not (self._home / ".s.PGSQL.6432").exists():
            assert self._process.poll() is None, (self._home / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def halt(self) -> None:
        """End it at once, as a crash does; its socket stays behind."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        (self._home / ".s.PGSQL.6432").unlink()

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self._home, ignore_errors=True)


@pytest.fixture(scope="module")
def proxy(postgres: PostgresServer) -> Iterator[Proxy]:
    command = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if command is None:
        reason = "this needs PgBouncer (Debian's package pgbouncer)"
        if os.environ.get("AUTHINGO_REQUIRE_PGBOUNCER") == "1":
            pytest.fail(f"AUTHINGO_REQUIRE_PGBOUNCER=1, and {reason}", pytrace=False)
        sys.stderr.write(f"\nNOT TESTED BEHIND A POOLING PROXY: {reason}\n")
        pytest.skip(reason)
    if not isinstance(postgres, BundledServer):
        pytest.skip("AUTHINGO_TEST_DATABASE_URL is somebody's server: its proxies are theirs")
    proxy = Proxy(command, postgres)
    yield proxy
    proxy.stop()


@pytest.fixture
def pooled_url(proxy: Proxy, postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    url = postgres.create_database(template=postgres_template)
    yield proxy.url(url)
    postgres.drop_database(url)


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
