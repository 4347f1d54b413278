"""What PostgreSQL can do to a server: a 503 that says so, nothing lost, and no restart."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from authingo.config import settings_from
from authingo.stores import open_store
from tests.database import execute
from tests.postgres import BundledServer
from tests.server import ADA, Answer, Browser, LiveServer

QUICK = {"timeout": "1s", "pool_size": 2}
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"


@pytest.fixture
def url(own: BundledServer) -> Iterator[str]:
    """A database of a user that is not its administrator, as in production."""
    if not execute(own.url("postgres"), "SELECT 1 FROM pg_roles WHERE rolname = 'app'"):
        execute(own.url("postgres"), "CREATE ROLE app LOGIN")
    made = own.create_database()
    name = urlsplit(made).path.lstrip("/")
    execute(own.url("postgres"), f'ALTER DATABASE "{name}" OWNER TO app')
    yield made.replace("authingo@", "app@")
    own.drop_database(made)


@pytest.fixture
def live(url: str) -> Iterator[LiveServer]:
    """A server that gives up on its database after a second."""
    server = start(url)
    migrate(server)
    yield server
    server.stop()


def start(url: str) -> LiveServer:
    settings = {"database_url": url, "passwords": {"bcrypt_cost": 4}, "store": QUICK}
    return LiveServer(lambda own_url: settings_from({**settings, "public_url": own_url}))


def migrate(server: LiveServer) -> None:
    async def run() -> None:
        store = open_store(server.auth.settings)
        await store.open(create=True)
        await store.migrate()
        await store.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()


def administer(own: BundledServer, url: str, statement: str) -> list[tuple[Any, ...]]:
    return execute(own.url(urlsplit(url).path.lstrip("/")), statement)


def every_route(browser: Browser) -> list[Answer]:
    new = {"current_password": ADA["password"], "new_password": "a whole new sentence"}
    return [
        browser.post("/sign-up", {**ADA, "email": "eve@example.com"}),
        browser.sign_in(),
        browser.get("/session"),
        browser.post("/refresh"),
        browser.post("/sign-out"),
        browser.post("/change-password", new),
        browser.get("/sessions"),
        browser.request("DELETE", "/sessions"),
        browser.get("/health"),
    ]


def assert_unavailable(answers: list[Answer]) -> None:
    for answer in answers:
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert answer.all("retry-after") == ["2"]
        assert answer.all("set-cookie") == []
        assert "postgres" not in answer.body.decode().lower()


def test_a_database_that_goes_down_and_comes_back(own: BundledServer, live: LiveServer) -> None:
    browser = live.browser()
    browser.sign_up()
    own.halt(signal.SIGQUIT)
    try:
        assert_unavailable(every_route(browser))
    finally:
        own.start()
    assert browser.get("/session").status == 200
    assert browser.post("/refresh").status == 200


def test_a_server_that_starts_before_its_database(own: BundledServer, url: str) -> None:
    own.halt(signal.SIGQUIT)
    server = start(url)
    try:
        cookies = {"authingo_session": "A" * 43, "authingo_refresh": "A" * 64}
        assert_unavailable(every_route(Browser(server.url, cookies)))
        own.start()
        answer = server.browser().get("/health")
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert "authingo migrate" in answer.json["message"]
        migrate(server)
        server.browser().sign_up()
    finally:
        if not own.running:
            own.start()
        server.stop()


def test_a_database_that_hangs(own: BundledServer, live: LiveServer) -> None:
    """Frozen in the middle: no connection breaks, nothing answers."""
    browser = live.browser()
    browser.sign_up()
    processes = [own.pid, *children(own.pid)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        assert_unavailable([browser.get("/session"), browser.post("/refresh"), browser.sign_in()])
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    assert eventually(lambda: browser.get("/session").status == 200)
    assert browser.post("/refresh").status == 200


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found]


def eventually(holds: Callable[[], bool]) -> bool:
    """Ask again a few times: a pool needs a moment to throw away what is broken."""
    return any(holds() for _ in range(5))


def test_a_table_that_somebody_locks(own: BundledServer, url: str, live: LiveServer) -> None:
    browser = live.browser()
    browser.sign_up()
    with lock(own, url, "LOCK TABLE authingo_users IN ACCESS EXCLUSIVE MODE"):
        assert_unavailable([browser.get("/session"), browser.sign_in()])
    assert browser.get("/session").status == 200
    assert browser.sign_in().status == 200


class lock:  # noqa: N801 - reads as the statement it is
    """Hold a lock in a transaction of somebody else's."""

    def __init__(self, own: BundledServer, url: str, statement: str) -> None:
        self._url = own.url(urlsplit(url).path.lstrip("/"))
        self._statement = statement
        self._held, self._enough = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        async def hold() -> None:
            connection = await asyncpg.connect(self._url)
            async with connection.transaction():
                await connection.execute(self._statement)
                self._held.set()
                await asyncio.to_thread(self._enough.wait)
            await connection.close()

        asyncio.run(hold())

    def __enter__(self) -> None:
        self._thread.start()
        assert self._held.wait(30)

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()


def test_connections_that_are_killed(own: BundledServer, url: str, live: LiveServer) -> None:
    browser = live.browser()
    browser.sign_up()
    for _ in range(5):
        assert administer(own, url, KILL)
        assert eventually(lambda: browser.get("/session").status == 200)
    assert browser.post("/refresh").status == 200


def test_connections_that_are_used_up(own: BundledServer, url: str, live: LiveServer) -> None:
    browser = live.browser()
    browser.sign_up()
    administer(own, url, "ALTER ROLE app CONNECTION LIMIT 0")
    assert administer(own, url, KILL)
    try:
        assert_unavailable(every_route(browser))
    finally:
        administer(own, url, "ALTER ROLE app CONNECTION LIMIT -1")
    assert browser.get("/session").status == 200


def test_a_database_that_only_reads(own: BundledServer, url: str, live: LiveServer) -> None:
    """As a standby, or with a full disk: who is signed in stays so, and nothing is pretended."""
    browser = live.browser()
    browser.sign_up()
    name = urlsplit(url).path.lstrip("/")
    administer(own, url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    administer(own, url, KILL)
    assert eventually(lambda: browser.get("/session").status == 200)
    assert_unavailable(
        [browser.post("/refresh"), browser.post("/sign-out"), live.browser().sign_in()]
    )
    assert browser.get("/session").status == 200
    execute(own.url("postgres"), f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    administer(own, url, KILL)
    assert eventually(lambda: browser.post("/refresh").status == 200)


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE authingo_sessions DROP COLUMN ip",
        "ALTER TABLE authingo_sessions RENAME TO somebody_elses",
        "DROP TABLE authingo_sessions",
        "DROP TABLE authingo_migrations, authingo_credentials, authingo_secrets,"
        " authingo_sessions, authingo_users",
        "ALTER TABLE authingo_users ALTER email TYPE integer USING 1",
        "REVOKE ALL ON authingo_sessions FROM app",
        "UPDATE authingo_migrations SET checksum = 'another'",
        "UPDATE authingo_migrations SET oldest_program = 99",
    ],
)
@pytest.mark.parametrize("running", [True, False], ids=["while_running", "at_start"])
def test_a_schema_that_does_not_fit(
    own: BundledServer, url: str, live: LiveServer, damage: str, running: bool
) -> None:
    """Whatever still works then works; nothing is a 500, and nothing is signed in."""
    cookies = live.browser().sign_up().tokens
    administer(own, url, damage)
    server = live if running else start(url)
    try:
        answers = every_route(Browser(server.url, cookies))
    finally:
        if not running:
            server.stop()
    for answer in answers:
        assert answer.status in {200, 401, 503}, answer.body
        if answer.status != 200:
            assert answer.code in {"store_unavailable", "no_session", "invalid_credentials"}
    if not running and "authingo_migrations" in damage:
        assert_unavailable(answers)


def test_a_restart_in_the_middle_of_requests_loses_nothing(
    own: BundledServer, live: LiveServer
) -> None:
    """A hundred sign-ups under way: each that was acknowledged can sign in afterwards."""
    acknowledged, statuses = [], set()
    stop = threading.Event()

    def sign_up(worker: int) -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            email = f"user{worker}-{number}@example.com"
            answer = Browser(live.url).post("/sign-up", {**ADA, "email": email})
            statuses.add(answer.status)
            if answer.status == 200:
                acknowledged.append((email, answer.tokens))

    threads = [threading.Thread(target=sign_up, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = len(acknowledged)
        while len(acknowledged) < before + 20:
            stop.wait(0.01)
        own.halt(signal.SIGKILL)
        own.start()
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses <= {200, 503}
    assert 503 in statuses
    browser = live.browser()
    for email, tokens in acknowledged:
        assert browser.sign_in(email=email).status == 200
        assert browser.get("/session", cookies=tokens).status == 200
    orphans = "SELECT count(*) FROM authingo_users u WHERE NOT EXISTS (SELECT FROM"
    ((count,),) = execute(
        live.database_url, f"{orphans} authingo_sessions s WHERE s.user_id = u.id)"
    )
    assert count == 0, "no user without the session of its sign-up"
