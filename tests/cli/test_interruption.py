"""Ctrl-C, whatever the event loop of a command is doing."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from authingo import Auth
from cli.running import with_auth
from tests.command import Runner
from tests.waiting import until

_PAGE = 4096  # bytes: the smallest pipe there is, for its writer to wait soon


@contextmanager
def heeded() -> Iterator[None]:
    """Heed Ctrl-C, which a shell has whatever runs in its background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_the_middle_of_a_callback_it_waits_for_the_end_of_it(tmp_path: Path) -> None:
    """A future that was cancelled between the look at it and its result was a traceback."""
    config = tmp_path / "authingo.toml"
    config.write_text(f'database_url = "sqlite:///{tmp_path}/authingo.db"\n')
    failures: list[dict[str, Any]] = []

    async def work(_: Auth) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, failure: failures.append(failure))
        answer = loop.create_future()

        def answered() -> None:
            if not answer.done():
                signal.raise_signal(signal.SIGINT)
                answer.set_result(None)

        loop.call_soon(answered)
        await answer
        pytest.fail("Ctrl-C was not heard")

    with heeded(), pytest.raises(KeyboardInterrupt):
        with_auth(str(config), work, create=True)
    assert failures == []


def test_pressed_again_it_ends_what_holds_the_event_loop_up(authingo: Runner) -> None:
    """Nobody reads what is printed: the command waits in the middle of a callback."""
    lines = [json.dumps({"email": f"user{number}@example.com"}) for number in range(2000)]
    assert authingo("users", "import", "-", stdin="\n".join(lines)).code == 0
    process = authingo.start("users", "export", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    deadline = time.monotonic() + 60
    try:
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PAGE)
        pipe = process.stdout.fileno()
        until(lambda: _filled(pipe) > _PAGE - 256, "it never filled")  # no two more lines fit
        process.send_signal(signal.SIGINT)
        while True:
            assert time.monotonic() < deadline
            process.send_signal(signal.SIGINT)  # it may have come together with the one before
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
                break
        _, said = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 130
    assert said == ""


def _filled(pipe: int) -> int:
    [filled] = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(filled)
