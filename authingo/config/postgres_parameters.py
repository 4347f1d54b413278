"""The query parameters of a PostgreSQL URL, and what authingo does with each.

The names are those of libpq (PostgreSQL 18, "Parameter Key Words"), and those that Prisma,
SQLAlchemy, node-postgres and the consoles of Neon, Supabase and Vercel use. A parameter that
asks for more security than authingo has is refused, never silently ignored.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Use(Enum):
    """What authingo does with a parameter."""

    APPLIED = "applied"  # `postgres_urls` knows what it means
    DRIVER = "given to the driver"  # which reads it where it connects
    SERVER = "sent to the server"  # as a setting of each connection
    DROPPED = "left out"
    REFUSED = "refused"


class Parameter(NamedTuple):
    """One parameter. `values` are the allowed ones; if empty, any value is allowed."""

    use: Use
    about: str
    values: tuple[str, ...] = ()


MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")  # weakest first

_TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
_FLAG = ("true", "false")
_KEEPALIVE = "each query has a deadline (store.timeout), and a dead connection is replaced"
_TIMEOUT = "store.timeout limits every wait"
_POOL = "store.pool_size says how many connections there are"
_NO_OAUTH = "the driver cannot sign in with OAuth: use a password or a certificate"

PARAMETERS = {
    # Where, and who
    "host": Parameter(
        Use.APPLIED, "the host, or a directory with a socket; separate several by commas"
    ),
    "port": Parameter(Use.APPLIED, "the port, or one for each host"),
    "user": Parameter(Use.APPLIED, "the role"),
    "password": Parameter(Use.APPLIED, "its password"),
    "dbname": Parameter(Use.APPLIED, "the database"),
    "database": Parameter(Use.APPLIED, "the database"),
    "hostaddr": Parameter(Use.REFUSED, "write the address as the host"),
    "service": Parameter(Use.DRIVER, "an entry of the service file (asyncpg 0.31 and newer)"),
    "servicefile": Parameter(Use.REFUSED, "name the service file in PGSERVICEFILE"),
    "passfile": Parameter(Use.DRIVER, "a file with passwords, as psql reads it"),
    "target_session_attrs": Parameter(
        Use.APPLIED,
        "which kind of host to use; the primary by default, also if there is only one",
        ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    ),
    "load_balance_hosts": Parameter(Use.DROPPED, "hosts are asked in the order given"),
    "replication": Parameter(
        Use.REFUSED, "a replication connection cannot be used to store accounts"
    ),
    # Encryption
    "sslmode": Parameter(
        Use.APPLIED,
        "as in libpq; no-verify (node-postgres) means require",
        (*MODES, "no-verify"),
    ),
    "ssl": Parameter(
        Use.APPLIED,
        "true means sslmode=require, false means disable; or a value of sslmode, as in SQLAlchemy",
        (*_FLAG, *MODES),
    ),
    "sslnegotiation": Parameter(
        Use.APPLIED,
        "direct starts with TLS at once, and needs at least sslmode=require",
        ("postgres", "direct"),
    ),
    "sslrootcert": Parameter(
        Use.APPLIED,
        "the authority's file; system means the authorities of this machine, and verify-full",
    ),
    "sslcert": Parameter(Use.DRIVER, "the file of the client's certificate"),
    "sslkey": Parameter(Use.DRIVER, "the file of its key"),
    "sslpassword": Parameter(Use.DRIVER, "the password of that key"),
    "sslcrl": Parameter(Use.DRIVER, "the file of revoked certificates"),
    "ssl_min_protocol_version": Parameter(
        Use.DRIVER, "the oldest TLS; TLSv1.2 by default", _TLS_VERSIONS
    ),
    "ssl_max_protocol_version": Parameter(Use.DRIVER, "the newest TLS", _TLS_VERSIONS),
    "channel_binding": Parameter(
        Use.APPLIED,
        "require means sslmode=verify-full, and sslrootcert=system if none is given: the driver "
        "does not support channel binding, and a verified certificate keeps out the same attacker",
        ("disable", "prefer", "require"),
    ),
    "sslaccept": Parameter(
        Use.APPLIED,
        "from Prisma: strict means sslmode=verify-full, and sslrootcert=system if none is given",
        ("strict", "accept_invalid_certs"),
    ),
    "sslidentity": Parameter(
        Use.REFUSED, "a PKCS#12 file, from Prisma: use sslcert and sslkey, two PEM files"
    ),
    "sslcrldir": Parameter(Use.REFUSED, "use sslcrl, with one file"),
    "sslcertmode": Parameter(Use.DROPPED, "a certificate is sent if one is given", ("allow",)),
    "sslsni": Parameter(Use.DROPPED, "the host name is always sent", ("1",)),
    "sslcompression": Parameter(Use.DROPPED, "TLS is never compressed"),
    "sslkeylogfile": Parameter(Use.DROPPED, "connection keys are never logged"),
    "gssencmode": Parameter(
        Use.DROPPED,
        "the driver does not support GSSAPI encryption: use sslmode",
        ("disable", "prefer"),
    ),
    "gssdelegation": Parameter(Use.DROPPED, "credentials are never delegated", ("0",)),
    "krbsrvname": Parameter(Use.DRIVER, "the name of the Kerberos service"),
    "gsslib": Parameter(Use.DRIVER, "the library for GSSAPI", ("gssapi", "sspi")),
    "require_auth": Parameter(
        Use.REFUSED, "the driver cannot enforce it; sslmode=verify-full authenticates the server"
    ),
    "requirepeer": Parameter(
        Use.REFUSED, "the driver cannot check it: let the server own the socket's directory"
    ),
    "scram_client_key": Parameter(Use.REFUSED, "the driver needs the password"),
    "scram_server_key": Parameter(Use.REFUSED, "the driver needs the password"),
    "oauth_issuer": Parameter(Use.REFUSED, _NO_OAUTH),
    "oauth_client_id": Parameter(Use.REFUSED, _NO_OAUTH),
    "oauth_client_secret": Parameter(Use.REFUSED, _NO_OAUTH),
    "oauth_scope": Parameter(Use.REFUSED, _NO_OAUTH),
    # Settings of the server
    "options": Parameter(Use.SERVER, "such as -c search_path=auth, or endpoint=… for Neon"),
    "application_name": Parameter(Use.SERVER, "else fallback_application_name, else authingo"),
    "fallback_application_name": Parameter(Use.APPLIED, "used if there is no application_name"),
    "search_path": Parameter(Use.SERVER, "the schemas where authingo's tables are found"),
    "statement_timeout": Parameter(Use.SERVER, "in milliseconds, in addition to store.timeout"),
    "lock_timeout": Parameter(Use.SERVER, "in milliseconds"),
    "idle_in_transaction_session_timeout": Parameter(Use.SERVER, "in milliseconds"),
    "schema": Parameter(
        Use.APPLIED,
        "from Prisma: the schema with authingo's tables (search_path); public is left out, because "
        "PostgreSQL uses it anyway and many poolers refuse a search_path",
    ),
    "client_encoding": Parameter(Use.DROPPED, "it is always UTF-8"),
    "min_protocol_version": Parameter(Use.DROPPED, "the driver speaks 3.0"),
    "max_protocol_version": Parameter(Use.DROPPED, "the driver speaks 3.0"),
    # Time, and the pool
    "connect_timeout": Parameter(
        Use.APPLIED, "in seconds, if less than store.timeout; 0 sets no limit"
    ),
    "connection_limit": Parameter(
        Use.APPLIED, "from Prisma: limits the pool, even if store.pool_size is larger"
    ),
    "pgbouncer": Parameter(
        Use.APPLIED,
        "true means there is a pooling proxy, so no prepared statements are used; "
        "authingo also detects it by itself",
        _FLAG,
    ),
    "statement_cache_size": Parameter(Use.APPLIED, "0 means pgbouncer=true; otherwise left out"),
    "prepared_statement_cache_size": Parameter(Use.APPLIED, "the same, for SQLAlchemy"),
    "pool_timeout": Parameter(Use.DROPPED, _TIMEOUT),
    "socket_timeout": Parameter(Use.DROPPED, _TIMEOUT),
    "query_timeout": Parameter(Use.DROPPED, _TIMEOUT),
    "command_timeout": Parameter(Use.DROPPED, _TIMEOUT),
    "timeout": Parameter(Use.DROPPED, _TIMEOUT),
    "pool_size": Parameter(Use.DROPPED, _POOL),
    "max_overflow": Parameter(Use.DROPPED, _POOL),
    "min_size": Parameter(Use.DROPPED, _POOL),
    "max_size": Parameter(Use.DROPPED, _POOL),
    "single_use_connections": Parameter(Use.DROPPED, _POOL),
    "max_connection_lifetime": Parameter(Use.DROPPED, _KEEPALIVE),
    "max_idle_connection_lifetime": Parameter(Use.DROPPED, _KEEPALIVE),
    "keepalives": Parameter(Use.DROPPED, _KEEPALIVE),
    "keepalives_idle": Parameter(Use.DROPPED, _KEEPALIVE),
    "keepalives_interval": Parameter(Use.DROPPED, _KEEPALIVE),
    "keepalives_count": Parameter(Use.DROPPED, _KEEPALIVE),
    "tcp_user_timeout": Parameter(Use.DROPPED, _KEEPALIVE),
    # Added by other tools; they do not affect the connection
    "supa": Parameter(Use.DROPPED, "added by Supabase"),
    "workaround": Parameter(Use.DROPPED, "added by Supabase for Vercel"),
    "uselibpqcompat": Parameter(Use.DROPPED, "sslmode always means the same as in libpq"),
    "async_fallback": Parameter(Use.DROPPED, "only for SQLAlchemy"),
    "prepared_statement_name_func": Parameter(Use.DROPPED, "only for SQLAlchemy"),
}
