"""Several hosts in `database_url`, of which one follows the other, and takes over from it."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from authingo.config import settings_from
from tests.command import Runner
from tests.database import execute
from tests.postgres import BundledServer
from tests.server import Browser, LiveServer
from tests.waiting import until

ATTACHED = "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'"
REPLAYED = f"{ATTACHED} AND replay_lsn = pg_current_wal_lsn()"
SYNCHRONOUS = f"{ATTACHED} AND sync_state = 'sync'"
Start = Callable[..., LiveServer]


@pytest.fixture
def standby(own: BundledServer) -> Iterator[BundledServer]:
    standby = own.make_standby()
    yield standby
    standby.stop()


@pytest.fixture
def url(own: BundledServer, bare: Runner) -> str:
    url = own.create_database()
    assert bare("migrate", AUTHINGO_DATABASE_URL=url).code == 0
    return url


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    """Start a server with these hosts, which checks each session in the database."""
    running: list[LiveServer] = []

    def begin(*hosts: str, query: str = "", **values: Any) -> LiveServer:
        several = f"postgresql://authingo@{urlsplit(url).path}?host={','.join(hosts)}{query}"
        settings = {
            "database_url": several,
            "passwords": {"bcrypt_cost": 4},
            "sessions": {"cache": "0"},
            **values,
        }
        running.append(LiveServer(lambda own: settings_from({**settings, "public_url": own})))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def host(server: BundledServer) -> str:
    return quote(str(server.data.parent))


@contextlib.contextmanager
def configured(own: BundledServer, name: str, value: str) -> Iterator[None]:
    """Change a setting of the server for as long as the block takes."""
    postgres = own.url("postgres")
    before = execute(postgres, f"SHOW {name}")

    def change(statement: str) -> None:
        execute(postgres, statement)
        execute(postgres, "SELECT pg_reload_conf()")

    change(f"ALTER SYSTEM SET {name} = '{value}'")
    try:
        until(lambda: execute(postgres, f"SHOW {name}") == [(value,)], "it is not read again")
        yield
    finally:
        change(f"ALTER SYSTEM RESET {name}")
        until(lambda: execute(postgres, f"SHOW {name}") == before, "it is not read again")


def promote(own: BundledServer, standby: BundledServer) -> None:
    """Make the standby a primary that has all that the other one has."""
    if own.running:
        until(lambda: execute(own.url("postgres"), REPLAYED), "the standby lags")
    assert execute(standby.url("postgres"), "SELECT pg_promote()") == [(True,)]


def test_only_the_one_that_writes_is_asked(
    own: BundledServer, url: str, standby: BundledServer, start: Start
) -> None:
    browser = start(host(standby), host(own)).browser()
    assert browser.sign_up().status == 200
    assert browser.get("/session").status == 200
    execute(standby.url("postgres"), "SELECT pg_wal_replay_pause()")  # from here on it lags
    execute(url, "DELETE FROM authingo_sessions")
    assert browser.get("/session").status == 401
    own.halt(signal.SIGQUIT)
    assert browser.get("/session").status == 503, "rather than what the standby still believes"
    own.start()
    assert browser.get("/session").status == 401


def test_a_host_that_only_follows_is_not_asked_even_if_it_is_the_only_one(
    own: BundledServer, standby: BundledServer, start: Start
) -> None:
    """A name or a proxy may still lead to a server that was the primary until now."""
    browser = start(host(own)).browser()
    browser.sign_up()
    until(lambda: execute(own.url("postgres"), REPLAYED), "the standby lags")
    at_standby = Browser(start(host(standby)).url, dict(browser.cookies))
    assert at_standby.get("/session").code == "store_unavailable"


def test_when_the_standby_takes_over_people_stay_signed_in(
    own: BundledServer, standby: BundledServer, start: Start
) -> None:
    browser = start(host(own), host(standby)).browser()
    browser.sign_up()
    until(lambda: execute(own.url("postgres"), REPLAYED), "the standby lags")
    own.halt(signal.SIGKILL)
    try:
        assert browser.get("/session").status == 503
        assert browser.post("/refresh").status == 503
        promote(own, standby)
        assert browser.get("/session").status == 200
        assert browser.post("/refresh").status == 200
    finally:
        own.start()


def test_a_host_that_says_nothing_does_not_use_up_the_time_of_the_others(
    own: BundledServer, url: str, start: Start
) -> None:
    """Such as a machine without power: nothing says that it will not answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and never answers
        ports = f"&port={silent.getsockname()[1]},5432"
        browser = start("127.0.0.1", host(own), query=ports).browser()
        assert browser.sign_up().status == 200
        assert browser.get("/session").status == 200


def test_a_primary_that_becomes_read_only_is_left_for_the_one_that_is_not(
    own: BundledServer, url: str, standby: BundledServer, start: Start
) -> None:
    """Its connections stay open, and it would answer from what it knows for ever."""
    both = (host(own), host(standby))
    browser = start(*both, query="&target_session_attrs=read-write").browser()
    browser.sign_up()
    assert browser.get("/session").status == 200
    promote(own, standby)
    with configured(own, "default_transaction_read_only", "on"):
        until(lambda: browser.post("/refresh").status == 200, "it still asks the old one")
        ended = dict(browser.cookies)
        assert browser.post("/sign-out").status == 200
        assert browser.get("/session", cookies=ended).status == 401
    assert execute(url, "SELECT count(*) FROM authingo_sessions") == [(1,)]


def test_what_the_synchronous_standby_lacks_is_not_acknowledged_later_either(
    own: BundledServer, standby: BundledServer, start: Start
) -> None:
    """A commit whose wait for the standby was cancelled is visible, yet a failover undoes it."""
    server = start(host(own), store={"timeout": "1s"})
    refreshing, signing_out, revoking = (server.browser() for _ in range(3))
    for browser in (refreshing, signing_out, revoking):
        browser.sign_up(email=f"{id(browser)}@example.com")
    other = dict(revoking.cookies)
    revoking.sign_in(email=f"{id(revoking)}@example.com")
    postgres = own.url("postgres")
    with configured(own, "synchronous_standby_names", "*"):
        until(lambda: execute(postgres, SYNCHRONOUS), "the standby is not synchronous")
        standby.halt(signal.SIGQUIT)
        for _ in range(2):
            assert refreshing.post("/refresh").status == 503
            assert signing_out.post("/sign-out").status == 503
            assert revoking.request("DELETE", "/sessions").status == 503
        standby.start()
        until(lambda: execute(postgres, SYNCHRONOUS), "the standby does not come back")
        assert refreshing.post("/refresh").status == 200
        assert signing_out.post("/sign-out").status == 200
        assert revoking.request("DELETE", "/sessions").status == 200
        assert revoking.get("/session", cookies=other).status == 401
