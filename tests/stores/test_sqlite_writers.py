"""A SQLite database that others can write is not opened, and the error says what to do."""

from __future__ import annotations

import grp
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authingo.config import settings_from
from authingo.stores.sqlite.writers import require_own
from tests.command import Ran, Runner
from tests.server import LiveServer
from tests.waiting import until

ROOT = os.geteuid() == 0
STRANGER = 65534  # of no file here
needs_root = pytest.mark.skipif(not ROOT, reason="only root can give files away")


@pytest.fixture
def file(bare: Runner, sqlite_template: Path) -> Path:
    """The database of `bare`, which only its owner may write."""
    place = bare.directory / "data"
    place.mkdir(0o700)
    file = Path(shutil.copy(sqlite_template, place))
    bare.env["AUTHINGO_DATABASE_URL"] = f"sqlite:///{file}"
    return file


def said(ran: Ran) -> str:
    assert (ran.code, ran.out) == (1, ""), ran.err
    assert "Traceback" not in ran.err
    return " ".join(ran.err.split())


def assert_refused(bare: Runner, why: str, hint: str) -> None:
    """By whatever opens it; nothing is changed by that, so that doctor can say it too."""
    before = {path: path.stat().st_mode for path in (bare.directory / "data").iterdir()}
    for command in (["users", "list"], ["migrate"], ["migrate", "--status"]):
        told = said(bare(*command))
        assert f"others can write the database {bare.directory}/" in told
        assert why in told
        assert f"hint: {hint}" in told
    checks = {one["name"]: one for one in bare("doctor", "--json").json["checks"]}
    assert checks["database"]["status"] == "fail"
    assert why in checks["database"]["message"]
    assert before == {path: path.stat().st_mode for path in (bare.directory / "data").iterdir()}


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_a_file_that_everybody_can_write(bare: Runner, file: Path, ending: str) -> None:
    """And what SQLite replays into it: a stranger's -wal or -journal is a stranger's row."""
    assert bare("users", "list").code == 0
    other = file.with_name(file.name + ending)
    other.touch()
    other.chmod(0o622)
    assert_refused(
        bare,
        f"everybody on this machine can write {other} (mode 0622)",
        f"chmod o-w {other}",
    )
    other.chmod(0o644)
    assert bare("users", "list").code == 0, "to be read by others is for doctor to say"


def test_a_file_that_goes_while_it_is_looked_at(file: Path) -> None:
    """As -wal does when another process closes the last connection; it was a traceback."""
    wal = file.with_name(f"{file.name}-wal")
    looked = threading.Event()

    def come_and_go() -> None:
        while not looked.is_set():
            wal.touch(0o600)
            wal.unlink()

    with ThreadPoolExecutor(1) as others:
        coming = others.submit(come_and_go)
        try:
            for _ in range(5_000):
                require_own(file)
        finally:
            looked.set()
        coming.result()


def test_a_directory_that_everybody_can_write(bare: Runner, file: Path) -> None:
    place = file.parent
    place.chmod(0o777)
    why = f"everybody on this machine can write the directory {place} (mode 0777)"
    assert_refused(bare, why, f"chmod o-w {place}, or give the database a directory of its own")
    place.chmod(0o1777)
    assert bare("users", "list").code == 0, "a sticky one lets only owners replace a file"


def test_a_directory_with_a_link_to_the_database(bare: Runner, file: Path) -> None:
    link = bare.directory / "links" / "authingo.db"
    link.parent.mkdir()
    link.symlink_to(file)
    link.parent.chmod(0o777)
    bare.env["AUTHINGO_DATABASE_URL"] = f"sqlite:///{link}"
    assert f"the directory {link.parent} (mode 0777)" in said(bare("users", "list"))
    link.parent.chmod(0o755)
    assert bare("users", "list").code == 0


def test_no_file_is_left_where_none_is_safe(bare: Runner) -> None:
    place = bare.directory / "data"
    place.mkdir()
    place.chmod(0o777)
    assert "can write the directory" in said(
        bare("migrate", AUTHINGO_DATABASE_URL="sqlite:///data/a")
    )
    assert list(place.iterdir()) == []


@needs_root
def test_a_group_is_a_stranger_unless_it_is_somebodys_own(bare: Runner, file: Path) -> None:
    """That of the caller, or of the owner: many systems give each user one."""
    other = next(group for group in grp.getgrall() if group.gr_gid not in {0, STRANGER})
    for path, what in ((file, str(file)), (file.parent, f"the directory {file.parent}")):
        mode = path.stat().st_mode & 0o777
        path.chmod(mode | 0o020)
        os.chown(path, -1, other.gr_gid)
        assert_refused(bare, f"the group {other.gr_name} can write {what}", f"chmod g-w {path}")
        os.chown(path, -1, os.getegid())
        assert bare("users", "list").code == 0
        path.chmod(mode)


@needs_root
@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_a_file_of_a_strangers_beside_it(bare: Runner, file: Path, ending: str) -> None:
    """As somebody could put it into a sticky directory before SQLite does."""
    file.parent.chmod(0o1777)
    other = file.with_name(file.name + ending)
    other.touch(0o644)
    os.chown(other, STRANGER, -1)
    assert f"{other} belongs to " in (told := said(bare("users", "list")))
    assert f"hint: remove it: rm {other}" in told
    os.chown(file, STRANGER, -1)
    assert bare("users", "list").code == 0, "it may be that of the database's owner"


def test_a_server_comes_up_without_it_and_goes_on_once_it_is_put_right(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.chmod(0o666)
    server = LiveServer(
        lambda url: settings_from({"database_url": f"sqlite:///{file}", "public_url": url})
    )
    try:
        browser = server.browser()
        assert browser.get("/health").code == "store_unavailable"
        assert f"everybody on this machine can write {file} (mode 0666)" in caplog.text
        assert f"chmod o-w {file}" in caplog.text
        file.chmod(0o600)
        until(lambda: browser.get("/health").status == 200, "it never went on")
    finally:
        server.stop()
