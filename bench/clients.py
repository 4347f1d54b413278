"""Clients that each send one request after the other, in a process of their own.

A job is JSON on stdin, what came of it JSON on stdout: see `Clients`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import httptools

from bench.cores import Cores, placed

_BUSY = {429, 503}


@dataclass(frozen=True)
class Served:
    """What the clients saw. Latencies in ms, of the answers that were a success."""

    answers: dict[str, int]  # by status
    rate: float  # successes a second
    p50: float
    p99: float


class Clients:
    """Clients at work from the start until `finish`."""

    def __init__(self, job: dict[str, Any], cores: Cores) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.clients"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=placed(cores),  # noqa: PLW1509 - no thread holds a lock that it needs
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job))
        self._process.stdin.close()

    def finish(self, *, also: frozenset[str] = frozenset(), now: bool = False) -> Served:
        """Wait for the end. Every answer must have been a success, or have said that it is busy.

        `also`: what else may have come, because it tells something of a peer. `now`:
        nothing new is begun.
        """
        assert self._process.stdout is not None
        if now:
            self._process.send_signal(signal.SIGINT)
        try:
            said = self._process.stdout.read()
            code = self._process.wait()
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        if code != 0:
            sys.exit("the clients failed")
        served = Served(**json.loads(said))
        if strange := set(served.answers) - {"200", "204", *also, *map(str, _BUSY)}:
            sys.exit(f"answers that were not to be measured: {strange} of {served.answers}")
        return served


def sign_ins(
    port: int,
    requests: list[str],
    *,
    clients: int,
    seconds: float,
    pause: float = 0,
    patient: bool = True,
) -> dict[str, Any]:
    """Make the job of clients who take turns with the requests.

    `pause`: seconds that each rests after an answer. `patient`: who is asked to wait does so,
    and then repeats the request.
    """
    return {
        "kind": "sign-ins",
        "port": port,
        "requests": requests,
        "clients": clients,
        "seconds": seconds,
        "pause": pause,
        "patient": patient,
    }


def refreshes(
    port: int, path: str, cookies: list[str], *, clients: int, seconds: float
) -> dict[str, Any]:
    """Make the job of clients who renew the sessions of these cookies, one after the other."""
    return {
        "kind": "refreshes",
        "port": port,
        "path": path,
        "cookies": cookies,
        "clients": clients,
        "seconds": seconds,
    }


@dataclass
class _Answer:
    status: int = 0
    retry_after: float = 1.0  # seconds
    cookies: list[str] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One request at a time on a connection that stays open."""

    def __init__(self) -> None:
        self.open = True
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[_Answer] | None = None

    async def send(self, request: bytes) -> _Answer:
        assert self._transport is not None
        self._answer = _Answer()
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionError("closed before the answer"))

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"retry-after":
                self._answer.retry_after = float(value)
            case b"set-cookie":
                self._answer.cookies.append(value.decode().partition(";")[0])

    def on_message_complete(self) -> None:
        assert self._answered is not None
        self._answer.status = self._parser.get_status_code()
        self._answered.set_result(self._answer)


class _Work:
    """What all clients of a job share."""

    def __init__(self, port: int, seconds: float) -> None:
        self._port = port
        self.began = time.perf_counter()
        self.ends = self.began + seconds
        self._last = self.began
        self._answers: Counter[str] = Counter()
        self._latencies: list[float] = []

    def stop(self) -> None:
        self.ends = time.perf_counter()

    @property
    def over(self) -> bool:
        return time.perf_counter() >= self.ends

    async def connection(self, kept: _Connection | None) -> _Connection:
        if kept is not None and kept.open:
            return kept
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        return made

    async def send(self, connection: _Connection, request: bytes) -> _Answer:
        began = time.perf_counter()
        answer = await connection.send(request)
        self._answers[str(answer.status)] += 1
        if answer.status < 300:
            self._last = time.perf_counter()
            self._latencies.append((self._last - began) * 1000)
        return answer

    def result(self) -> dict[str, Any]:
        """The rate counts until the last success: what had begun at the end was waited for."""
        # Of what is over in a moment there may be one answer, or none.
        known = self._latencies if len(self._latencies) > 1 else 2 * (self._latencies or [0.0])
        hundredths = statistics.quantiles(known, n=100)
        return {
            "answers": self._answers,
            "rate": len(self._latencies) / (self._last - self.began) if self._latencies else 0.0,
            "p50": hundredths[49],
            "p99": hundredths[98],
        }


async def _sign_ins(job: dict[str, Any]) -> dict[str, Any]:
    work = _Work(job["port"], job["seconds"])
    requests = [request.encode() for request in job["requests"]]

    async def client(number: int) -> None:
        connection = None
        while not work.over:
            connection = await work.connection(connection)
            answer = await work.send(connection, requests[number % len(requests)])
            if answer.status in _BUSY and job["patient"]:
                if time.perf_counter() + answer.retry_after < work.ends:
                    await asyncio.sleep(answer.retry_after)
                else:
                    return
            else:
                number += job["clients"]
                await asyncio.sleep(job["pause"])

    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, work.stop)
    await asyncio.gather(*(client(number) for number in range(job["clients"])))
    return work.result()


async def _refreshes(job: dict[str, Any]) -> dict[str, Any]:
    work = _Work(job["port"], job["seconds"])
    head = f"POST {job['path']} HTTP/1.1\r\nHost: 127.0.0.1:{job['port']}\r\n"
    head += "X-Authingo-Client: true\r\nContent-Length: 0\r\nCookie: "

    waiting = deque(job["cookies"])  # that for the longest time was not renewed comes first

    async def client() -> None:
        connection = await work.connection(None)
        while not work.over:
            cookie = waiting.popleft()
            name = cookie.partition("=")[0]
            answer = await work.send(connection, f"{head}{cookie}\r\n\r\n".encode())
            rotated = next(new for new in answer.cookies if new.startswith(f"{name}="))
            assert rotated != cookie, "the same answer as before is no refresh"
            waiting.append(rotated)

    await asyncio.gather(*(client() for _ in range(job["clients"])))
    return work.result()


if __name__ == "__main__":
    task = json.load(sys.stdin)
    run = {"sign-ins": _sign_ins, "refreshes": _refreshes}[task["kind"]]
    json.dump(asyncio.run(run(task)), sys.stdout)
