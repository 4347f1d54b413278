"""The database: reachable, quick, and what its store finds; proxies that it has records of."""

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
from authingo.models import first_id

if TYPE_CHECKING:
    from authingo.stores import Store

_PINGS = 7
_SLOW = 0.02  # seconds: a database that is far away, or busy
_RECENT = timedelta(days=1)
_EVENTS = 100  # of untrusted proxies that are looked at; a process records one an hour


async def examine(store: Store, settings: Settings, *, workers: int) -> list[Finding]:
    """Look at the database; where it cannot be reached, that is all there is to say."""
    where = redact_url(settings.database_url)
    try:
        await store.open(create=False)
        with contextlib.suppress(SchemaUnsupported):  # it answers: what it is comes below
            await store.schema()
    except StoreUnavailable as error:
        message = f"{where}: {error.message}; what needs it was not looked at"
        return [fail("database", message, error.hint or "start it, or correct database_url")]
    found = [ok("database", f"{where} answers")]
    try:
        found += await store.examine(workers=workers)
        with contextlib.suppress(SchemaBehind, SchemaUnsupported):  # which has been said
            found.insert(1, await _latency(store))
            found.append(await _proxies(store, settings))
    except StoreUnavailable as error:
        hint = error.hint or "is it overloaded? see its log"
        found[0] = fail("database", f"{where} answered, and then: {error.message}", hint)
    return found


async def _latency(store: Store) -> Finding:
    """Time round trips: a session check that is not remembered takes one."""
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
    """Look for private peers that forwarded for others and are not trusted (ASVS 5.0 V4.1.3).

    From outside it cannot be seen; servers record it (`authingo.limits`).
    """
    recent = await store.list_events(
        name="proxy_not_trusted",
        after=first_id("evt_", datetime.now(UTC) - _RECENT),
        limit=_EVENTS,
        newest=True,
    )
    return judge_proxies([event.ip for event in recent if event.ip], settings)


def judge_proxies(addresses: list[str], settings: Settings) -> Finding:
    """Judge the addresses of peers that sent X-Forwarded-For, of which none was trusted then."""
    networks = [ipaddress.ip_network(item) for item in settings.trusted_proxies]

    def is_trusted(text: str) -> bool:
        return any(ipaddress.ip_address(text) in network for network in networks)

    unknown = [one for one in dict.fromkeys(addresses) if not is_trusted(one)]
    if unknown:
        return fail(
            "proxies",
            f"{', '.join(unknown[:3])} sent X-Forwarded-For during the last day and is not in "
            "trusted_proxies: nobody behind it has a limit per address",
            "if that is your proxy, add it to trusted_proxies; if not, "
            "nobody but your proxy should reach this server",
        )
    return ok("proxies", "no proxy forwards without being trusted, as far as servers recorded")
