"""A program somebody wrote with authingo, run by uvicorn as they would run it."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_START_TIMEOUT = 60  # seconds


@contextlib.contextmanager
def run_program(
    directory: Path, env: dict[str, str], command: str = "uvicorn main:app"
) -> Iterator[int]:
    """Run `uvicorn main:app` in a directory, on a free loopback port; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split(), "--port", str(port)],
        cwd=directory,
        env=env,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_listening(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
        except OSError:
            assert process.poll() is None, "the program ended"
            assert time.monotonic() < deadline, "the program does not listen"
            time.sleep(0.02)
        else:
            connection.close()
            return
