"""Check the database: whether it is reachable and quick, and what is wrong with what it holds."""

from __future__ import annotations

import contextlib
import ipaddress
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from authingo.config import Settings, redact_url
from authingo.errors import SchemaBehind, SchemaUnsupported, StoreUnavailable
from authingo.findings import Finding, fail, ok, warn
from authingo.models import Event
from authingo.stores.cursors import ABANDONED

from . import passwords, profiles
from .recorded import recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authingo.stores import Store

_PINGS = 7
_STANDS_STILL = timedelta(hours=1)
_OVERDUE = timedelta(hours=2)
_MOST_DUE, _NAMED = 1000, 5  # users that are looked at, and named
_SLOW = 0.02  # seconds: a database that is far away, or busy


async def examine(store: Store, settings: Settings, *, workers: int) -> list[Finding]:
    """Check the database. If it cannot be reached, that is the only finding."""
    where = redact_url(settings.database_url)
    try:
        await store.open(create=False)
        with contextlib.suppress(SchemaUnsupported):  # it answers; the schema is judged below
            await store.schema()
    except StoreUnavailable as error:
        message = f"{where}: {error.message}; what needs it was not looked at"
        return [fail("database", message, error.hint or "start it, or correct database_url")]
    found = [ok("database", f"{where} answers")]
    try:
        found += await store.maintenance.examine(workers=workers)
        with contextlib.suppress(SchemaBehind, SchemaUnsupported):  # already reported
            found.insert(1, await _latency(store))
            found.append(await _proxies(store, settings))
            found.append(await passwords.stored(store, settings))
            found += await _hooks(store)
            found += await _deletions(store)
            found += await profiles.examine(store)
    except StoreUnavailable as error:
        hint = error.hint or "is it overloaded? see its log"
        found[0] = fail("database", f"{where} answered, and then: {error.message}", hint)
    return found


async def _hooks(store: Store) -> list[Finding]:
    """Judge whether durable hooks read on. A server moves the cursor of each every few seconds."""
    now, cursors = datetime.now(UTC), await store.cursors.list()
    behind = [
        f"{one.name} for {round((now - one.moved_at).total_seconds() / 3600)} hours"
        for one in cursors
        if now - one.moved_at > _STANDS_STILL
    ]
    if behind:
        return [
            warn(
                "hooks",
                f"durable hooks stand still: {', '.join(behind)}",
                "see the server's log: the hook fails again and again, or no server has it; "
                f"its events are kept for {ABANDONED.days} days. "
                "If the hook is gone, delete its row in authingo_cursors",
            )
        ]
    return [ok("hooks", f"{len(cursors)} durable hooks read on")] if cursors else []


async def _deletions(store: Store) -> list[Finding]:
    """Name users whose deletion is overdue. `sessions prune` runs every hour."""
    late = [
        user.id
        for user in await store.deletions.due(limit=_MOST_DUE)
        if user.delete_at and datetime.now(UTC) - user.delete_at > _OVERDUE
    ]
    if not late:
        return []
    more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
    return [
        warn(
            "deletions",
            f"users are not deleted although it is time: {', '.join(late[:_NAMED])}{more}",
            "see the log of the server and of `authingo sessions prune`: it does not run, a hook "
            "fails, or a table of yours refers to them (docs/deletion.md)",
        )
    ]


async def _latency(store: Store) -> Finding:
    """Time round trips: a session check that is not answered from memory takes one."""
    took = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        await store.ping()
        took.append(time.perf_counter() - began)
    median = statistics.median(took)
    told = f"a round trip takes {median * 1000:.1f} ms, the median of {_PINGS}"
    if median > _SLOW:
        return warn("latency", told, "put the service near its database, and see how busy that is")
    return ok("latency", told)


async def _proxies(store: Store, settings: Settings) -> Finding:
    """Look for proxies behind which all clients share one address (ASVS 5.0 V4.1.3).

    Servers record such proxies (`authingo.http.proxy_reports`).
    """

    return judge_proxies(
        await recorded(store, "proxy_not_trusted"),
        await recorded(store, "proxy_names_nobody"),
        settings,
    )


def judge_proxies(
    not_trusted: Sequence[Event], naming_nobody: Sequence[Event], settings: Settings
) -> Finding:
    """Judge what servers recorded during the last day, the newest first.

    A proxy that is trusted now has been added since. Whether a proxy names its clients now is
    not known until servers have recorded nothing about it for a day.
    """
    networks = [ipaddress.ip_network(item) for item in settings.trusted_proxies]

    def is_trusted(text: str) -> bool:
        return any(ipaddress.ip_address(text) in network for network in networks)

    replaced = [event for event in not_trusted if event.ip is None]
    unknown = [event for event in not_trusted if event.ip and not is_trusted(event.ip)]
    if unknown:
        return fail(
            "proxies",
            f"{_addresses(unknown)} passed on the requests of others during the last day and is "
            "not in trusted_proxies: everybody behind it shares one address, and no limit "
            "applies per address",
            "if that is your proxy, let it send X-Forwarded-For and add it to trusted_proxies "
            "(docs/operations.md has the lines for nginx, Caddy and Traefik); if not, nobody but "
            "your proxy should reach this server",
        )
    if naming_nobody:
        return fail(
            "proxies",
            f"{_addresses(naming_nobody)} is trusted and named no client in X-Forwarded-For "
            f"{_last(naming_nobody)}: everybody behind it shares one address, and no limit "
            "applies per address",
            "let it add the address of its client to X-Forwarded-For (docs/operations.md), and "
            "let trusted_proxies name proxies only; this fails for a day after the last time",
        )
    if replaced:
        return fail(
            "proxies",
            "a server's own handling of X-Forwarded-For has hidden which proxy asked "
            f"{_last(replaced)}: everybody shares one address, and no limit applies per address",
            "run uvicorn with --no-proxy-headers, and name the proxy in trusted_proxies; "
            "this fails for a day after the last time",
        )
    return ok("proxies", "no proxy hides its clients, as far as servers recorded")


def _addresses(met: Sequence[Event]) -> str:
    return ", ".join([*dict.fromkeys(event.ip or "an unknown address" for event in met)][:3])


def _last(met: Sequence[Event]) -> str:
    return f"(last at {met[0].at:%H:%M} UTC)"
