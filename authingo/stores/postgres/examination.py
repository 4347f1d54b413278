"""What a PostgreSQL must have for authingo: rights, connections, a clock, ears, the schema."""

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
from authingo.stores.postgres.connections import Connections, schema_status
from authingo.stores.postgres.revocations import CannotHear, Revocations
from authingo.stores.watching import Watchers

_BESIDE_THE_POOL = 2  # connections of each process: one looks sessions up, one listens
_TRIES = 3  # of asking for the time; the quickest answer is the most exact


class Examination(Connections):
    """Looks after a PostgreSQL database, changing nothing."""

    async def examine(self, *, workers: int) -> list[Finding]:
        """See Store."""
        return [finding async for finding in self._examined(workers)]

    async def _examined(self, workers: int) -> AsyncIterator[Finding]:
        async with self._connection(any_schema=True) as connection:
            server = await connection.fetchrow(_SERVER)
            clock = await _clock(connection)
            rights = await connection.fetch(_RIGHTS)
        yield _writable(server)
        yield _durability(server)
        yield _role(server, rights)
        yield judge_encryption(
            through_proxy=not self._direct,
            encrypted=bool(server["encrypted"]),
            addresses=(server["client_address"], server["server_address"]),
            verified=(self._url.sslmode or os.environ.get("PGSSLMODE")) == "verify-full",
        )
        yield judge_connections(
            needed=workers * (self._pool_size + _BESIDE_THE_POOL),
            each=f"{workers} x (pool_size {self._pool_size} + {_BESIDE_THE_POOL})",
            limits=_limits(server),
            used=server["used"],
            through_proxy=not self._direct,
        )
        yield clock
        async with self._connection(any_schema=True) as connection:
            try:
                status = await schema_status(connection)
            except SchemaUnsupported as error:
                yield examining.unsupported(error)
                return
            found = await schema.objects(connection)
        yield examining.schema(status, schema.expected(), found)
        if not status.pending and not rights:  # those that are lacking
            yield await self._hearing()
            waiting, oldest = await self._one(_PRUNABLE, examining.LOOKED_AT)
            yield examining.pruning(waiting, oldest)

    async def _hearing(self) -> Finding:
        """Judge whether LISTEN works, by hearing something."""
        trial = Revocations(Watchers(), connect=self._connect_for_listening, send=self._beat)
        try:
            await trial.prove()
        except (CannotHear, StoreUnavailable) as error:
            return warn(
                "revocations",
                f"each session check asks the database, because nothing can be heard: {error}",
                "listen_url must be a direct connection to the same database, "
                "and authingo's triggers must be there",
            )
        return ok("revocations", "what is notified is heard, so sessions are answered from memory")


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


def _durability(server: Any) -> Finding:
    off = [name for name in ("fsync", "synchronous_commit") if server[name] == "off"]
    if off:
        return warn(
            "durability",
            f"{' and '.join(off)} off: what was acknowledged can be lost with the power, "
            "and a session that was signed out can come back",
            f"set {' and '.join(f'{name} = on' for name in off)} on the server",
        )
    return ok("durability", "each commit is flushed to disk")


def _role(server: Any, rights: list[Any]) -> Finding:
    """Judge the role: it can do its work, and little else (ASVS 5.0 V13.2.2)."""
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
    """Judge what can be read between this program and the server (ASVS 5.0 V12.3.1, V12.3.2).

    Args:
        through_proxy: what the server knows is about the proxy's connection.
        encrypted: that connection is.
        addresses: the client's and the server's, as the server knows them; None: a socket.
        verified: the client demands a certificate of that name.
    """
    name = "encryption"
    verify = "add sslmode=verify-full (and sslrootcert) to database_url"
    if through_proxy:
        return ok(name, "a pooling proxy lies between: see to it that both ways are encrypted")
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
    """Return what bounds the connections of this role: for the server, -1 is no bound."""
    limits = {
        "max_connections less those reserved": server["max_connections"] - server["reserved"],
        "the role's limit": server["role_limit"],
        "the database's limit": server["database_limit"],
    }
    return {name: limit for name, limit in limits.items() if limit >= 0}


def judge_connections(
    *, needed: int, each: str, limits: dict[str, int], used: int, through_proxy: bool
) -> Finding:
    """Judge whether the server has the connections that the pools may ask for."""
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
_RIGHTS = r"""
SELECT c.relname AS name, privilege
FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
  AND c.relname IN ('authingo_users', 'authingo_sessions', 'authingo_events', 'authingo_attempts')
  AND NOT has_table_privilege(c.oid, privilege)
ORDER BY 1, 2
"""
_PRUNABLE = """
SELECT count(*), now() - min(refresh_expires_at)
FROM (SELECT refresh_expires_at FROM authingo_sessions WHERE refresh_expires_at <= now()
      ORDER BY refresh_expires_at LIMIT $1) AS over
"""
