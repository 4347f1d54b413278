"""How many instructions a session check takes, beside the answer that it is compared with.

python -m bench.instructions               every check of the suite `checks`
python -m bench.instructions "auth.handler, SQLite, cached" ...

valgrind counts them. However busy the machine is, the ratios of two runs differ by a hundredth at
most; what differs is how many requests a turn of the event loop answers. What the system and the
database do is not in them, and neither is the time that memory takes: they tell whether a change
made a check cheaper, not how many a server can answer.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench import checks, cores, data
from bench.bench import QUICK, Bench
from bench.load import Load, wrk
from bench.servers import Server, served
from tests.postgres import find_server

_SCALE = replace(QUICK, tokens=20)  # few, because the cache forgets those that come round too late
_CONNECTIONS = 32  # with 64, a turn of the event loop takes so long that heartbeats are too late
_WARM, _SECONDS = 3, 10


def main() -> None:
    """Count for the rows that were named, or for all."""
    wrk()
    if missing := [one for one in ("valgrind", "callgrind_control") if not shutil.which(one)]:
        sys.exit(f"this needs {' and '.join(missing)}: apt-get install valgrind")
    with tempfile.TemporaryDirectory(prefix="authingo-bench-") as directory:
        server = find_server()
        try:
            bench = Bench(_SCALE, server, Path(directory), peers=None)
            subjects = {one.name: one for one in checks.subjects(bench) if one.beside}
            names = sys.argv[1:] or list(subjects)
            if unknown := set(names) - set(subjects):
                known = "\n  ".join(subjects)
                sys.exit(f"unknown: {'; '.join(sorted(unknown))}\nknown are:\n  {known}")
            print(f"{'instructions of the server for an answer':58} itself    base  ratio")
            for name in names:
                print(_row(bench, subjects[name]), flush=True)
        finally:
            server.stop()


def _row(bench: Bench, subject: checks.Subject) -> str:
    with tempfile.TemporaryDirectory(dir=bench.directory) as directory:
        counts = Path(directory)
        command = (
            *("valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no"),
            *(f"--callgrind-out-file={counts}/counts", *subject.program.command),
        )
        program = replace(subject.program, command=command)
        with served(program, cores.SERVER) as server:
            itself, base = (
                _instructions(bench, server, path, counts)
                for path in (subject.path, subject.beside or subject.path)
            )
    return f"{subject.name:56} {itself:8,.0f} {base:7,.0f}  {base / itself:.3f}"


def _instructions(bench: Bench, server: Server, path: str, counts: Path) -> float:
    """Return how many the server needs to answer, without those of its start."""
    cookies = bench.write_cookies([data.cookie(one) for one in range(bench.scale.tokens)])

    def load(seconds: int) -> int:
        run = Load(
            server.port,
            path,
            cookies,
            cores=cores.LOAD,
            seconds=seconds,
            connections=_CONNECTIONS,
        )
        return run.finish().requests

    load(_WARM)
    before = set(counts.iterdir())
    _control(server, "--instr=on")
    _control(server, "--zero")
    requests = load(_SECONDS)
    _control(server, "--dump")
    _control(server, "--instr=off")
    (written,) = set(counts.iterdir()) - before
    totals = re.findall(r"^totals: (\d+)", written.read_text(), re.MULTILINE)
    return sum(map(int, totals)) / requests


def _control(server: Server, order: str) -> None:
    """Give valgrind an order. It is done when this returns."""
    subprocess.run(["callgrind_control", order, str(server.pid)], check=True, capture_output=True)


if __name__ == "__main__":
    main()
