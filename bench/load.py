"""wrk, and what it counted."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cores import Cores, placed

CONNECTIONS = 64
RANDOM = Path("random")  # instead of a file of cookies; see requests.lua
_SCRIPT = Path(__file__).with_name("requests.lua")
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Counted:
    """One run: requests, how many a second, and percentiles of their latency in ms.

    `ratios`: where two paths took turns, the rate of the one to that of the other, each second.
    """

    requests: int
    rate: float
    p50: float
    p99: float
    ratios: Sequence[float] = ()


class Load:
    """wrk asking for one path, from the start until `finish`."""

    def __init__(
        self,
        port: int,
        path: str,
        cookies: Path,
        *,
        cores: Cores,
        seconds: int,
        connections: int = CONNECTIONS,
        offset: int = 0,
        pause: int = 0,
        beside: str | None = None,
    ) -> None:
        """Begin.

        Args:
            port: of the server.
            path: asked for by GET.
            cookies: a file with one header a line, sent in rotation; or RANDOM.
            cores: where wrk runs.
            seconds: how long.
            connections: kept alive, each with one request at a time.
            offset: the line to begin after.
            pause: ms that a connection rests after an answer, on average.
            beside: another path, which takes turns with `path`, 100 ms each.
        """
        self._expects_success = cookies != RANDOM
        options = ["-t1", f"-c{connections}", f"-d{seconds}", "--latency", "--timeout", "30s"]
        url = f"http://127.0.0.1:{port}{path}"
        arguments = [str(cookies), str(offset), str(pause)]
        if beside:
            arguments += [beside, str(connections)]
        self._process = subprocess.Popen(
            [wrk(), *options, "-s", str(_SCRIPT), url, "--", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=placed(cores),  # noqa: PLW1509 - no thread holds a lock that it needs
        )

    def finish(self, *, now: bool = False) -> Counted:
        """Wait for the end, or stop it now. Every answer must have been a 2xx (RANDOM: none)."""
        try:
            if now:
                self._process.send_signal(signal.SIGINT)
            said, _ = self._process.communicate()
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        counted = _read(said)
        if (int(failed[1]) if failed else 0) != (0 if self._expects_success else counted.requests):
            sys.exit(f"not the answers that were to be measured:\n{said}")
        if "Socket errors" in said:
            sys.exit(f"connections broke:\n{said}")
        return counted


def wrk() -> str:
    """Find the load generator."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("the bench needs wrk: apt-get install wrk, or brew install wrk")
    return found


def _read(said: str) -> Counted:
    total = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if total is None or rate is None:
        sys.exit(f"wrk said:\n{said}")
    if total[1] == "0":  # they all still wait: at least as long as the run
        length = re.search(r"requests in ([\d.]+)(us|ms|s|m)", said)
        assert length is not None
        waited = float(length[1]) * _UNITS[length[2]]
        return Counted(0, 0.0, waited, waited)
    p50, p99 = (
        float(found[1]) * _UNITS[found[2]]
        for percent in (50, 99)
        if (found := re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)", said))
    )
    return Counted(int(total[1]), float(rate[1]), p50, p99, _ratios(said))


def _ratios(said: str) -> list[float]:
    """Compare all answers of a second with all of the other path, so that what stalls counts."""
    found = re.search(r"Turns: (.*)", said)
    turns = [tuple(map(float, turn.split("/"))) for turn in found[1].split()] if found else []
    seconds = [turns[at : at + 10] for at in range(0, len(turns) - 9, 10)]
    return [_rate(second[1::2]) / _rate(second[::2]) for second in seconds]


def _rate(turns: list[tuple[float, ...]]) -> float:
    return sum(answers for answers, _ in turns) / sum(seconds for _, seconds in turns)
