"""Several hosts in `database_url`, of which one only follows the other."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from authingo.config import settings_from
from tests.command import Runner
from tests.database import execute
from tests.postgres import BundledServer
from tests.server import LiveServer


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
def server(own: BundledServer, url: str, standby: BundledServer) -> Iterator[LiveServer]:
    """One that checks each session in the database, and has the standby named first."""
    hosts = ",".join(quote(str(one.data.parent)) for one in (standby, own))
    both = f"postgresql://authingo@{urlsplit(url).path}?host={hosts}"
    settings = {
        "database_url": both,
        "passwords": {"bcrypt_cost": 4},
        "sessions": {"cache": "0"},
    }
    server = LiveServer(lambda url: settings_from({**settings, "public_url": url}))
    yield server
    server.stop()


def test_only_the_one_that_writes_is_asked(
    own: BundledServer, url: str, standby: BundledServer, server: LiveServer
) -> None:
    browser = server.browser()
    assert browser.sign_up().status == 200
    assert browser.get("/session").status == 200
    execute(standby.url("postgres"), "SELECT pg_wal_replay_pause()")  # from here on it lags
    execute(url, "DELETE FROM authingo_sessions")
    assert browser.get("/session").status == 401
    own.halt(signal.SIGQUIT)
    assert browser.get("/session").status == 503, "rather than what the standby still believes"
    own.start()
    assert browser.get("/session").status == 401
