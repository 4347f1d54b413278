"""When hundreds sign in: so many hashes as there are threads, a short line, then a 503."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authingo import passwords
from authingo.errors import Busy
from authingo.passwords import PasswordHasher
from tests.server import CLIENT, LiveServer


class Gate:
    """Holds every hash until it is opened, and counts."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.begun = threading.Semaphore(0)
        self.count = 0

    def __call__(self, *_args: Any) -> bool:
        self.count += 1
        self.begun.release()
        assert self.opened.wait(30)
        return False


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(passwords, "verify_password", gate)
    yield gate
    gate.opened.set()


@pytest.mark.anyio
async def test_who_finds_the_line_full_or_waits_too_long_is_told(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_LINE", 2)
    monkeypatch.setattr(passwords, "_PATIENCE", 0.2)
    hasher = PasswordHasher(threads=2)
    tasks = [asyncio.create_task(hasher.verify("x", None)) for _ in range(8)]
    done, pending = await asyncio.wait(tasks, timeout=0.1)
    assert (len(done), len(pending)) == (2, 6), "two are hashed, four wait, two are refused"
    assert {type(task.exception()) for task in done} == {Busy}
    done, pending = await asyncio.wait(pending, timeout=0.5)
    assert (len(done), len(pending)) == (4, 2), "nobody waits for long"
    assert {type(task.exception()) for task in done} == {Busy}
    gate.opened.set()
    assert await asyncio.gather(*pending) == [False, False]
    assert gate.count == 2
    assert await hasher.verify("x", None) is False, "the places are free again"


@pytest.mark.anyio
async def test_who_has_gone_leaves_the_line_and_a_thread_stays_taken_until_it_is_done(
    gate: Gate,
) -> None:
    hasher = PasswordHasher(threads=1)
    running = asyncio.create_task(hasher.verify("x", None))
    waiting = [asyncio.create_task(hasher.verify("x", None)) for _ in range(5)]
    await asyncio.to_thread(gate.begun.acquire)
    for task in (running, *waiting[:4]):
        task.cancel()
    await asyncio.wait([running, *waiting[:4]])
    assert gate.count == 1, "the thread of the one that has gone is not given away"
    gate.opened.set()
    assert await waiting[4] is False
    assert gate.count == 2, "those who have gone were not hashed"


def test_the_workers_divide_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    for workers, threads in (("", 8), ("1", 8), ("3", 2), ("8", 1), ("99", 1), ("x", 8), ("0", 8)):
        monkeypatch.setenv("WEB_CONCURRENCY", workers)
        assert passwords._cores_of_this_process() == threads


def test_a_flood_of_sign_ins_is_refused_and_session_checks_go_on(
    serve: Callable[..., LiveServer], gate: Gate
) -> None:
    """What is refused was no guess: it is not counted."""
    server = serve(limits={"enabled": True})
    browser = server.browser()
    browser.sign_up()
    threads = server.auth._hasher._threads
    flood = threads * (passwords._LINE + 1)
    sockets = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(flood)]
    for number, socket in enumerate(sockets):
        body = json.dumps({"email": f"user{number}@example.com", "password": "x"})
        headers = {**CLIENT, "Content-Type": "application/json"}
        socket.request("POST", "/api/auth/sign-in", body, headers)
    await_line(server, threads * passwords._LINE)
    for _ in range(3):
        assert browser.get("/session").status == 200
    busy = [browser.sign_in(password="wrong") for _ in range(7)]
    refused = [answer for answer in busy if answer.code == "busy"]
    assert len(refused) == 7, "seven guesses refused, of which five would have been counted"
    assert {answer.all("retry-after")[0] for answer in refused} == {"2"}
    # Whoever waits hangs up, and the next one is heard.
    for socket in sockets:
        socket.close()
    await_line(server, 0)
    gate.opened.set()
    assert browser.sign_in(password="wrong").code == "invalid_credentials"
    assert gate.count == threads + 1, "the line was left, not worked off"


def await_line(server: LiveServer, length: int) -> None:
    """Wait until so many stand in the line."""
    deadline = time.monotonic() + 30
    while server.auth._hasher._waiting != length:
        assert time.monotonic() < deadline, server.auth._hasher._waiting
        time.sleep(0.01)
