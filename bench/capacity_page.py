"""The tables of docs/scale.md, written between its markers from what was measured.

`<!-- bench: NAME -->` begins a table, and `<!-- end -->` ends it. The text around them is written
by hand, and names no figure that is measured or computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import capacity
from bench.capacity import Costs, Load, Needs
from bench.tables import table

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"
SESSIONS = tuple(10**power for power in range(5, 10))
SHARES = (0.01, 0.1)

_BLOCK = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write(result: dict[str, Any]) -> None:
    """Bring the tables of the page up to date."""
    PAGE.write_text(filled(PAGE.read_text("utf-8"), result), "utf-8")


def filled(page: str, result: dict[str, Any]) -> str:
    """Return the page with the tables that follow from the result of the suite `scale`."""

    def block(found: re.Match[str]) -> str:
        lines = _TABLES[found[2]](Costs(result))
        return found[1] + "\n".join(["", *lines, "", ""]) + found[3]

    return _BLOCK.sub(block, page)


# The tables


def _measured(costs: Costs) -> list[str]:
    result = costs.result
    rotations = result["rotations"]
    growth = rotations["sizes"][-1]["indexes"] / rotations["sizes"][0]["indexes"] - 1
    about = result["about"]
    return [
        f"Measured on {about['run']} on {about['machine']}, with authingo"
        f" {about['versions']['authingo']} and PostgreSQL {about['versions']['PostgreSQL']}.",
        "",
        *table(
            ("one", ">server, µs of a core", ">PostgreSQL, µs of a core", ">WAL, bytes"),
            (
                (
                    _NAMES[name],
                    f"{cost['server_us']:,.0f}",
                    f"{cost['database_us']:,.1f}",
                    f"{cost['wal']:,.0f}" if _NAMES[name] not in _READS else "",
                )
                for name, cost in result["costs"].items()
            ),
        ),
        "",
        *table(
            ("what", ">measured"),
            (
                ("a user, with its indexes", f"{costs.size('user'):,.0f} bytes"),
                (
                    "a session, with its indexes",
                    f"{costs.size('session'):,.0f} bytes, of which indexes"
                    f" {costs.size('session_indexes'):,.0f}",
                ),
                ("a device that a user signed in on", f"{costs.size('device'):,.0f} bytes"),
                ("an event", f"{costs.size('event'):,.0f} bytes"),
                ("a bcrypt hash of cost 12", f"{result['bcrypt_ms']:,.0f} ms of a core"),
                (
                    "a session in the memory of a worker",
                    f"{result['memory']['session_bytes']:,.0f} bytes",
                ),
                ("a worker without them", f"{result['memory']['worker_mb']:,.0f} MB"),
                ("commits with a notice, on one core", f"{1 / costs.turn:,.0f} a second"),
                (
                    "a notice, for each process that receives it",
                    f"{1e6 * costs.delivery:,.1f} µs of PostgreSQL's cores",
                ),
                (
                    f"{rotations['rotations']:,} rotations of {rotations['sessions']:,} sessions",
                    f"{rotations['hot']:.1%} HOT, {rotations['wal']:,.0f} bytes of WAL each,"
                    f" indexes {growth:+.1%}, {rotations['notices']} notices",
                ),
            ),
        ),
    ]


def _assumed(costs: Costs) -> list[str]:  # noqa: ARG001 - every table has it
    return table(
        ("assumed", ">value"),
        (
            ("sessions of a user", str(capacity.SESSIONS_OF_A_USER)),
            (
                "share of the sessions that are active at the busiest minute",
                " or ".join(f"{share:.0%}" for share in SHARES),
            ),
            ("an active session is checked every", f"{capacity.CHECK_EVERY:.0f} s"),
            ("it is refreshed every", f"{capacity.REFRESH_EVERY / 60:.0f} min"),
            ("its last use is recorded every", f"{capacity.NOTED_EVERY:.0f} s"),
            ("a user signs in again on a device after", f"{capacity.SESSION_LIFE:.0f} days"),
            ("sessions that end by a sign-out or a revocation", "all"),
            ("the busiest minute, to the average of a day", f"{capacity.PEAK:g}x"),
            ("a core is planned to be busy", f"{capacity.BUSY:.0%} of the time"),
            ("a commit is on the disk after", f"{1000 * capacity.FLUSH:g} ms"),
            ("events are kept for", f"{capacity.EVENTS_KEPT:.0f} days"),
        ),
    )


def _load(costs: Costs) -> list[str]:
    return table(
        (
            *("sessions", ">active", ">checks/s", ">last uses/s", ">refreshes/s"),
            *(">sign-ins/s", ">revocations/s"),
        ),
        (
            (
                _name(needs.load),
                *map(_about, (needs.load.active, needs.load.checks, needs.load.last_uses)),
                *map(_about, (needs.load.refreshes, needs.load.sign_ins, needs.load.revocations)),
            )
            for needs in _rows(costs)
        ),
    )


def _storage(costs: Costs) -> list[str]:
    return table(
        ("sessions", ">users", ">sessions and devices", ">events", ">together"),
        (
            (
                f"{needs.load.sessions:,}",
                *map(_size, (needs.users_bytes, needs.sessions_bytes, needs.events_bytes)),
                _size(needs.storage),
            )
            for needs in _rows(costs, SHARES[:1])
        ),
    )


def _writes(costs: Costs) -> list[str]:
    return table(
        (
            *("sessions", ">WAL a day", ">page images a day"),
            *(">200 million transactions in", ">vacuum of the sessions"),
        ),
        (
            (
                _name(needs.load),
                *map(_size, (needs.wal, needs.page_images)),
                *map(_time, (needs.freeze_every, needs.freeze_takes)),
            )
            for needs in _rows(costs)
        ),
    )


def _servers(costs: Costs) -> list[str]:
    return table(
        (
            *("sessions", ">servers, from memory", ">servers, cache off", ">bcrypt"),
            *(">PostgreSQL, from memory", ">PostgreSQL, cache off", ">memory of workers"),
        ),
        (
            (
                _name(remembered.load),
                *map(_about, (remembered.workers, asked.workers, asked.hashing)),
                *map(_about, (remembered.database, asked.database)),
                _size(remembered.memory),
            )
            for remembered, asked in _both(costs)
        ),
    )


def _databases(costs: Costs) -> list[str]:
    return table(
        (
            *("sessions", ">notices sent/s", ">received/s", "too much, from memory"),
            *(">databases", "too much, cache off", ">databases"),
        ),
        (
            (
                _name(remembered.load),
                *map(_about, (remembered.notices, remembered.deliveries)),
                ", ".join(remembered.excesses) or "nothing",
                f"{remembered.databases:,}",
                ", ".join(asked.excesses) or "nothing",
                f"{asked.databases:,}",
            )
            for remembered, asked in _both(costs)
        ),
    )


def _limits(costs: Costs) -> list[str]:  # noqa: ARG001 - every table has it
    return table(
        ("too much", "is more than"),
        (
            ("cores", f"{capacity.DATABASE_CORES} cores of PostgreSQL"),
            ("connections", f"{capacity.CONNECTIONS:,}"),
            (
                "notices",
                f"commits that send one, taking turns for {capacity.TURNS:.0%} of the time",
            ),
            (
                "vacuum",
                "what autovacuum changes at its default pace"
                f" ({capacity.FREEZE_RATE / 1e6:.0f} MB a second) before another 200 million"
                " transactions have passed",
            ),
            ("storage", _size(capacity.STORAGE)),
        ),
    )


_NAMES = {
    "check from memory": "session check, from memory",
    "check": "session check, the database asked",
    "refresh": "refresh",
    "last use": "last use recorded",
    "sign-in": "sign-in, without the hash",
    "revocation": "revocation",
}
_READS = {_NAMES["check from memory"], _NAMES["check"]}
_TABLES: dict[str, Callable[[Costs], list[str]]] = {
    "measured": _measured,
    "assumed": _assumed,
    "load": _load,
    "storage": _storage,
    "writes": _writes,
    "servers": _servers,
    "databases": _databases,
    "limits": _limits,
}


def _rows(
    costs: Costs, shares: Sequence[float] = SHARES, *, remembered: bool = False
) -> Iterator[Needs]:
    for sessions in SESSIONS:
        for share in shares:
            yield Needs(costs, Load(sessions, share), remembered)


def _both(costs: Costs) -> Iterator[tuple[Needs, Needs]]:
    """Return what each load needs with every answer from memory, and with the cache off."""
    return zip(_rows(costs, remembered=True), _rows(costs), strict=True)


# How figures are written: two digits, because the assumptions are worth no more


def _name(load: Load) -> str:
    return f"{load.sessions:,}, {load.share:.0%} active"


def _about(value: float) -> str:
    if value < 0.1:
        return "< 0.1"
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.1f}" if rounded < 10 else f"{rounded:,.0f}"


def _size(value: float) -> str:
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= length:
            return f"{_about(value / length)} {unit}"
    return f"{_about(value / 1000)} kB"


def _time(seconds: float) -> str:
    for unit, length in (("years", 365 * 86_400.0), ("days", 86_400.0), ("hours", 3600.0)):
        if seconds >= 2 * length:
            return f"{_about(seconds / length)} {unit}"
    return f"{_about(seconds / 60)} min" if seconds >= 120 else f"{_about(seconds)} s"
