"""A SQLite file that cannot be written: whose it is, and what to do about it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from authingo.config import settings_from
from tests.command import COMMAND, Ran, Runner
from tests.server import LiveServer

ROOT = os.geteuid() == 0
ME = "nobody" if ROOT else pwd.getpwuid(os.geteuid()).pw_name

WRITE = ("users", "create", "ada@example.com", "--generate-password")

# Root may do everything, so what root runs becomes nobody: after it has done the same once with
# a file that it may write, since nobody may not read where root has installed Python.
AS_NOBODY = """\
import os, sys
from authingo.cli.main import main
os.environ["AUTHINGO_DATABASE_URL"], url = "sqlite:///trial.db", os.environ["AUTHINGO_DATABASE_URL"]
for command in (["migrate"], sys.argv[1:]):
    sys.argv = ["authingo", *command]
    try:
        main()
    except SystemExit:
        pass
sys.stderr.write("\\n---\\n")
os.environ["AUTHINGO_DATABASE_URL"] = url
os.setegid(65534), os.seteuid(65534)
main()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that anybody may enter."""
    yield from _public_directory()


@pytest.fixture
def bare() -> Iterator[Runner]:
    """A runner in another one."""
    for made in _public_directory():
        yield Runner(made)


def _public_directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="authingo-files-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


def ask(bare: Runner, file: Path, *command: str) -> str:
    """Run a command as a user that is not root; return what it says, on one line."""
    bare.env["AUTHINGO_DATABASE_URL"] = f"sqlite:///{file}"
    if ROOT:
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, *command],
            capture_output=True,
            text=True,
            cwd=bare.directory,
            env=bare.env,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr.partition("\n---\n")[2])
    else:
        ran = bare(*command)
    assert ran.code == 1, ran.out + ran.err
    assert "Traceback" not in ran.err, ran.err
    return " ".join(ran.err.split())


def mine(path: Path, mode: int) -> Path:
    """Let it belong to the one who asks."""
    if ROOT:
        shutil.chown(path, "nobody")
    path.chmod(mode)
    return path


def others(place: Path) -> tuple[Path, str]:
    """Return a directory that belongs to somebody else, and who that is."""
    if not ROOT:
        return Path("/etc"), "root"
    directory = place / "data"
    directory.mkdir()
    return directory, pwd.getpwuid(0).pw_name


def test_a_directory_of_somebody_elses(bare: Runner, place: Path) -> None:
    directory, owner = others(place)
    said = ask(bare, directory / "authingo-test.db", "migrate")
    assert f"{directory} may not be written, and SQLite needs files beside it: it belongs" in said
    assert f"belongs to {owner} (mode 0755), and this runs as {ME}" in said
    assert f"run this as {owner}, or give it away: chown {ME} {directory}" in said


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_file_of_somebody_elses(
    bare: Runner, place: Path, sqlite_template: Path, ending: str
) -> None:
    """As after a command that an administrator ran as root."""
    file = mine(Path(shutil.copy(sqlite_template, mine(place, 0o755))), 0o600)
    other = file.with_name(file.name + ending)
    other.touch()
    shutil.chown(other, "root")
    other.chmod(0o644)
    said = ask(bare, file, *WRITE)
    assert f"{other} may not be written: it belongs to root (mode 0644)" in said
    assert f"chown nobody {other}" in said


def test_a_file_without_the_right_to_write(
    bare: Runner, place: Path, sqlite_template: Path
) -> None:
    file = mine(Path(shutil.copy(sqlite_template, mine(place, 0o755))), 0o444)
    said = ask(bare, file, *WRITE)
    assert f"{file} may not be written: its mode is 0444" in said
    assert f"chmod u+rw {file}" in said


def test_a_directory_without_the_right_to_write(
    bare: Runner, place: Path, sqlite_template: Path
) -> None:
    file = mine(Path(shutil.copy(sqlite_template, place)), 0o600)
    mine(place, 0o555)
    said = ask(bare, file, *WRITE)
    assert f"{place} may not be written, and SQLite needs files beside it" in said
    assert f"chmod u+wx {place}" in said


def test_a_directory_that_may_not_be_entered(bare: Runner, place: Path) -> None:
    (place / "in").mkdir()
    mine(place, 0o600)
    for command in (("migrate",), ("users", "list")):
        said = ask(bare, place / "in" / "authingo.db", *command)
        assert f"{place} may not be entered: its mode is 0600" in said
        assert f"chmod u+x {place}" in said


@pytest.mark.skipif(not ROOT, reason="nobody else can be somewhere they may not enter")
def test_a_working_directory_that_may_not_be_entered(bare: Runner, place: Path) -> None:
    bare.directory.chmod(0o700)
    said = ask(bare, place / "authingo.db", "migrate")
    assert f"cannot look for authingo.toml in {bare.directory}: Permission denied" in said
    assert "AUTHINGO_CONFIG" in said


def test_a_directory_that_is_not_there_or_none(bare: Runner, place: Path) -> None:
    said = ask(bare, place / "a" / "b" / "authingo.db", "migrate")
    assert f"there is no directory {place}/a" in said
    assert f"mkdir -p {place}/a/b" in said
    (place / "file").touch()
    assert f"{place}/file is no directory" in ask(bare, place / "file" / "a.db", "migrate")
    (place / "directory").mkdir()
    assert "it is a directory" in ask(bare, place / "directory", "migrate")


@pytest.mark.parametrize("there", [False, True])
def test_a_read_only_file_system(
    bare: Runner, place: Path, sqlite_template: Path, there: bool
) -> None:
    """One of the test's own, in a namespace of its own."""
    copy = f"cp {sqlite_template} {place}/a.db &&" if there else ""
    namespace = ["unshare", "--mount", *([] if ROOT else ["--map-root-user"])]
    possible = subprocess.run(
        [*namespace, "mount", "-t", "tmpfs", "none", place], capture_output=True, check=False
    )
    if possible.returncode != 0:
        sys.stderr.write("\nNOT TESTED ON A READ-ONLY FILE SYSTEM: no namespaces here\n")
        pytest.skip("no namespace can be made here")
    mount = f"mount -t tmpfs none {place} && {copy} mount -o remount,ro {place}"
    bare.env["AUTHINGO_DATABASE_URL"] = f"sqlite:///{place}/a.db"
    done = subprocess.run(
        [*namespace, "sh", "-c", f"{mount} && exec {COMMAND} migrate"],
        capture_output=True,
        text=True,
        env=bare.env,
        check=False,
    )
    said = " ".join(done.stderr.split())
    assert done.returncode == 1, said
    assert f"{place} lies on a read-only file system" in said
    assert "such as a mounted volume" in said


def test_a_browser_is_not_told_whose_file_it_is(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"database_url": f"sqlite:///{place}/nowhere/a.db"}
    server = LiveServer(lambda url: settings_from({**settings, "public_url": url}))
    answer = server.browser().get("/health")
    server.stop()
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert answer.json["message"] == "The database does not answer: try again shortly."
    assert caplog.text.count(f"there is no directory {place}/nowhere") == 2, "at the start too"
    assert "mkdir -p" in caplog.text
