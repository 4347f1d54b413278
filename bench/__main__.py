"""Measure, interleaved, medians of several rounds; print and write down ratios first.

python -m bench                    everything, about 50 minutes
python -m bench --only checks      a part of it
python -m bench --quick            one short round without the peers, nothing written
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import checks, mails, memory, operators, refresh, scale, sign_ins, start_up
from bench.bench import FULL, QUICK, Bench
from bench.cores import kept_awake
from bench.load import wrk
from bench.machine import machine, versions
from bench.peers import Peers
from bench.report import Suite, keep, promised, sections, write
from tests.postgres import find_server

# Memory before refresh, which leaves other tokens than those that can be worked out.
SUITES: list[Suite] = [checks, sign_ins, memory, refresh, scale, operators, mails, start_up]


def main() -> None:
    """Run what was asked for."""
    options = _options()
    wrk()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that `finally` runs
    much = QUICK if options.quick else FULL
    if options.rounds is not None:
        much = replace(much, rounds=options.rounds)
    if options.random_checks is not None:
        much = replace(much, random_checks=options.random_checks)
    with (
        kept_awake() as awake,
        tempfile.TemporaryDirectory(prefix="authingo-bench-") as directory,
    ):
        server = find_server()
        try:
            peers = None if options.quick or options.without_peers else Peers(server, much.size)
            bench = Bench(much, server, Path(directory), peers, before=options.before)
            where = f"{machine()}, cores kept awake" if awake else machine()
            results = _run(bench, [suite for suite in SUITES if suite.NAME in options.only], where)
        except KeyboardInterrupt:
            sys.exit(130)
        finally:
            server.stop()
    ran = [suite for suite in SUITES if suite.NAME in results]
    print("\n".join(sections(ran, results)))
    if not options.quick:  # which is too short to say anything
        print("\n".join(promised(ran, results)))
        write(SUITES, keep(results))


def _run(bench: Bench, suites: list[Suite], where: str) -> dict[str, dict[str, Any]]:
    began = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    about = {"run": began, "machine": where, "versions": versions(bench)}
    results = {}
    for suite in suites:
        start = time.monotonic()
        result = suite.run(bench)
        result["about"] = {**about, "minutes": round((time.monotonic() - start) / 60, 1)}
        results[suite.NAME] = result
    bench.say("done")
    return results


def _options() -> argparse.Namespace:
    names = [suite.NAME for suite in SUITES]
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="short, small, nothing written")
    parser.add_argument("--only", default=",".join(names), help=f"some of {','.join(names)}")
    parser.add_argument("--without-peers", action="store_true", help="authingo alone")
    parser.add_argument(
        "--before", type=Path, metavar="PATH", help="an earlier version's source, for refresh"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="instead of five")
    parser.add_argument("--random-checks", type=int, metavar="N", help="for memory; 10 million")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
