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
_kept: list[socket.socket] = []  # until this process ends


@contextlib.contextmanager
def run_program(
    directory: Path,
    env: dict[str, str],
    command: str = "uvicorn main:app",
    port: int | None = None,
) -> Iterator[int]:
    """Run `uvicorn main:app` in a directory, on a free loopback port; yield the port."""
    port = port or free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split(), "--port", str(port)],
        cwd=directory,
        env=env,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_listening(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    """Find a loopback port that nobody listens on, and keep it from whoever asks for any.

    Who asks for this one can have it all the same, because nothing listens (SO_REUSEADDR).
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    _kept.append(kept)
    port: int = kept.getsockname()[1]
    return port


def await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
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
