"""A PostgreSQL that may be stopped and killed, and a pooling proxy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.faults.pgbouncer import Proxy
from tests.postgres import BundledServer, PostgresServer, postgres_or_skip


@pytest.fixture(scope="module")
def own() -> Iterator[BundledServer]:
    """A server that nobody else uses."""
    server = postgres_or_skip()
    if not isinstance(server, BundledServer):
        pytest.skip("AUTHINGO_TEST_DATABASE_URL is somebody's server: it is not stopped")
    yield server
    server.stop()


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
def pooled_url(proxy: Proxy, postgres_url: str) -> str:
    return proxy.url(postgres_url)
