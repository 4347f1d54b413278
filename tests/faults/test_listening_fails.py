"""Whatever happens to the connection that listens for revocations, the bound holds.

A question that is sent two seconds after a revocation or later is refused; who is
signed in stays so; and the memory comes back by itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import pytest

from authingo import clock
from authingo.config import settings_from
from authingo.stores.postgres import revocations
from tests.command import Runner, Served
from tests.database import execute
from tests.faults.pgbouncer import Proxy
from tests.faults.relay import Relay
from tests.postgres import BundledServer, PostgresServer
from tests.revoking import BOUND, Memory, asking, user_id_of
from tests.server import Browser, LiveServer
from tests.waiting import until

HERE = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
LISTENER = f"SELECT pid {HERE} AND query LIKE 'LISTEN%'"
LOOKED_UP = f"SELECT max(query_start) {HERE} AND query LIKE '%s.id = ANY%'"
Trouble = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def start() -> Iterator[Callable[..., LiveServer]]:
    running: list[LiveServer] = []

    def begin(url: str, **values: object) -> LiveServer:
        settings = {"database_url": url, "passwords": {"bcrypt_cost": 4}, **values}
        running.append(LiveServer(lambda own: settings_from({**settings, "public_url": own})))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


@pytest.fixture
def relay(url: str) -> Iterator[Relay]:
    relay = Relay(url)
    yield relay
    relay.stop()


def endure(server: LiveServer, direct_url: str, trouble: Trouble, *, lasting: bool = False) -> None:
    """Revoke Ada's session by hand in the middle of trouble; Bob does not notice."""
    memory = Memory(server)
    ada, bob = server.browser(), server.browser()
    ada.sign_up()
    bob.sign_up(email="bob@example.com")
    revoke = f"DELETE FROM authingo_sessions WHERE user_id = '{user_id_of(ada)}'"
    memory.warm(ada, bob)
    with asking(server, ada, bob) as (adas, bobs):
        with trouble():
            execute(direct_url, revoke)
            revoked_at = clock.now()
            adas.await_refusal()
            if lasting:  # longer than it could be believed
                until(lambda: clock.now() > revoked_at + BOUND, "time stands still")
        until(lambda: bobs.checks[-1].status == 200, "Bob was never let in again")
    adas.let_in_for(revoked_at)
    bobs.assert_never_refused()
    memory.warm(bob)


def listener_of(url: str) -> int:
    until(lambda: execute(url, LISTENER), "nobody listens")
    ((listener,),) = execute(url, LISTENER)
    return int(listener)


def test_the_listening_connection_is_killed(url: str, start: Callable[..., LiveServer]) -> None:
    @contextlib.contextmanager
    def trouble() -> Iterator[None]:
        execute(url, f"SELECT pg_terminate_backend({listener_of(url)})")
        yield

    endure(start(url), url, trouble)


def test_it_is_killed_in_the_moment_of_the_revocation(
    url: str, start: Callable[..., LiveServer]
) -> None:
    """So the notice has nobody to go to, and nobody is told that it is missing."""
    server = start(url)
    memory = Memory(server)
    for turn in range(5):
        ada = server.browser()
        ada.sign_up(email=f"ada{turn}@example.com")
        user_id = user_id_of(ada)
        memory.warm(ada)
        with asking(server, ada) as (adas,):
            execute(
                url,
                f"WITH gone AS (DELETE FROM authingo_sessions WHERE user_id = '{user_id}'"
                f" RETURNING pg_terminate_backend({listener_of(url)})) SELECT * FROM gone",
            )
            revoked_at = clock.now()
            adas.await_refusal()
        adas.let_in_for(revoked_at)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another connection is tried after a second, not five."""
    monkeypatch.setattr(revocations, "_PATIENCE", 1.0)


def test_its_packets_are_held_up(url: str, relay: Relay, start: Callable[..., LiveServer]) -> None:
    """For a while; then they come, with all that was said meanwhile."""

    @contextlib.contextmanager
    def trouble() -> Iterator[None]:
        relay.hold()
        yield
        relay.go_on()

    endure(start(url, listen_url=relay.url), url, trouble, lasting=True)
    assert relay.connections == 1


def test_its_packets_are_lost_for_good(
    url: str, relay: Relay, start: Callable[..., LiveServer], impatient: None
) -> None:
    """As by a firewall that forgot the connection: it takes another one."""

    @contextlib.contextmanager
    def trouble() -> Iterator[None]:
        relay.lose()
        yield

    endure(start(url, listen_url=relay.url), url, trouble, lasting=True)
    assert relay.connections > 1


def test_nobody_can_connect_for_a_while(
    url: str, relay: Relay, start: Callable[..., LiveServer], impatient: None
) -> None:
    """The connection is killed, and its successors hang."""

    @contextlib.contextmanager
    def trouble() -> Iterator[None]:
        listener = listener_of(url)
        relay.hold()
        execute(url, f"SELECT pg_terminate_backend({listener})")
        yield
        relay.go_on()

    endure(start(url, listen_url=relay.url), url, trouble, lasting=True)


def test_the_process_that_serves_it_is_frozen(
    url: str, postgres: PostgresServer, start: Callable[..., LiveServer]
) -> None:
    if not isinstance(postgres, BundledServer):
        pytest.skip("AUTHINGO_TEST_DATABASE_URL is somebody's server: it is not frozen")

    @contextlib.contextmanager
    def trouble() -> Iterator[None]:
        listener = listener_of(url)
        os.kill(listener, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(listener, signal.SIGCONT)

    endure(start(url), url, trouble, lasting=True)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL])
def test_the_database_is_restarted(
    own: BundledServer, bare: Runner, start: Callable[..., LiveServer], how: signal.Signals
) -> None:
    """And the session is revoked before anything listens again."""
    url = own.create_database()
    assert bare("migrate", AUTHINGO_DATABASE_URL=url).code == 0

    @contextlib.contextmanager
    def trouble() -> Iterator[None]:
        own.halt(how)
        own.start()
        yield

    endure(start(url), url, trouble)


# A pooling proxy


@pytest.fixture
def direct_url(pooled_url: str, proxy: Proxy) -> str:
    return proxy.direct_url(pooled_url)


def test_behind_a_pooling_proxy_nothing_is_remembered_and_that_is_said_once(
    pooled_url: str, start: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = start(pooled_url)
    until(lambda: caplog.messages, "it was not said at the start")
    memory = Memory(server)
    browser = server.browser()
    browser.sign_up()
    assert not any(memory.has(browser) for _ in range(20))
    (said,) = caplog.messages
    assert "through a pooling proxy" in said
    assert "set listen_url to a direct connection" in said


def test_with_a_direct_listen_url_sessions_are_remembered_behind_it(
    pooled_url: str, direct_url: str, start: Callable[..., LiveServer]
) -> None:
    server = start(pooled_url, listen_url=direct_url)
    endure(server, direct_url, contextlib.nullcontext)
    memory = Memory(server)
    eve = server.browser()
    eve.sign_up(email="eve@example.com")
    memory.warm(eve)
    with asking(server, eve) as (eves,):
        Browser(server.url, dict(eve.cookies)).post("/sign-out")
        revoked_at = clock.now()
        eves.await_refusal()
    assert eves.let_in_for(revoked_at) < BOUND


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "BEAT", 0.05)
    monkeypatch.setattr(revocations, "_PATIENCE", 0.5)


def test_a_proxy_that_hides_itself_is_not_believed(
    pooled_url: str,
    start: Callable[..., LiveServer],
    hasty: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing shows but that no heartbeat comes back."""

    async def look_away(*_: object) -> None:
        pass

    monkeypatch.setattr(revocations.Revocations, "_inspect", look_away)
    never_remembered(start(pooled_url), caplog)


def test_a_listen_url_that_is_another_database_is_not_believed(
    url: str,
    postgres: PostgresServer,
    postgres_template: str,
    start: Callable[..., LiveServer],
    hasty: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    elsewhere = postgres.create_database(template=postgres_template)
    server = start(url, listen_url=elsewhere)
    never_remembered(server, caplog)
    server.stop()
    postgres.drop_database(elsewhere)


def never_remembered(server: LiveServer, caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory(server)
    browser = server.browser()
    browser.sign_up()
    until(lambda: memory.has(browser) or caplog.messages, "it was never said")
    (said,) = caplog.messages
    assert "what is notified through database_url does not arrive" in said
    assert not any(memory.has(browser) for _ in range(20))


# A replica


def test_a_replica_that_no_trigger_tells_is_not_believed(
    own: BundledServer, bare: Runner, start: Callable[..., LiveServer]
) -> None:
    """PostgreSQL's logical replication fires no triggers of statements."""
    execute(own.url("postgres"), "ALTER SYSTEM SET wal_level = logical")
    own.halt(signal.SIGQUIT)
    own.start()
    origin, replica = own.create_database(), own.create_database()
    for url in (origin, replica):
        assert bare("migrate", AUTHINGO_DATABASE_URL=url).code == 0
    home, name = own.data.parent, urlsplit(origin).path.lstrip("/")
    execute(origin, "CREATE PUBLICATION all_of_it FOR TABLE authingo_users, authingo_sessions")
    execute(origin, "SELECT pg_create_logical_replication_slot('slot', 'pgoutput')")
    execute(
        replica,
        f"CREATE SUBSCRIPTION slot CONNECTION 'host={home} dbname={name} user=authingo'"
        " PUBLICATION all_of_it WITH (create_slot = false, copy_data = false)",
    )
    here, there = start(origin), start(replica)
    ada = here.browser()
    ada.sign_up()
    until(lambda: Browser(there.url, ada.cookies).get("/session").status == 200, "no replication")
    memory = Memory(there)
    assert not any(memory.has(ada) for _ in range(20))
    with asking(there, ada) as (adas,):
        execute(origin, "DELETE FROM authingo_sessions")
        revoked_at = clock.now()
        adas.await_refusal()
    adas.let_in_for(revoked_at)
    execute(replica, "DROP SUBSCRIPTION slot")


# The server itself


def test_a_server_that_was_stopped_refuses_with_its_first_answer(
    database_url: str, bare: Runner
) -> None:
    """Frozen for three seconds; the question waits for it when it goes on."""
    served = Served(bare, AUTHINGO_DATABASE_URL=database_url)
    try:
        browser = served.browser
        browser.sign_up()
        revoke = f"DELETE FROM authingo_sessions WHERE user_id = '{user_id_of(browser)}'"
        if database_url.startswith("postgresql:"):
            until(lambda: _is_remembered(database_url, browser), "it was never remembered")
        try:
            _revoke_while_stopped(served, database_url, revoke)
            codes: list[str] = []
            question = threading.Thread(
                target=lambda: codes.append(browser.get("/session").code_or_ok)
            )
            question.start()
            time.sleep(BOUND + 1)  # what is waited for is that this has passed
        finally:
            served.process.send_signal(signal.SIGCONT)
        question.join()
        assert codes == ["no_session"]
    finally:
        served.end()


def _revoke_while_stopped(served: Served, database_url: str, revoke: str) -> None:
    """Stop a server and revoke. If it was stopped while it wrote to SQLite, it goes on first."""
    while True:
        served.process.send_signal(signal.SIGSTOP)
        try:
            execute(database_url, revoke)
        except sqlite3.OperationalError:
            served.process.send_signal(signal.SIGCONT)
        else:
            return


def _is_remembered(url: str, browser: Browser) -> bool:
    """Tell whether a check is answered without a look-up."""
    before = execute(url, LOOKED_UP)
    assert browser.get("/session").status == 200
    return execute(url, LOOKED_UP) == before
