"""Two processes of authingo, as in production."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.failover.cluster import run, until

PORTS = [8001, 8002]
GRACE = "1m"  # longer than a failover takes, for refreshes whose answer was lost
_ROOT = Path(__file__).parent.parent.parent


@contextlib.contextmanager
def servers(database_url: str, home: Path, log: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Migrate the database, and serve it until the end of the block."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUTHINGO_")},
        "PYTHONPATH": str(_ROOT),
        "AUTHINGO_DATABASE_URL": database_url,
        "AUTHINGO_SESSIONS__REFRESH_GRACE": GRACE,
        "AUTHINGO_LIMITS__ENABLED": "false",  # everybody comes from one address
        "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",  # the database is what is tested
    }
    uvicorn = [sys.executable, "-m", "uvicorn", "tests.failover.application:app"]
    options = ["--http", "httptools", "--no-access-log", "--no-proxy-headers"]
    authingo = Path(sys.executable).with_name("authingo")
    subprocess.run([authingo, "migrate"], cwd=home, env=environment, check=True)
    with (home / log).open("wb") as written:
        running = [
            subprocess.Popen(
                [*uvicorn, *options, "--port", str(port)],
                cwd=home,
                env=environment,
                stdout=written,
                stderr=written,
            )
            for port in PORTS
        ]
        try:
            until(lambda: all(map(_answers, PORTS)), "authingo does not answer")
            yield running
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait()


def _answers(port: int) -> bool:
    url = f"http://127.0.0.1:{port}/api/auth/health"
    with contextlib.suppress(RuntimeError):
        return bool(run("curl", "-fsS", url))
    return False
