"""A command that was forked is a process of its own, as one that was started."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.command import COMMAND, Runner
from tests.forked import forks

LINES = [
    ["--version"],
    ["users", "list"],
    ["users", "list", "--limit", "many"],
    ["users", "show", "ada@example.com"],
    ["users", "create", "ada@example.com", "--name", "\udcff", "--generate-password", "--json"],
    ["users", "import", "-", "--json"],
    ["cookies", "inspect"],
    ["migrate", "--status"],
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_it_does_what_a_new_interpreter_does(bare: Runner, line: list[str]) -> None:
    command = [COMMAND, *line]
    how: dict[str, Any] = {"input": b"theme=dark", "env": bare.env, "cwd": bare.directory}
    started = subprocess.run(command, capture_output=True, timeout=60, check=False, **how)
    forked = forks(bare.env["PATH"]).run(command, timeout=60, **how)
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        started.returncode,
        started.stdout,
        started.stderr,
    )
    assert started.stdout + started.stderr != b""


def test_nothing_of_a_command_reaches_the_next(tmp_path: Path) -> None:
    """Variables, directories and files are those of the command, of many at once."""

    def use(number: int) -> tuple[str, str]:
        directory = tmp_path / str(number)
        directory.mkdir()
        runner = Runner(directory, AUTHINGO_DATABASE_URL=f"sqlite:///{number}.db")
        assert runner("migrate").code == 0
        made = runner("users", "create", f"{number}@example.com", "--generate-password")
        assert made.code == 0, made.err
        assert Runner(directory)("users", "list").code == 1, "that variable was of one command"
        emails = [user["email"] for user in runner("users", "list", "--json").json]
        return emails[0], " ".join(sorted(path.name for path in directory.iterdir()))

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(use, range(6)))
    assert found == [(f"{number}@example.com", f"{number}.db") for number in range(6)]


def test_the_umask_is_that_of_the_test(bare: Runner) -> None:
    before = os.umask(0o027)
    try:
        assert bare("init", "app").code == 0
    finally:
        os.umask(before)
    assert (bare.directory / "app").stat().st_mode & 0o777 == 0o750


def test_one_that_does_not_end_is_killed(bare: Runner) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        forks(bare.env["PATH"]).run(
            [COMMAND, "migrate", "--wait", "60"],
            input=b"",
            env={**bare.env, "AUTHINGO_DATABASE_URL": "postgresql://u@127.0.0.1:1/x"},
            cwd=bare.directory,
            timeout=0.5,
        )
    assert bare("--version").code == 0
