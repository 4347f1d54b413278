"""The release before this one, from its wheel in this directory, installed beside the tree."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import Runner, Served


@dataclass
class Release:
    """An installed release."""

    command: str  # its `authingo`
    client: Path  # its React client, as it is copied into projects


@pytest.fixture(scope="session")
def release_before(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Install it into an environment of its own, which has the libraries of this one.

    A path in a .pth file comes after the environment's own packages, and the .pth files at that
    path are not read. So the authingo of this tree is not found there.
    """
    (wheel,) = Path(__file__).parent.glob("authingo-*.whl")
    home = tmp_path_factory.mktemp("release")
    venv.create(home, symlinks=True)
    python, own = home / "bin" / "python", home / _packages_below(sys.prefix)
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "libraries.pth").write_text("\n".join(sorted(libraries)))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(wheel)], check=True, timeout=300)
    return Release(
        command=str(home / "bin" / "authingo"),
        client=own / "authingo" / "templates" / "client" / "web" / "authingo-react",
    )


def _packages_below(prefix: str) -> str:
    return str(Path(sysconfig.get_path("purelib")).relative_to(prefix))


@pytest.fixture
def before(release_before: Release, tmp_path: Path, unmigrated_url: str) -> Runner:
    """The command of the release before, on a database that it has made."""
    runner = _runner(tmp_path, unmigrated_url, release_before.command)
    migrated = runner("migrate")
    assert migrated.code == 0, migrated.err
    return runner


@pytest.fixture
def now(tmp_path: Path, unmigrated_url: str) -> Runner:
    """The command of this tree, on the same database."""
    return _runner(tmp_path, unmigrated_url)


def _runner(directory: Path, url: str, *program: str) -> Runner:
    return Runner(
        directory,
        *program,
        AUTHINGO_DATABASE_URL=url,
        AUTHINGO_LIMITS__ENABLED="false",  # everybody signs up from one address
    )


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    """Start the server of a command. What it logged until its end must have no traceback."""
    started: list[Served] = []

    def start(runner: Runner, *, port: int = 0) -> Served:
        started.append(Served(runner, port=port))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.end()
    for server in started:
        assert "Traceback" not in server.said + server.out, server.said
