"""The command line as processes that do not import everything again.

A command computes for a few milliseconds and imports for three hundred. So one process
imports `authingo.cli.main` and what most commands load later, makes the tree of commands, and
is forked for each command: a process with its own arguments, directory, environment, streams
and exit code. It runs nothing itself, so nothing of a command reaches the next.

What shows only in a new interpreter needs one: `Runner.start` and `Runner.shell` start one,
and any variable does that an interpreter or a library may read when it starts.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_LATER = [
    "annotated_types",
    "asyncpg",
    "authingo.auth",
    "authingo.mail.delivery",
    "authingo.mail.settings",
    "authingo.pages.settings",
    "authingo.stores.postgres",
    "authingo.stores.sqlite",
    "email.policy",
    "email_validator",
    "importlib.metadata",
    "pydantic.fields",
    "pydantic.type_adapter",  # typer's, for the options of a command
]


_NUMBER = struct.Struct("i")  # what a fork answers: its process id, then its exit code


class Forked:
    """A process that was forked, with what a test needs of `subprocess.Popen`."""

    def __init__(self, command: Sequence[str], control: socket.socket) -> None:
        self._command, self._control = command, control
        self.pid = self._read_number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end, and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        if self.returncode is None:
            if not select.select([self._control], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self._command, timeout)
            self.returncode = self._read_number()
            self._control.close()
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait(60)

    def _read_number(self) -> int:
        said = self._control.recv(_NUMBER.size, socket.MSG_WAITALL)
        if not said:
            raise EOFError
        number: int = _NUMBER.unpack(said)[0]
        return number


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
        pipes = [os.pipe() for _ in range(3)]
        (read_in, write_in), (read_out, write_out), (read_err, write_err) = pipes
        streams = [read_in, write_out, write_err]
        with ThreadPoolExecutor(3) as threads:
            process = self.start(command, streams, cwd=cwd, env=env)
            for number in streams:
                os.close(number)
            threads.submit(_write, write_in, input)
            out, err = threads.submit(_read, read_out), threads.submit(_read, read_err)
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(command, code, out.result(), err.result())

    def start(
        self, command: Sequence[str], streams: Sequence[int], *, cwd: Path, env: Mapping[str, str]
    ) -> Forked:
        """Start one command on the caller's streams: its stdin, stdout and stderr.

        Where stdin is a terminal, it becomes the terminal of the command's session.
        """
        umask = os.umask(0o077)
        os.umask(umask)
        request = {"command": command, "cwd": str(cwd), "env": dict(env), "umask": umask}
        control, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._requests, [b"."], [*streams, theirs.fileno()])
        control.sendall(json.dumps(request).encode() + b"\n")
        try:
            return Forked(command, control)
        except EOFError:
            said = self._process.communicate()[1].decode()
            raise AssertionError(f"there is nothing to fork: {said}") from None

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
    running: dict[int, socket.socket] = {}  # by process id: where to send the exit code

    def report_ended(*_: object) -> None:
        while running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with running.pop(pid) as control, contextlib.suppress(OSError):  # nobody waits for it
                control.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))

    signal.signal(signal.SIGCHLD, report_ended)
    while True:
        said, numbers, _, _ = socket.recv_fds(requests, 1, 4)
        if not said:
            os._exit(0)
        control, streams = socket.socket(fileno=numbers.pop()), numbers
        with control.makefile("r") as lines:
            request = json.loads(lines.readline())
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # until it is in `running`
        pid = os.fork()
        if pid == 0:
            for theirs in (requests, control, *running.values()):
                theirs.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            _become(request, streams)
            return
        running[pid] = control
        for number in streams:
            os.close(number)
        control.sendall(_NUMBER.pack(pid))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _become(request: Any, streams: Sequence[int]) -> None:
    """Make this process the command of a request."""
    for standard, number in enumerate(streams):
        os.dup2(number, standard)
        os.close(number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.isatty(0):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # a typed Ctrl-C is a SIGINT
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    sys.argv[:] = request["command"]


def _run(main: Callable[[], None]) -> None:
    """Run the command, and end without taking the interpreter apart.

    That costs as much as the command. What a test can see of it is done: threads end, what is
    registered for the end is called, and what was written arrives.
    """
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        threading._shutdown()  # type: ignore[attr-defined] # as multiprocessing does
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            raise end from None  # the interpreter reports that
        os._exit(end.code or 0)


if __name__ == "__main__":
    import gc
    import importlib

    sys.path.insert(0, str(Path(sys.executable).parent))  # as the script `authingo` has it
    from authingo.cli import main as cli

    for name in _LATER:
        importlib.import_module(name)
    # typer takes as long to make the tree of commands as most of them take to run.
    cli.get_command = functools.cache(cli.get_command)
    cli.get_command(cli.app)
    gc.freeze()
    _wait_for_requests(socket.socket(fileno=int(sys.argv[1])))
    _run(cli.main)
