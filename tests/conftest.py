"""What the tests share: databases of both kinds, made fresh for each test, and live servers."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from authingo.config import Settings, settings_from
from authingo.mail import sending
from authingo.stores import open_store
from tests.browser import chromium  # noqa: F401 - a fixture
from tests.command import Runner
from tests.copies import Copies
from tests.frontends import next_js, react  # noqa: F401 - fixtures
from tests.postgres import PostgresServer, postgres_or_skip
from tests.program import free_port
from tests.server import LiveServer
from tests.slowest import pytest_terminal_summary  # noqa: F401 - a hook
from tests.turns import _turn, pytest_runtest_protocol, together  # noqa: F401 - a fixture, a hook

pytest.register_assert_rewrite("authingo.stores.conformance")

settings.register_profile("authingo", deadline=None)  # no test asserts a time
settings.load_profile("authingo")


def pytest_xdist_auto_num_workers() -> int:
    """One more than the cores: a third of the time, a test waits for a process or a server."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among the tests that are collected, then or later.

    That took two fifths of the collecting, in each process: nearly all of it stays to the end.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a file that drives a browser in one process, where no other test comes between.

    Its event loop stands in the way of others. Files that share a front end, which npm builds for
    a minute, name a group of their own.
    """
    for item in items:
        if item.get_closest_marker("browser") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.name))
    together(items)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    server = postgres_or_skip()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """A migrated database that others are copied from."""
    url = postgres.create_database()
    _migrate(url)
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that others are copied from."""
    file = tmp_path_factory.mktemp("template") / "authingo.db"
    _migrate(f"sqlite:///{file}")
    return file


def _migrate(url: str) -> None:
    async def migrate() -> None:
        store = open_store(Settings(database_url=url))
        await store.open(create=True)
        await store.migrate()
        await store.close()

    asyncio.run(migrate())


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty file of a test's own."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"  # with its mode


@pytest.fixture(scope="session")
def postgres_copies(postgres: PostgresServer, postgres_template: str) -> Iterator[Copies]:
    """Migrated, empty databases, used again after tests that left only rows."""
    copies = Copies(postgres, postgres_template)
    yield copies
    copies.drop()


@pytest.fixture
def postgres_url(postgres_copies: Copies) -> Iterator[str]:
    """A migrated, empty database of a test's own."""
    url = postgres_copies.take()
    yield url
    postgres_copies.give_back(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of a test's own, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a schema, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/authingo.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def make_settings(database_url: str) -> Callable[..., Settings]:
    """Settings on the test's database with the cheapest hashing; any may be given."""

    def make(**values: object) -> Settings:
        defaults = {"database_url": database_url, "passwords": {"bcrypt_cost": 4}}
        return settings_from({**defaults, **values})

    return make


@pytest.fixture
def serve(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., LiveServer]]:
    """Start a server on a loopback port, with any settings; several if asked several times."""
    monkeypatch.setattr(sending, "_LOOK", 1.0)  # for mails that a command queues
    running: list[LiveServer] = []

    def start(**values: object) -> LiveServer:
        server = LiveServer(lambda url: make_settings(**{"public_url": url, **values}))
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def server(serve: Callable[..., LiveServer]) -> LiveServer:
    """A server with the default settings."""
    return serve()


@pytest.fixture
def anyio_backend() -> str:
    """What runs tests that are coroutines: stores are for asyncio."""
    return "asyncio"


@pytest.fixture
def unused_port() -> int:
    """A loopback port that nobody listens on."""
    return free_port()


@pytest.fixture
def bare(tmp_path: Path) -> Runner:
    """A runner in an empty directory, without any configuration."""
    return Runner(tmp_path)


@pytest.fixture
def authingo(tmp_path: Path, database_url: str) -> Runner:
    """A runner on a migrated, empty database, once of each kind."""
    return Runner(tmp_path, AUTHINGO_DATABASE_URL=database_url)


@pytest.fixture
def bare_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment without anything of authingo's but its commands, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    here = str(Path(sys.executable).parent)
    return {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
