"""What a disk and other programs can do to a server with an embedded database."""

from __future__ import annotations

import contextlib
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authingo.config import settings_from
from tests.command import Runner, Served
from tests.server import ADA, Answer, Browser, LiveServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "authingo.db"


@pytest.fixture
def start(file: Path) -> Iterator[Callable[[], LiveServer]]:
    running: list[LiveServer] = []

    def begin() -> LiveServer:
        settings = {
            "database_url": f"sqlite:///{file}",
            "passwords": {"bcrypt_cost": 4},
            "store": {"timeout": "1s"},
        }
        running.append(LiveServer(lambda url: settings_from({**settings, "public_url": url})))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def assert_unavailable(answer: Answer) -> None:
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert answer.all("retry-after") == ["2"]
    assert answer.all("set-cookie") == []
    assert "sqlite" not in answer.body.decode().lower()


def test_a_database_that_another_program_locks(file: Path, start: Callable[[], LiveServer]) -> None:
    """Reading goes on; writing waits its second, and is told off."""
    browser = start().browser()
    browser.sign_up()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert browser.get("/session").status == 200
        assert_unavailable(browser.post("/refresh"))
        assert_unavailable(browser.sign_in())
        assert_unavailable(browser.post("/sign-out"))
        other.execute("ROLLBACK")
    assert browser.get("/session").status == 200, "what was refused did not happen"
    assert browser.post("/refresh").status == 200


def test_a_disk_that_is_full(bare: Runner, file: Path) -> None:
    """The kernel refuses to let the server's files grow, as a full disk does."""
    server = Served(bare)
    kept = [server.browser.sign_up(email="kept@example.com").tokens]
    full = file.with_name("authingo.db-wal").stat().st_size + 40_000
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (full, unlimited))
    refused = None
    for number in range(200):
        answer = server.browser.post("/sign-up", {**ADA, "email": f"user{number}@example.com"})
        if answer.status != 200:
            refused = number
            break
        kept.append(answer.tokens)
    assert refused is not None, "the disk never was full"
    assert_unavailable(answer)
    assert all(is_alive(server, tokens) for tokens in kept), "who is signed in stays so"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    server.browser.sign_up(email=f"user{refused}@example.com")
    assert all(is_alive(server, tokens) for tokens in kept)
    server.end()
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert "Traceback" not in server.said


def is_alive(server: Served, tokens: dict[str, str]) -> bool:
    return server.browser.get("/session", cookies=tokens).status == 200


def test_a_directory_that_cannot_be_written_when_it_starts(
    file: Path, start: Callable[[], LiveServer]
) -> None:
    """A path that is a directory: refused for everybody, root included."""
    file.mkdir()
    browser = start().browser()
    assert_unavailable(browser.get("/health"))
    file.rmdir()
    browser.sign_up()


@pytest.mark.parametrize("when", ["while_running", "at_start"])
def test_a_file_that_is_no_database(file: Path, start: Callable[[], LiveServer], when: str) -> None:
    server = start()
    browser = server.browser()
    browser.sign_up()
    server.stop()
    good = file.read_bytes()
    if when == "while_running":
        browser.url = start().url
        assert browser.get("/session").status == 200
        file.write_bytes(b"not a database" * 1000)
    else:
        file.write_bytes(b"not a database" * 1000)
        browser.url = start().url
    fresh = Browser(browser.url)
    for answer in (fresh.sign_in(), browser.post("/refresh"), fresh.get("/health")):
        assert_unavailable(answer)
    file.write_bytes(good)
    assert browser.get("/session").status == 200, "mended, without a restart"
    assert browser.post("/refresh").status == 200


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE authingo_sessions DROP COLUMN ip",
        "ALTER TABLE authingo_sessions RENAME TO somebody_elses",
        "DROP TABLE authingo_sessions",
        "DROP TABLE authingo_users",
        "UPDATE authingo_migrations SET checksum = 'another'",
        "UPDATE authingo_migrations SET oldest_program = 99",
    ],
)
@pytest.mark.parametrize("when", ["while_running", "at_start"])
def test_a_schema_that_does_not_fit(
    file: Path, start: Callable[[], LiveServer], damage: str, when: str
) -> None:
    server = start()
    cookies = server.browser().sign_up().tokens
    if when == "at_start":
        server.stop()
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute(damage)
    browser = Browser(server.url if when == "while_running" else start().url, cookies)
    answers = [
        browser.post("/sign-up", {**ADA, "email": "eve@example.com"}),
        browser.sign_in(),
        browser.get("/session"),
        browser.post("/refresh"),
        browser.get("/sessions"),
        browser.request("DELETE", "/sessions"),
        browser.post("/sign-out"),
        browser.get("/health"),
    ]
    for answer in answers:
        assert answer.status in {200, 401, 503}, answer.body
        if answer.status == 503:
            assert_unavailable(answer)
    if when == "at_start" and "authingo_migrations" in damage:
        assert {answer.status for answer in answers} == {503}


def test_a_file_that_is_replaced_by_a_backup(file: Path, start: Callable[[], LiveServer]) -> None:
    """What is acknowledged afterwards is in the file that is there, not in a deleted one."""
    server = start()
    browser = server.browser()
    browser.sign_up()
    backup = file.with_name("backup.db")
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("VACUUM INTO ?", (str(backup),))
    gone = server.browser()
    gone.sign_up(email="after.the.backup@example.com")
    for name in ("authingo.db-wal", "authingo.db-shm"):
        file.with_name(name).unlink()
    shutil.move(backup, file)
    assert gone.get("/session").status == 401
    assert browser.get("/session").status == 200
    server.browser().sign_up(email="new@example.com")
    with contextlib.closing(sqlite3.connect(file)) as database:
        emails = {row[0] for row in database.execute("SELECT email FROM authingo_users")}
    assert emails == {ADA["email"], "new@example.com"}
