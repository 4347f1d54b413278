"""A PostgreSQL that may be stopped and killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import BundledServer, postgres_or_skip


@pytest.fixture(scope="module")
def own() -> Iterator[BundledServer]:
    """A server that nobody else uses."""
    server = postgres_or_skip()
    if not isinstance(server, BundledServer):
        pytest.skip("AUTHINGO_TEST_DATABASE_URL is somebody's server: it is not stopped")
    yield server
    server.stop()
