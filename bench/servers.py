"""Programs that listen: started on a port of their own, ended by their id."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench import cpu
from bench.cores import Cores, placed

_ROOT = Path(__file__).parent.parent
_START_TIMEOUT = 300  # seconds, because under valgrind it takes one minute of them
_STOP_TIMEOUT = 10  # seconds


@dataclass(frozen=True)
class Program:
    """A server that can be started; `{port}`, in command and environment, is where it listens."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = _ROOT


@dataclass(frozen=True)
class Server:
    """One that runs."""

    port: int
    pid: int

    @property
    def cpu_seconds(self) -> float:
        """What it has computed so far, workers that it started left out. Linux only, else 0."""
        return cpu.of_process(self.pid)


def uvicorn(
    application: str,
    environment: Mapping[str, str],
    *,
    python: str = sys.executable,
    directory: Path = _ROOT,
) -> Program:
    """Serve an ASGI application as in production, without a log of requests."""
    options = ["--http", "httptools", "--no-access-log", "--no-proxy-headers"]
    options += ["--interface", "asgi3"]
    return Program(
        (
            python,
            "-m",
            "uvicorn",
            application,
            "--port",
            "{port}",
            "--log-level",
            "error",
            *options,
        ),
        environment,
        directory,
    )


@contextlib.contextmanager
def served(program: Program, cores: Cores) -> Iterator[Server]:
    """Run it on these cores until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]

    def filled(text: str) -> str:
        return text.replace("{port}", str(port))

    process = subprocess.Popen(
        [filled(part) for part in program.command],
        cwd=program.directory,
        env={**os.environ, **{key: filled(text) for key, text in program.environment.items()}},
        stdin=subprocess.DEVNULL,
        preexec_fn=placed(cores),  # noqa: PLW1509 - no thread holds a lock that it needs
    )
    try:
        _await(port, process)
        yield Server(port, process.pid)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to go, and see that it does."""
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def verify(port: int, path: str, cookie: str, *, contains: str) -> None:
    """Refuse to measure what does not answer 200 with this in its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Cookie": cookie, "X-Authingo-Client": "true"})
        answer = connection.getresponse()
        body = answer.read().decode()
    finally:
        connection.close()
    if answer.status != 200 or contains not in body:
        sys.exit(f"{path} was to answer 200 with {contains}, but: {answer.status} {body[:300]}")


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server did not start: {process.args!r}")
            time.sleep(0.05)
        else:
            return
