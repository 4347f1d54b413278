"""A PgBouncer in transaction mode, in front of the tests' own PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from tests.postgres import BundledServer

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
        self._server = server
        self.start()

    def url(self, database_url: str) -> str:
        name = urlsplit(database_url).path
        return f"postgresql://authingo@{name}?host={quote(str(self._home))}&port=6432"

    def direct_url(self, pooled_url: str) -> str:
        """Return the URL of the same database on the server itself."""
        return self._server.url(urlsplit(pooled_url).path.lstrip("/"))

    def start(self) -> None:
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._command, str(self._file)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while not self._listens():
            assert self._process.poll() is None, (self._home / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _listens(self) -> bool:
        """Tell whether its socket takes connections, which it does a while after it is there."""
        with socket.socket(socket.AF_UNIX) as ours:
            return ours.connect_ex(str(self._home / ".s.PGSQL.6432")) == 0

    def halt(self) -> None:
        """End it at once, as a crash does; its socket stays behind."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        (self._home / ".s.PGSQL.6432").unlink()

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self._home, ignore_errors=True)
