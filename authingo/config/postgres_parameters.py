"""What may follow the ? of a PostgreSQL URL, and what becomes of it.

The names are those of libpq (PostgreSQL 18, "Parameter Key Words"), and those that Prisma,
SQLAlchemy, node-postgres and the consoles of Neon, Supabase and Vercel put there. What asks
for more safety than this program has is refused, never left out in silence.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Use(Enum):
    """What becomes of a parameter."""

    APPLIED = "applied"  # `postgres_urls` knows what it means
    DRIVER = "given to the driver"  # which reads it where it connects
    SERVER = "sent to the server"  # as a setting of each connection
    DROPPED = "left out"
    REFUSED = "refused"


class Parameter(NamedTuple):
    """One parameter. `values`: all that it may say; anything where there are none."""

    use: Use
    about: str
    values: tuple[str, ...] = ()


MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")  # weakest first

_TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
_FLAG = ("true", "false")
_KEEPALIVE = "each question has a deadline (store.timeout), and a dead connection is replaced"
_TIMEOUT = "store.timeout bounds every wait"
_POOL = "store.pool_size says how many connections there are"
_NO_OAUTH = "the driver cannot sign in with OAuth: use a password or a certificate"

PARAMETERS = {
    # Where, and who
    "host": Parameter(Use.APPLIED, "the host; a directory with a socket; several by comma"),
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
        "which of several hosts; the primary unless it says otherwise",
        ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    ),
    "load_balance_hosts": Parameter(Use.DROPPED, "hosts are asked in the order they have here"),
    "replication": Parameter(
        Use.REFUSED, "no accounts can be kept over a connection for replication"
    ),
    # Encryption
    "sslmode": Parameter(
        Use.APPLIED,
        "as in libpq; no-verify, of node-postgres, is require",
        (*MODES, "no-verify"),
    ),
    "ssl": Parameter(
        Use.APPLIED,
        "true is sslmode=require, false is disable; else a word of sslmode, as SQLAlchemy has it",
        (*_FLAG, *MODES),
    ),
    "sslnegotiation": Parameter(
        Use.APPLIED,
        "direct begins with TLS at once, and needs at least sslmode=require",
        ("postgres", "direct"),
    ),
    "sslrootcert": Parameter(
        Use.APPLIED,
        "the file of the authority; system: the authorities of this machine, and verify-full",
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
        "require is sslmode=verify-full, and sslrootcert=system where it names none: the driver "
        "cannot bind, and a verified certificate keeps out the same attacker",
        ("disable", "prefer", "require"),
    ),
    "sslaccept": Parameter(
        Use.APPLIED,
        "Prisma's: strict is sslmode=verify-full, and sslrootcert=system where it names none",
        ("strict", "accept_invalid_certs"),
    ),
    "sslidentity": Parameter(
        Use.REFUSED, "Prisma's PKCS#12 file: write sslcert and sslkey, two files in PEM"
    ),
    "sslcrldir": Parameter(Use.REFUSED, "write sslcrl, with one file"),
    "sslcertmode": Parameter(Use.DROPPED, "a certificate is sent where one is named", ("allow",)),
    "sslsni": Parameter(Use.DROPPED, "the name of the host is always sent", ("1",)),
    "sslcompression": Parameter(Use.DROPPED, "TLS is never compressed"),
    "sslkeylogfile": Parameter(Use.DROPPED, "keys of connections are not written down"),
    "gssencmode": Parameter(
        Use.DROPPED, "the driver does not encrypt by GSSAPI: use sslmode", ("disable", "prefer")
    ),
    "gssdelegation": Parameter(Use.DROPPED, "nothing is delegated", ("0",)),
    "krbsrvname": Parameter(Use.DRIVER, "the name of the Kerberos service"),
    "gsslib": Parameter(Use.DRIVER, "the library for GSSAPI", ("gssapi", "sspi")),
    "require_auth": Parameter(
        Use.REFUSED, "the driver cannot insist on it: sslmode=verify-full says who the server is"
    ),
    "requirepeer": Parameter(
        Use.REFUSED, "the driver cannot look: let the directory of the socket belong to the server"
    ),
    "scram_client_key": Parameter(Use.REFUSED, "the driver needs the password"),
    "scram_server_key": Parameter(Use.REFUSED, "the driver needs the password"),
    "oauth_issuer": Parameter(Use.REFUSED, _NO_OAUTH),
    "oauth_client_id": Parameter(Use.REFUSED, _NO_OAUTH),
    "oauth_client_secret": Parameter(Use.REFUSED, _NO_OAUTH),
    "oauth_scope": Parameter(Use.REFUSED, _NO_OAUTH),
    # Settings of the server
    "options": Parameter(Use.SERVER, "such as -c search_path=auth; Neon's endpoint=…"),
    "application_name": Parameter(Use.SERVER, "else fallback_application_name, else authingo"),
    "fallback_application_name": Parameter(Use.APPLIED, "the name where there is no other"),
    "search_path": Parameter(Use.SERVER, "the schemas, in which authingo's tables are found"),
    "statement_timeout": Parameter(Use.SERVER, "in milliseconds, beside store.timeout"),
    "lock_timeout": Parameter(Use.SERVER, "in milliseconds"),
    "idle_in_transaction_session_timeout": Parameter(Use.SERVER, "in milliseconds"),
    "schema": Parameter(
        Use.APPLIED,
        "Prisma's: the one schema in which authingo's tables are (search_path); public, which "
        "is where PostgreSQL looks anyway, is left out, because many poolers refuse a search_path",
    ),
    "client_encoding": Parameter(Use.DROPPED, "it is always UTF-8"),
    "min_protocol_version": Parameter(Use.DROPPED, "the driver speaks 3.0"),
    "max_protocol_version": Parameter(Use.DROPPED, "the driver speaks 3.0"),
    # Time, and the pool
    "connect_timeout": Parameter(
        Use.APPLIED, "in seconds, where it is less than store.timeout; 0 is no limit of its own"
    ),
    "connection_limit": Parameter(
        Use.APPLIED, "Prisma's: the pool is no larger, whatever store.pool_size says"
    ),
    "pgbouncer": Parameter(
        Use.APPLIED,
        "true: a pooling proxy lies between, so no prepared statement is kept; "
        "authingo also notices by itself",
        _FLAG,
    ),
    "statement_cache_size": Parameter(Use.APPLIED, "0 is pgbouncer=true; else left out"),
    "prepared_statement_cache_size": Parameter(Use.APPLIED, "the same, as SQLAlchemy has it"),
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
    # Marks of others, which say nothing about the connection
    "supa": Parameter(Use.DROPPED, "a mark of Supabase"),
    "workaround": Parameter(Use.DROPPED, "a mark of Supabase for Vercel"),
    "uselibpqcompat": Parameter(Use.DROPPED, "sslmode always means what it does in libpq"),
    "async_fallback": Parameter(Use.DROPPED, "SQLAlchemy's"),
    "prepared_statement_name_func": Parameter(Use.DROPPED, "SQLAlchemy's"),
}
