"""When hundreds sign in: as many hashes as threads, a short line that is fair, then a 503."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authingo import (
    Auth,
    Client,
    InvalidCredentials,
    TooManyRequests,
    hashing_queue,
    passwords,
)
from authingo.config import Settings
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


class Order:
    """Lets one hash after the other through, and keeps the order in which they began."""

    def __init__(self) -> None:
        self.passwords: list[str] = []
        self.began = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, password: str, *_args: Any) -> bool:
        self.passwords.append(password)
        self.began.release()
        assert self.go_on.acquire(timeout=30)
        return False


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> Iterator[Order]:
    order = Order()
    monkeypatch.setattr(passwords, "verify_password", order)
    yield order
    for _ in range(100):
        order.go_on.release()


class Queue:
    """One thread that is taken, and whoever is sent to wait for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, order: Order, *, places: int) -> None:
        monkeypatch.setattr(hashing_queue, "PLACES", places)
        self.order = order
        self.hasher = PasswordHasher(threads=1)
        self.tasks: dict[str, asyncio.Task[bool]] = {}

    async def take_the_thread(self) -> None:
        await self.send("first", None)
        await asyncio.to_thread(self.order.began.acquire)

    async def send(self, name: str, network: str | None) -> None:
        verifying = self.hasher.verify(name, None, network=network)
        self.tasks[name] = asyncio.create_task(verifying)
        await asyncio.sleep(0)  # one turn of the loop, and it is in the line

    async def refused(self) -> list[str]:
        await asyncio.sleep(0)
        done = [name for name, task in self.tasks.items() if task.done()]
        assert all(type(self.tasks[name].exception()) is Busy for name in done)
        return done

    async def served(self) -> list[str]:
        for _ in self.tasks:
            self.order.go_on.release()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        return self.order.passwords[1:]


@pytest.mark.anyio
async def test_networks_are_served_in_turn(monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    queue = Queue(monkeypatch, order, places=40)
    await queue.take_the_thread()
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        await queue.send(name, name[0])
    assert await queue.refused() == []
    assert await queue.served() == ["a1", "b1", "c1", "a2", "b2", "a3"]


@pytest.mark.anyio
async def test_one_network_waits_in_at_most_a_quarter_of_the_places(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    queue = Queue(monkeypatch, order, places=8)
    await queue.take_the_thread()
    for name in ("a1", "a2", "a3", "b1"):
        await queue.send(name, name[0])
    assert await queue.refused() == ["a3"]
    with pytest.raises(Busy):
        queue.hasher.refuse_if_full("a")
    queue.hasher.refuse_if_full("b")
    queue.hasher.refuse_if_full("c")
    queue.hasher.refuse_if_full()
    assert await queue.served() == ["a1", "b1", "a2"]


@pytest.mark.anyio
async def test_the_quarter_is_for_no_program_and_no_address_of_everybody(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    """Each of these requests has a turn of its own."""
    queue = Queue(monkeypatch, order, places=8)
    await queue.take_the_thread()
    for name in ("a1", "a2", "x", "y", "z"):
        await queue.send(name, "a" if name[0] == "a" else None)
    assert await queue.refused() == []
    assert await queue.served() == ["a1", "x", "y", "z", "a2"]


@pytest.mark.anyio
async def test_a_newcomer_gets_the_last_place_of_the_network_that_has_the_most(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    queue = Queue(monkeypatch, order, places=8)
    await queue.take_the_thread()
    for name in ("a1", "b1", "c1", "c2", "d1", "d2", "x", "y"):
        await queue.send(name, name[0] if name < "x" else None)
    assert await queue.refused() == []
    await queue.send("e1", "e")
    assert await queue.refused() == ["c2"]
    await queue.send("z", None)
    assert await queue.refused() == ["c2", "d2"]
    # Everybody has one place: whoever came first keeps it.
    for network in ("a", "f", None):
        with pytest.raises(Busy):
            queue.hasher.refuse_if_full(network)
    assert await queue.served() == ["a1", "b1", "c1", "d1", "x", "y", "e1", "z"]


@pytest.mark.anyio
async def test_a_network_that_floods_keeps_no_newcomer_out(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    queue = Queue(monkeypatch, order, places=8)
    await queue.take_the_thread()
    for number in range(50):
        await queue.send(f"flood{number}", "flood")
    for number in range(6):
        await queue.send(f"honest{number}", f"home{number}")
    await queue.send("honest6", "home6")  # takes the second place of the flood
    assert await queue.refused() == [f"flood{number}" for number in range(1, 50)]
    assert await queue.served() == ["flood0", *(f"honest{number}" for number in range(7))]


@pytest.mark.anyio
async def test_a_place_given_to_somebody_who_goes_just_then_is_for_the_next_one(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    queue = Queue(monkeypatch, order, places=8)
    await queue.take_the_thread()
    for name in ("a1", "b1", "c1"):
        await queue.send(name, name[0])
    queue.tasks["a1"].cancel()  # its place is cancelled, but it has not left the line yet
    queue.hasher._line.free_thread()  # so the turn is b's
    queue.tasks["b1"].cancel()  # which has the thread, and goes as well
    await asyncio.wait([queue.tasks["a1"], queue.tasks["b1"]])
    assert queue.hasher._line.waiting == 0, "c has the thread"
    assert await queue.served() == ["c1"]


@pytest.mark.anyio
async def test_nobody_waits_for_longer_than_the_patience(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    queue = Queue(monkeypatch, order, places=8)
    await queue.take_the_thread()
    monkeypatch.setattr(hashing_queue, "PATIENCE", 0)
    await queue.send("a1", "a")
    await queue.send("x", None)
    with pytest.raises(Busy):
        await queue.tasks["a1"]
    with pytest.raises(Busy):
        await queue.tasks["x"]
    assert queue.hasher._line.waiting == 0
    assert await queue.served() == []


@pytest.mark.anyio
async def test_whoever_finds_the_line_full_is_refused(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing_queue, "PLACES", 2)
    hasher = PasswordHasher(threads=2)
    tasks = [asyncio.create_task(hasher.verify("x", None)) for _ in range(8)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(pending)) == (2, 6), "two are hashed, four wait, two are refused"
    assert {type(task.exception()) for task in done} == {Busy}
    gate.opened.set()
    assert await asyncio.gather(*pending) == [False] * 6
    assert gate.count == 6
    assert await hasher.verify("x", None) is False, "the threads are free again"


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


@pytest.mark.anyio
async def test_the_recognized_browsers_of_one_network_share_a_turn(
    make_settings: Callable[..., Settings], gate: Gate
) -> None:
    """Anybody can have as many as they like, with accounts of their own."""
    auth = Auth(make_settings())
    async with auth.lifespan():
        threads = auth._core.hasher._threads
        attackers = Client("203.0.113.1")
        browsers: list[tuple[str, str | None]] = []
        for number in range(threads + 1):
            email = f"user{number}@example.com"
            user = await auth.create_user(email=email, password="correct horse battery")
            browsers += [
                (email, (await auth.begin_session(user)).tokens.device)
                for _ in range(hashing_queue.PLACES)
            ]
        flood = [
            asyncio.create_task(
                auth.sign_in(email=email, password="wrong", device=device, client=attackers)
            )
            for email, device in browsers
        ]

        def are_settled() -> bool:
            refused = sum(task.done() for task in flood)
            return refused + auth._core.hasher._line.waiting + threads == len(flood)

        deadline = time.monotonic() + 30
        while not are_settled():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        honest = auth.sign_in(email="x@example.com", password="x", client=Client("203.0.113.2"))
        newcomer = asyncio.create_task(honest)
        waiting = auth._core.hasher._line.waiting
        while not newcomer.done() and auth._core.hasher._line.waiting == waiting:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        gate.opened.set()
        with pytest.raises(InvalidCredentials):
            await newcomer
        await asyncio.wait(flood)


@pytest.mark.anyio
async def test_a_change_of_password_that_was_checked_is_paid_for_when_the_line_is_full(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guess was right and is forgotten; the hash was made."""
    auth, client = Auth(make_settings()), Client("203.0.113.1")
    password = "correct horse battery"
    async with auth.lifespan():
        user = await auth.create_user(email="ada@example.com", password=password)
        begun = await auth.begin_session(user)

        async def full(*_args: Any, **_options: Any) -> str:
            raise Busy

        monkeypatch.setattr(auth._core.hasher, "hash", full)
        refused: list[type] = []
        for _ in range(31):
            with pytest.raises((Busy, TooManyRequests)) as info:
                await auth.change_password(
                    session_token=begun.tokens.session,
                    current_password=password,
                    new_password="another whole sentence",
                    client=client,
                )
            refused.append(info.type)
        assert refused == [Busy] * 30 + [TooManyRequests]


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
    threads = server.auth._core.hasher._threads
    flood = threads * (hashing_queue.PLACES + 1)
    sockets = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(flood)]
    for number, socket in enumerate(sockets):
        body = json.dumps({"email": f"user{number}@example.com", "password": "x"})
        headers = {**CLIENT, "Content-Type": "application/json"}
        socket.request("POST", "/api/auth/sign-in", body, headers)
    await_line(server, threads * hashing_queue.PLACES)
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
    while server.auth._core.hasher._line.waiting != length:
        assert time.monotonic() < deadline, server.auth._core.hasher._line.waiting
        time.sleep(0.01)
