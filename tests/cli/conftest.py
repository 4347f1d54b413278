"""Commands are run as processes, through their entry point, as a shell or cron would."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = str(Path(sys.executable).with_name("authingo"))


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Runner:
    """Runs `authingo` in a directory with a clean environment."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.directory = directory
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
            **variables,
        }

    def __call__(self, *arguments: str, stdin: str | bytes = b"", **variables: str) -> Ran:
        """Run to the end, without a terminal."""
        raw = stdin.encode("utf-8", "surrogatepass") if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [COMMAND, *arguments],
            input=raw,
            capture_output=True,
            cwd=self.directory,
            env={**self.env, **variables},
            timeout=60,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start without waiting; the test ends it."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env={**self.env, **variables},
            preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - no thread of the test holds a lock it needs
        )

    def on_terminal(
        self, *arguments: str, answers: list[tuple[str, str]] | None = None, columns: int = 80
    ) -> Ran:
        """Run on a pseudo-terminal; each answer is typed when its question has appeared."""
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=self.directory,
            env={**self.env, "TERM": "xterm-256color", "COLUMNS": str(columns)},
            start_new_session=True,
        )
        os.close(follower)
        shown, pending = b"", list(answers or [])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 0.1)[0]:
                try:
                    piece = os.read(leader, 65536)
                except OSError:  # the other side is closed
                    break
                shown += piece
                if pending and pending[0][0].encode() in shown:
                    os.write(leader, pending.pop(0)[1].encode())
            elif process.poll() is not None:
                break
        process.wait(60)
        os.close(leader)
        return Ran(process.returncode, shown.decode(), "")


def _heed_ctrl_c() -> None:
    """A shell's background job, and what it starts, ignores SIGINT; a terminal's does not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def bare(tmp_path: Path) -> Runner:
    """A runner in an empty directory, without any configuration."""
    return Runner(tmp_path)


@pytest.fixture
def authingo(tmp_path: Path, database_url: str) -> Runner:
    """A runner on a migrated, empty database, once of each kind."""
    runner = Runner(tmp_path, AUTHINGO_DATABASE_URL=database_url)
    assert runner("migrate").code == 0
    return runner


@pytest.fixture
def make_user(authingo: Runner) -> Callable[..., dict[str, Any]]:
    """Create a user with a password that is always the same."""

    def make(email: str = "ada@example.com", *options: str) -> dict[str, Any]:
        command = ("users", "create", email, "--password-stdin", "--json", *options)
        ran = authingo(*command, stdin="correct horse battery\n")
        assert ran.code == 0, ran.err
        user: dict[str, Any] = ran.json
        return user

    return make
