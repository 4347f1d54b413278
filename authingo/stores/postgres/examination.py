"""Examine a PostgreSQL server: rights, connections, clock, revocation notices, the schema."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from authingo.errors import SchemaUnsupported, StoreUnavailable
from authingo.findings import Finding, fail, ok, warn
from authingo.stores import examining
from authingo.stores.postgres import schema
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.migrating import schema_status
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.revocations import CannotHear, Revocations
from authingo.stores.watching import Watchers

_BESIDE_THE_POOL = 2  # connections of each process: one to look sessions up, one to listen
_TRIES = 3  # how often the time is asked for; the quickest answer is the most exact


async def examine(connections: Connections, *, workers: int) -> list[Finding]:
    """See Maintenance."""
    return [finding async for finding in _examined(connections, workers)]


async def _examined(connections: Connections, workers: int) -> AsyncIterator[Finding]:
    async with connections.connection(any_schema=True) as connection:
        server = await connection.fetchrow(_SERVER)
        clock = await _clock(connection)
        rights = await connection.fetch(*numbered(_MISSING_RIGHTS, tables=schema.tables()))
    yield _writable(server)
    yield judge_durability(
        fsync=server["fsync"],
        synchronous_commit=server["synchronous_commit"],
        standbys=server["standbys"],
    )
    yield _role(server, rights)
    yield judge_encryption(
        through_proxy=not connections.direct,
        encrypted=bool(server["encrypted"]),
        addresses=(server["client_address"], server["server_address"]),
        verified=(connections.url.sslmode or os.environ.get("PGSSLMODE")) == "verify-full",
    )
    yield judge_connections(
        needed=workers * (connections.pool_size + _BESIDE_THE_POOL),
        each=f"{workers} x (pool_size {connections.pool_size} + {_BESIDE_THE_POOL})",
        limits=_limits(server),
        used=server["used"],
        through_proxy=not connections.direct,
    )
    yield clock
    async with connections.connection(any_schema=True) as connection:
        try:
            status = await schema_status(connection, connections.plugins)
        except SchemaUnsupported as error:
            yield examining.unsupported(error)
            return
        found = await schema.objects(connection)
    yield examining.schema(status, schema.expected(), found)
    if not status.pending and not rights:  # `rights` are those that the role lacks
        yield await _hearing(connections)
        prunable = await connections.one(*numbered(_PRUNABLE, most=examining.LOOKED_AT))
        yield examining.pruning(prunable["waiting"], prunable["oldest"])


async def _hearing(connections: Connections) -> Finding:
    """Judge whether notices of revocations arrive, by sending one and listening for it."""
    trial = Revocations(
        Watchers(), connect=connections.connect_for_listening, send=connections.beat
    )
    try:
        await trial.prove()
    except (CannotHear, StoreUnavailable) as error:
        return warn(
            "revocations",
            f"each session check asks the database, because notices do not arrive: {error}",
            "listen_url must be a direct connection to the same database, "
            "and authingo's triggers must be there",
        )
    return ok("revocations", "notices arrive, so sessions are answered from memory")


async def _clock(connection: Any) -> Finding:
    def asked() -> tuple[datetime, float]:
        return datetime.now(UTC), time.perf_counter()

    best: tuple[timedelta, timedelta] | None = None
    for _ in range(_TRIES):
        at, began = asked()
        theirs = await connection.fetchval("SELECT clock_timestamp()")
        half = timedelta(seconds=(time.perf_counter() - began) / 2)
        if best is None or half < best[1]:
            best = theirs - (at + half), half
    assert best is not None  # noqa: S101 - there was a try
    return examining.clock(*best)


def _writable(server: Any) -> Finding:
    if server["replica"] or server["read_only"] == "on":
        what = "is a replica" if server["replica"] else "has default_transaction_read_only on"
        return fail(
            "writable",
            f"the server {what}: nobody can sign in",
            "name the primary in database_url (target_session_attrs=primary)",
        )
    return ok("writable", f"PostgreSQL {server['version']}, which can be written")


def judge_durability(*, fsync: str, synchronous_commit: str, standbys: bool) -> Finding:
    """Judge whether what is acknowledged survives the loss of a server.

    Args:
        fsync: the server's setting.
        synchronous_commit: the same.
        standbys: whether the server has synchronous standbys.
    """
    settings = {"fsync": fsync, "synchronous_commit": synchronous_commit}
    off = [name for name, value in settings.items() if value == "off"]
    if off:
        return warn(
            "durability",
            f"{' and '.join(off)} off: what was acknowledged can be lost with the power, "
            "and a session that was signed out can come back",
            f"set {' and '.join(f'{name} = on' for name in off)} on the server",
        )
    if standbys and synchronous_commit == "local":
        return warn(
            "durability",
            "synchronous_commit is local: what was acknowledged may be missing on the synchronous "
            "standby, so a failover can sign users out and bring back sessions that had ended",
            "set synchronous_commit = on on the server",
        )
    waits = " and sent to a synchronous standby" if standbys else ""
    return ok("durability", f"each commit is flushed to disk{waits}")


def _role(server: Any, rights: list[Any]) -> Finding:
    """Judge the role: it has the rights it needs, and is no superuser (ASVS 5.0 V13.2.2)."""
    lacking = [f"{right['privilege']} on {right['name']}" for right in rights]
    if lacking:
        return fail(
            "role",
            f"the role {server['role']} lacks {', '.join(lacking[:3])}",
            "GRANT it, or let the tables belong to that role",
        )
    if server["superuser"]:
        return warn(
            "role",
            f"{server['role']} is a superuser: whoever gets into the program owns the server",
            "let a role of its own own the authingo tables, and nothing else",
        )
    return ok("role", f"{server['role']} has the rights it needs and is no superuser")


def judge_encryption(
    *,
    through_proxy: bool,
    encrypted: bool,
    addresses: tuple[Any, Any],
    verified: bool,
) -> Finding:
    """Judge whether others can read the traffic to the server (ASVS 5.0 V12.3.1, V12.3.2).

    Args:
        through_proxy: a proxy lies between. Then the server's facts are about its connection.
        encrypted: whether the connection that the server sees is encrypted.
        addresses: the client's and the server's, as the server knows them; None for a socket.
        verified: whether the client demands a certificate with the server's name.
    """
    name = "encryption"
    verify = "add sslmode=verify-full (and sslrootcert) to database_url"
    if through_proxy:
        return ok(
            name,
            "a pooling proxy is in between: make sure that both connections are encrypted",
        )
    known = [_address(address) for address in addresses if address is not None]
    if not known or all(address.is_loopback for address in known):
        return ok(name, "the server is on this machine")
    if not encrypted:
        judge = fail if any(address.is_global for address in known) else warn
        return judge(name, "passwords' hashes cross the network in the clear", verify)
    if not verified:
        return warn(name, "encrypted, but whoever is in between can pose as the server", verify)
    return ok(name, "encrypted, and the server's certificate is verified")


def _address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(str(value).partition("/")[0])


def _limits(server: Any) -> dict[str, int]:
    """Return the limits on this role's connections. Those that are -1, no limit, are left out."""
    limits = {
        "max_connections less those reserved": server["max_connections"] - server["reserved"],
        "the role's limit": server["role_limit"],
        "the database's limit": server["database_limit"],
    }
    return {name: limit for name, limit in limits.items() if limit >= 0}


def judge_connections(
    *, needed: int, each: str, limits: dict[str, int], used: int, through_proxy: bool
) -> Finding:
    """Judge whether the server allows as many connections as all processes may open."""
    name = "connections"
    if through_proxy:
        return ok(name, f"up to {needed} ({each}) share those of a pooling proxy")
    what, limit = min(limits.items(), key=lambda item: item[1])
    told = f"{each} = {needed} at most, of {limit} ({what}); in use now: {used}"
    hint = "lower store.pool_size or the workers, raise that limit, or put PgBouncer in between"
    if needed > limit:
        return fail(name, told, hint)
    return warn(name, told, hint) if needed > 0.8 * limit else ok(name, told)


_SERVER = """
SELECT current_user AS role, r.rolsuper AS superuser, r.rolconnlimit AS role_limit,
    d.datconnlimit AS database_limit, pg_is_in_recovery() AS replica,
    current_setting('server_version') AS version,
    current_setting('default_transaction_read_only') AS read_only,
    current_setting('fsync') AS fsync,
    current_setting('synchronous_standby_names') <> '' AS standbys,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('max_connections')::int AS max_connections,
    current_setting('superuser_reserved_connections')::int
        + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
    inet_client_addr() AS client_address, inet_server_addr() AS server_address,
    (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted,
    (SELECT sum(numbackends)::int FROM pg_stat_database) AS used
FROM pg_roles r, pg_database d
WHERE r.rolname = current_user AND d.datname = current_database()
"""
_MISSING_RIGHTS = r"""
SELECT c.relname AS name, privilege
FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
  AND c.relname = ANY (:tables::text[])
  AND NOT has_table_privilege(c.oid, privilege)
ORDER BY 1, 2
"""
_PRUNABLE = """
SELECT count(*) AS waiting, now() - min(refresh_expires_at) AS oldest
FROM (SELECT refresh_expires_at FROM authingo_sessions
      WHERE prune_on <= (now() AT TIME ZONE 'UTC')::date AND refresh_expires_at <= now()
      ORDER BY prune_on LIMIT :most) AS over
"""
