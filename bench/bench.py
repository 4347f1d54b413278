"""What all suites share: how long to measure, and the databases, made when first asked for."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench import cpu, data
from bench.cores import Cores, place
from bench.data import Size
from bench.peers import Peers
from bench.servers import verify
from bench.systems import System
from tests.postgres import BundledServer, PostgresServer


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    size: Size
    operators: Size
    imported: int
    idle_seconds: int
    rounds: int
    seconds: int  # of a run
    warm: int  # seconds before it
    sign_in_seconds: int
    random_checks: int
    random_steps: int  # that they are divided into, with a look at the memory after each
    start_ups: int
    mails: int  # no more than users
    mail_seconds: int  # of delivering them
    scaled: Size  # what the capacity model is measured with
    rotations: int  # through the store, each session several times but never within its grace
    tokens: int = 1000  # that take turns in session checks


FULL = Scale(
    size=Size(100_000, 200_000),
    operators=Size(1_000_000, 2_000_000, half_expired=True),
    imported=100_000,
    idle_seconds=20,
    rounds=5,
    seconds=3,
    warm=1,
    sign_in_seconds=12,
    random_checks=10_000_000,
    random_steps=20,
    start_ups=25,
    mails=100_000,
    mail_seconds=60,
    scaled=Size(200_000, 400_000),
    rotations=1_000_000,
)
QUICK = Scale(
    size=Size(1000, 2000),
    operators=Size(10_000, 20_000, half_expired=True),
    imported=2_000,
    idle_seconds=3,
    rounds=1,
    seconds=1,
    warm=0,
    sign_in_seconds=3,
    random_checks=20_000,
    random_steps=4,
    start_ups=3,
    mails=1000,
    mail_seconds=2,
    scaled=Size(1000, 2000),
    rotations=1000,
)


@dataclass
class Bench:
    """One run of the bench."""

    scale: Scale
    server: PostgresServer
    directory: Path
    peers: Peers | None
    before: Path | None = None  # the source of an earlier version, to compare refreshes with
    _began: float = field(default_factory=time.monotonic)

    @cached_property
    def postgres(self) -> str:
        """authingo's tables in PostgreSQL, filled."""
        return self.new_postgres(self.scale.size)

    @cached_property
    def sqlite(self) -> str:
        """The same in SQLite."""
        return self.new_sqlite(self.scale.size)

    @cached_property
    def in_use(self) -> dict[str, str]:
        """Both once more, where each user has a profile and a role."""
        urls = {
            "PostgreSQL": self.new_postgres(self.scale.size),
            "SQLite": self.new_sqlite(self.scale.size, name="in-use"),
        }
        for url in urls.values():
            data.put_in_use(url)
        return urls

    def new_postgres(
        self, size: Size, *, source: Path | None = None, user_agent: str | None = None
    ) -> str:
        """Make a database and fill it; `source`: with the bench of that version."""
        self.say(f"loading {size.sessions:,} sessions into PostgreSQL")
        url = self.server.create_database()
        if source is None:
            data.load(url, size, user_agent=user_agent)
        else:
            data.load_with(source, url, size)
        return url

    def new_sqlite(self, size: Size, *, source: Path | None = None, name: str = "") -> str:
        """The same in SQLite."""
        self.say(f"loading {size.sessions:,} sessions into SQLite")
        name = name or f"{size.sessions}{'' if source is None else '-before'}"
        url = f"sqlite:///{self.directory}/{name}.db"
        data.load(url, size) if source is None else data.load_with(source, url, size)
        return url

    @property
    def database_cpu(self) -> float:
        """CPU seconds of all processes of PostgreSQL so far; 0 if the server is not ours."""
        return cpu.of_family(self.server.pid) if isinstance(self.server, BundledServer) else 0.0

    def place_database(self, cores: Cores) -> None:
        """Keep the connections that are made from now on on these cores."""
        if isinstance(self.server, BundledServer):
            place(self.server.pid, cores)

    def cookies(self, system: System) -> list[str]:
        """Make the cookies that take turns in session checks."""
        return [system.cookie(session) for session in range(self.scale.tokens)]

    def write_cookies(self, cookies: list[str]) -> Path:
        """Write them down for wrk."""
        file = self.directory / "cookies"
        file.write_text("\n".join(cookies))
        return file

    def say(self, text: str) -> None:
        """Tell how far it is."""
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"{minutes:3}:{seconds:02}  {text}", file=sys.stderr, flush=True)


def verify_users(port: int, path: str, cookies: list[str]) -> None:
    """Some of the cookies, spread over all, stand for the users they were made for."""
    for session in range(0, len(cookies), max(1, len(cookies) // 10)):
        verify(port, path, cookies[session], contains=data.email(session))
