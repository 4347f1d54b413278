"""A server on one core, the load on another, and what wrk counted."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

CONNECTIONS = 64
_START_TIMEOUT = 60  # seconds
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Counted:
    """One run: requests a second, and the 99th percentile of their latency in ms."""

    rate: float
    p99: float


def wrk() -> str:
    """Find the load generator."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("the bench needs wrk: apt-get install wrk, or brew install wrk")
    return found


@contextlib.contextmanager
def served(application: str, environment: dict[str, str]) -> Iterator[int]:
    """Serve an application of `bench.applications` on the first core; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", f"bench.applications:{application}"]
    options = ["--port", str(port), "--http", "httptools", "--no-access-log", "--no-proxy-headers"]
    process = subprocess.Popen(
        [*command, *options, "--log-level", "error"],
        env={**os.environ, **environment},
        preexec_fn=lambda: _stay_on(first=True),  # noqa: PLW1509 - started before any thread
    )
    try:
        _await(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def load(port: int, path: str, token: str, seconds: int) -> Counted:
    """Send requests with a session cookie from the other cores; every answer must be a 2xx."""
    headers = {"Cookie": f"authingo_session={token}", "X-Authingo-Client": "true"}
    command = [wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: _stay_on(first=False),
    )
    if "Non-2xx" in done.stdout:
        sys.exit(f"{path} was not answered with 2xx:\n{done.stdout}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    assert rate is not None
    assert p99 is not None
    return Counted(float(rate[1]), float(p99[1]) * _UNITS[p99[2]])


def _stay_on(*, first: bool) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, cores[:1] if first else cores[1:])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the server did not start")
            time.sleep(0.05)
        else:
            connection.close()
            return
