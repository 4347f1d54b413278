"""`authingo doctor` where PostgreSQL is stopped, and through a pooling proxy."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.cli.test_doctor import diagnosed, failing
from tests.command import Runner
from tests.faults.pgbouncer import Proxy
from tests.postgres import BundledServer


def test_a_stopped_database_fails_alone_and_is_well_again(
    own: BundledServer, tmp_path: Path
) -> None:
    url = own.create_database()
    authingo = Runner(tmp_path, AUTHINGO_DATABASE_URL=url)
    assert authingo("migrate").code == 0
    own.halt(signal.SIGQUIT)
    try:
        _, checks = diagnosed(authingo)
        assert failing(checks) == ["database"]
        assert "password_cost" in checks
    finally:
        own.start()
    _, checks = diagnosed(authingo)
    assert failing(checks) == []


def test_through_a_pooling_proxy_nothing_is_heard_without_a_listen_url(
    pooled_url: str, proxy: Proxy, tmp_path: Path
) -> None:
    authingo = Runner(tmp_path, AUTHINGO_DATABASE_URL=pooled_url)
    _, checks = diagnosed(authingo, "--workers", "50")
    assert failing(checks) == [], "the proxy shares its connections"
    assert "through a pooling proxy" in checks["revocations"]["message"]
    assert "listen_url" in checks["revocations"]["hint"]
    direct = proxy.direct_url(pooled_url)
    _, checks = diagnosed(authingo, AUTHINGO_LISTEN_URL=direct)
    assert checks["revocations"]["status"] == "ok"
