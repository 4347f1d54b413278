"""Commands are run as processes, through their entry point, as a shell or cron would."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.forked import forks
from tests.server import Browser

_READ_LATE = {"COLUMNS", "HOME", "NO_COLOR", "PATH", "TERM"}
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

    def __init__(self, directory: Path, program: str = COMMAND, **variables: str) -> None:
        self.directory = directory
        self.program = program
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
            **variables,
        }

    def __call__(self, *arguments: str, stdin: str | bytes = b"", **variables: str) -> Ran:
        """Run to the end, without a terminal."""
        raw = stdin.encode("utf-8", "surrogatepass") if isinstance(stdin, str) else stdin
        command, env = [self.program, *arguments], {**self.env, **variables}
        how: dict[str, Any] = {"input": raw, "cwd": self.directory, "env": env, "timeout": 60}
        if self.program == COMMAND and may_fork(env):
            done = forks(env["PATH"]).run(command, **how)
        else:  # another program, or what an interpreter or a library reads when it starts
            done = subprocess.run(command, capture_output=True, check=False, **how)
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script, in which $authingo is the command, with its pipes and redirections."""
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            cwd=self.directory,
            env={**self.env, "authingo": COMMAND},
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start without waiting; the test ends it."""
        return subprocess.Popen(
            [self.program, *arguments],
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
        env = {**self.env, "TERM": "xterm-256color", "COLUMNS": str(columns)}
        assert may_fork(env)
        process = forks(env["PATH"]).start(
            [COMMAND, *arguments], [follower] * 3, cwd=self.directory, env=env
        )
        os.close(follower)
        shown, answered, pending = b"", 0, list(answers or [])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 0.1)[0]:
                try:
                    piece = os.read(leader, 65536)
                except OSError:  # the other side is closed
                    break
                shown += piece
                if pending and pending[0][0].encode() in shown[answered:]:
                    answered = len(shown)
                    os.write(leader, pending.pop(0)[1].encode())
            elif process.poll() is not None:
                break
        code = process.wait(60)
        os.close(leader)
        return Ran(code, shown.decode(), "")


def may_fork(env: Mapping[str, str]) -> bool:
    """Return whether all variables are read when a command runs, not when Python starts."""
    return all(name in _READ_LATE or name.startswith("AUTHINGO_") for name in env)


def _heed_ctrl_c() -> None:
    """A shell's background job, and what it starts, ignores SIGINT; a terminal's does not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Served:
    """A running `authingo serve`; what it says is read as it comes."""

    def __init__(self, runner: Runner, *options: str, port: int = 0, **variables: str) -> None:
        self.process = runner.start("serve", "--port", str(port), *options, **variables)
        self.said = self.out = ""
        self._listens = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        # What it says, since at a given port another server might answer.
        assert self._listens.wait(30), self.said
        announced = re.search(r"^Listening on \S+, port (\d+)", self.said, re.MULTILINE)
        assert announced is not None, self.said
        self.port = int(announced[1])
        self.wait_until_up()

    @property
    def browser(self) -> Browser:
        return Browser(f"http://127.0.0.1:{self.port}")

    def wait_until_up(self, *, up: bool = True) -> None:
        deadline = time.monotonic() + 30
        while self._answers() is not up:
            assert not up or self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> float:
        """End it; return how long that took, in seconds."""
        began = time.monotonic()
        self.process.send_signal(with_signal)
        self.process.wait(60)
        took = time.monotonic() - began
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            if not stream.closed:
                self.out += stream.read()
                stream.close()
        return took

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/api/auth/health")
            return connection.getresponse().status in {200, 503}
        except OSError:
            return False
        finally:
            connection.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(ValueError):  # closed under it
            for line in self.process.stderr:
                self.said += line
                if line.startswith("Listening on"):
                    self._listens.set()
        self._listens.set()  # or it never will
