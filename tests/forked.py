"""The command line as processes that do not import everything again.

A command computes for a few milliseconds and imports for three hundred. So one process
imports `authingo.cli.main` and what most commands load later, and is forked for each
command: a process with its own arguments, directory, environment, pipes and exit code, which
ends as the interpreter ends. It runs nothing itself, so nothing of a command reaches the next.

What shows only in a new interpreter needs one: `Runner.start`, `Runner.shell`
and `Runner.on_terminal` start one, and any variable that is not of authingo does.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

_LATER = [
    "authingo.auth",
    "authingo.stores.postgres",
    "authingo.stores.sqlite",
    "email_validator",
    "importlib.metadata",
    "pydantic.type_adapter",  # typer's, for the options of a command
]


class Forks:
    """The process that is forked, as the tests see it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                stdin=subprocess.PIPE,  # of the kind that each command gets instead
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._end)

    def run(
        self,
        command: Sequence[str],
        *,
        input: bytes,  # noqa: A002 - as subprocess.run has it
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command, as `subprocess.run` does.

        Raises:
            subprocess.TimeoutExpired: it ran for more than `timeout` seconds, and was killed.
        """
        umask = os.umask(0o077)
        os.umask(umask)
        request = {"command": command, "cwd": str(cwd), "env": dict(env), "umask": umask}
        pipes = [os.pipe() for _ in range(3)]
        (read_in, write_in), (read_out, write_out), (read_err, write_err) = pipes
        control, theirs = socket.socketpair()
        with control, theirs, ThreadPoolExecutor(3) as threads:
            sent = [read_in, write_out, write_err, theirs.fileno()]
            socket.send_fds(self._requests, [b"."], sent)
            theirs.close()
            for number in sent[:3]:
                os.close(number)
            control.sendall(json.dumps(request).encode() + b"\n")
            threads.submit(_write, write_in, input)
            out, err = threads.submit(_read, read_out), threads.submit(_read, read_err)
            with control.makefile("r") as answers:
                said = answers.readline()
                assert said, f"there is nothing to fork: {self._process.communicate()[1].decode()}"
                pid = int(said)
                control.settimeout(timeout)
                try:
                    code = int(answers.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(command, timeout) from None
            return subprocess.CompletedProcess(command, code, out.result(), err.result())

    def _end(self) -> None:
        self._requests.close()
        self._process.communicate()


@functools.cache
def forks(path: str) -> Forks:
    """Return the process to fork, started at the first call with this PATH."""
    return Forks({"PATH": path})


def _write(number: int, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(number, "wb") as pipe:
        pipe.write(content)


def _read(number: int) -> bytes:
    with os.fdopen(number, "rb") as pipe:
        return pipe.read()


def _wait_for_requests(requests: socket.socket) -> None:
    """Fork for each request; return in the process that shall be the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that supervise
    while True:
        said, numbers, _, _ = socket.recv_fds(requests, 1, 4)
        if not said:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with socket.socket(fileno=numbers.pop()) as control:
                if _become_command_or_supervise(control, numbers):
                    return
        for number in numbers:
            os.close(number)


def _become_command_or_supervise(control: socket.socket, streams: list[int]) -> bool:
    with control.makefile("r") as lines:
        request = json.loads(lines.readline())
    pid = os.fork()
    if pid != 0:
        _supervise(control, pid, streams)
    for standard, number in enumerate(streams):
        os.dup2(number, standard)
        os.close(number)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    sys.argv[:] = request["command"]
    return True


def _supervise(control: socket.socket, pid: int, streams: list[int]) -> NoReturn:
    for number in streams:
        os.close(number)
    control.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    control.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    import gc
    import importlib

    sys.path.insert(0, str(Path(sys.executable).parent))  # as the script `authingo` has it
    from authingo.cli.main import main

    for name in _LATER:
        importlib.import_module(name)
    gc.freeze()
    _wait_for_requests(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(main())
