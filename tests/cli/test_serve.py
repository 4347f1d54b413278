"""`authingo serve` as a process: the first start, the end, and what it refuses."""

from __future__ import annotations

import contextlib
import importlib
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest

from tests.command import Runner, Served


@pytest.fixture
def served(bare: Runner) -> Iterator[Served]:
    """The first start in an empty directory."""
    server = Served(bare)
    yield server
    server.end()


def test_the_first_start_makes_and_migrates_a_database(served: Served, bare: Runner) -> None:
    assert f"http://127.0.0.1:{served.port}/api/auth" in served.said
    assert (bare.directory / "authingo.db").stat().st_mode & 0o777 == 0o600
    assert served.browser.sign_up().status == 200
    served.end()
    assert served.out == "", "what a server says goes to stderr"
    assert '"POST /api/auth/sign-up HTTP/1.1" 200' in served.said
    assert '"event": "sign_up"' in served.said


def test_the_command_it_shows_works_as_shown(served: Served, bare: Runner) -> None:
    """Copied from the terminal into a shell, it signs somebody up and sets the cookies."""
    shown = re.search(r"    (curl .*?)\n\n", served.said, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        ["bash", "-c", shown[1]], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("HTTP/1.1 200 OK")
    assert done.stdout.count("set-cookie: authingo_") == 3


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_its_grace_with_requests_stalled(
    served: Served, with_signal: signal.Signals
) -> None:
    stalled = []
    for head in (
        b"POST /api/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nX-Authingo-Client: true\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        b"POST /api/auth/sign-in HTTP/1.1\r\nHost: localhost\r\n",
        b"",
    ):
        connection = socket.create_connection(("127.0.0.1", served.port))
        connection.sendall(head)
        stalled.append(connection)
    assert served.browser.get("/health").status == 200, "the stalled ones have arrived before"
    took = served.end(with_signal)
    for connection in stalled:
        connection.close()
    assert took < 9, f"it has 5 seconds of grace, and took {took:.1f}"
    assert served.process.returncode in {0, -with_signal, 128 + with_signal}


def test_nothing_secret_is_logged(served: Served) -> None:
    browser = served.browser
    greeting = served.said
    tokens = browser.sign_up().tokens
    browser.post("/refresh")
    browser.post("/refresh", cookies=tokens)
    browser.sign_in(password="a wrong password")
    browser.get("/session?token=in-the-query")
    served.end()
    assert '"event": "sign_in_failed"' in served.said
    for secret in (
        *tokens.values(),
        *browser.cookies.values(),
        "a wrong password",
        "ada@example",
        "in-the",
    ):
        assert secret not in served.said.removeprefix(greeting)


def test_workers_share_the_sessions(authingo: Runner) -> None:
    server = Served(authingo, "--workers", "2")
    try:
        server.browser.sign_up()
        browser = server.browser
        browser.sign_in()
        for _ in range(20):
            assert browser.get("/session").status == 200
        tokens = dict(browser.cookies)
        answers = [browser.post("/refresh", cookies=tokens) for _ in range(10)]
        assert len({answer.tokens["authingo_refresh"] for answer in answers}) == 1
    finally:
        server.end()


def test_reload_starts_again_when_the_configuration_changes(bare: Runner, unused_port: int) -> None:
    file = bare.directory / "authingo.toml"
    file.write_text("sign_up = true")
    server = Served(bare, "--reload", port=unused_port)
    try:
        assert server.browser.sign_up().status == 200
        file.write_text("sign_up = false")
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                answer = server.browser.post(
                    "/sign-up", {"email": "b@b.com", "password": "correct horse", "name": "b"}
                )
                if answer.status == 403:
                    break
            assert time.monotonic() < deadline, server.said
            time.sleep(0.05)
        file.write_text("sign_up = maybe")
        server.wait_until_up(up=False)
        file.write_text("sign_up = true")
        server.wait_until_up()
    finally:
        server.end()
    assert "the configuration changed" in server.said
    server.wait_until_up(up=False)


def test_beyond_loopback_it_demands_a_public_url(bare: Runner) -> None:
    ran = bare("serve", "--host", "0.0.0.0", "--port", "0")
    assert ran.code == 1
    assert "public_url is not set" in ran.err
    assert list(bare.directory.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "kept", "variables"),
    [
        ("serve --port {}", "authingo serve", {}),
        ("serve --workers 2 --port={}", "authingo serve --workers 2", {}),
        ("--config own.toml serve --port {} --reload", "authingo --config own.toml serve", {}),
        (
            "serve --port {}",
            "AUTHINGO_PUBLIC_URL=http://localhost:{} authingo serve",
            {"AUTHINGO_PUBLIC_URL": "http://localhost:{}"},
        ),
    ],
)
def test_a_port_that_is_taken_names_the_command_with_a_free_one(
    bare: Runner, typed: str, kept: str, variables: dict[str, str]
) -> None:
    (bare.directory / "own.toml").touch(0o600)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = {name: value.format(port) for name, value in variables.items()}
        ran = bare(*typed.format(port).split(), **given)
    assert ran.code == 1
    error, hint = ran.err.splitlines()
    assert error.startswith(f"error: cannot listen on 127.0.0.1, port {port}: ")
    assert "address already in use" in error.lower()
    free = int(hint.rpartition(" ")[2])
    options = " --reload" if "--reload" in typed else ""
    assert hint == f"hint: type {kept.format(free)}{options} --port {free}"
    assert free != port
    with socket.create_server(("127.0.0.1", free)):
        pass


def test_an_address_of_another_machine_is_one_clear_line(bare: Runner) -> None:
    ran = bare("serve", "--host", "192.0.2.1", "--port", "0")
    assert (ran.code, "hint: --host takes an address of this machine" in ran.err) == (1, True)


def test_a_port_is_never_shared_however_close_two_starts_are(
    bare: Runner, unused_port: int
) -> None:
    both = [bare.start("serve", "--port", str(unused_port)) for _ in range(2)]
    waiting = ThreadPoolExecutor(2)
    try:
        ends = {waiting.submit(process.wait): process for process in both}
        ended, _ = wait(ends, timeout=30, return_when=FIRST_COMPLETED)
        assert ended, "both serve it"
        [loser] = (ends[end] for end in ended)
        [winner] = (process for process in both if process is not loser)
        said = loser.communicate()[1]
        assert loser.returncode == 1
        assert "address already in use" in said.lower()
        assert "Listening" not in said, "it announced what it did not have"
        assert winner.stderr is not None
        assert any(line.startswith("Listening") for line in winner.stderr)
    finally:
        for process in both:
            process.terminate()
            process.communicate(timeout=60)
        waiting.shutdown()


def test_a_server_comes_up_with_its_database(bare: Runner) -> None:
    url = "postgresql://user:hunter2@127.0.0.1:1/db"
    server = Served(bare, AUTHINGO_DATABASE_URL=url)
    try:
        answer = server.browser.get("/health")
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert answer.all("retry-after") == ["2"]
        assert server.browser.sign_in().code == "store_unavailable"
    finally:
        server.end()
    assert "answering 503 for now: PostgreSQL cannot be reached" in server.said
    assert "hunter2" not in server.said


def test_a_schema_that_is_behind_is_a_503_that_says_what_to_do(
    bare: Runner, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres").create_database()
    server = Served(bare, AUTHINGO_DATABASE_URL=url)
    try:
        answer = server.browser.sign_in()
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert "run `authingo migrate`" in answer.json["message"]
        assert bare("migrate", AUTHINGO_DATABASE_URL=url).code == 0
        assert server.browser.sign_up().status == 200, "without being started again"
    finally:
        server.end()
    said = "answering 503 for now: the database has no authingo tables yet"
    assert server.said.count(f"{said} (run `authingo migrate`)") == 1


def test_small_answers_are_not_held_back() -> None:
    """asyncio turns Nagle's algorithm off for sockets that name TCP alone."""
    listening = importlib.import_module("authingo.cli.listening")
    with listening.listen("127.0.0.1", 0, None) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_a_host_that_cannot_be_is_refused(bare: Runner, host: str) -> None:
    ran = bare("serve", "--port", "0", "--host", host, AUTHINGO_PUBLIC_URL="https://example.com")
    assert (ran.code, "Traceback" in ran.err) == (1, False)
    assert "cannot listen on" in ran.err
