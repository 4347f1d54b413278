"""Exact reasons why a connection failed: the server refused it, or no server answered.

A message names the setting, the host, the file or the parameter at fault. It never contains a
password or a whole URL.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import asyncpg

from authingo.config.postgres_urls import SYSTEM, PostgresURL, is_socket
from authingo.errors import StoreUnavailable
from authingo.stores.postgres.failures import named, parameters_named, spelled, words

# X.509 verification results of OpenSSL (x509_vfy.h), grouped by what an operator has to do.
_OTHER_HOST = {62, 63, 64}  # hostname, email and IP address mismatch
_OTHER_AUTHORITY = {2, 18, 19, 20, 21, 27}  # no issuer, self-signed, untrusted
_TOO_EARLY, _TOO_LATE = {9, 11}, {10, 12}
_REVOKED, _NO_CRL = {23}, {3}

_NO_ENTRY = "ClientAuthentication"  # the function of PostgreSQL that found no line in pg_hba.conf
_NO_ROLE = "InitializeSessionUserId"
_POOL_REFUSES = "unsupported startup parameter"  # PgBouncer's message: there is no error code
_NO_TLS = "rejected SSL upgrade"  # asyncpg's message: there is no exception class


def refused(error: asyncpg.PostgresError, url: PostgresURL) -> StoreUnavailable:
    """Say why a server that answered refused the connection."""
    correct = f"correct {url.setting}"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return _not_let_in(error, url)
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        message = f"PostgreSQL has no database {url.database or url.user or 'of that name'}"
        return StoreUnavailable(message, hint=f"create it, or {correct}")
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return StoreUnavailable(
            f"PostgreSQL has no connection left: {words(error)}",
            hint="lower store.pool_size or the workers, or put a pooling proxy in between",
        )
    found = parameters_named(error, url.sent)
    if not found and _POOL_REFUSES in (error.message or ""):
        found = [name for name in url.sent if name != "application_name"]
    if found:
        return StoreUnavailable(
            f"the server refuses a setting in {url.setting}: {', '.join(found)}",
            hint="correct or remove it; behind a pooling proxy, ALTER ROLE … SET does the same",
        )
    return StoreUnavailable(f"PostgreSQL refuses the connection: {named(error)}", hint=correct)


def _not_let_in(error: asyncpg.PostgresError, url: PostgresURL) -> StoreUnavailable:
    source = error.server_source_function
    if source == _NO_ROLE:
        return StoreUnavailable(
            f"PostgreSQL has no role {url.user or 'of that name'} that may log in",
            hint=f"CREATE ROLE … LOGIN, or correct the user in {url.setting}",
        )
    if source == _NO_ENTRY and url.sslmode == "disable":
        return StoreUnavailable(
            "PostgreSQL requires TLS from here (pg_hba.conf), "
            f"and sslmode=disable in {url.setting} turns it off",
            hint="write sslmode=verify-full with sslrootcert, or at least sslmode=require",
        )
    if source == _NO_ENTRY:
        return StoreUnavailable(
            "PostgreSQL does not let this user into this database from here (pg_hba.conf)",
            hint=f"add a line there, or correct the user and the database in {url.setting}; "
            "where it asks for a certificate, add sslcert and sslkey",
        )
    return StoreUnavailable(
        "PostgreSQL refuses the user or the password", hint=f"correct {url.setting}"
    )


def no_trust(error: ssl.SSLError, url: PostgresURL) -> StoreUnavailable:
    """Say why TLS failed, or why the server's certificate is not trusted."""
    root = url.sslrootcert
    where = "that this machine trusts" if root == SYSTEM else f"in {root or 'the root.crt'}"
    obtain = f"write the file of its authority: sslrootcert=FILE in {url.setting}"
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (error.reason or "the handshake failed").lower().replace("_", " ")
        return StoreUnavailable(
            f"no TLS with the PostgreSQL server at {url.where}: {reason}",
            hint="does it want a certificate of the client (sslcert and sslkey), or another TLS?",
        )
    code = error.verify_code
    if code in _OTHER_HOST:
        problem = f"is for another host than {', '.join(url.hosts)}"
        hint = (
            f"write the host that the certificate names in {url.setting}; sslmode=verify-ca "
            "looks only at who signed it"
        )
    elif code in _OTHER_AUTHORITY:
        problem = f"is not signed by an authority {where}"
        hint = obtain if root != SYSTEM else f"{obtain}; is the package ca-certificates there?"
    elif code in _TOO_LATE:
        problem, hint = "has expired", "renew it; is this machine's clock right?"
    elif code in _TOO_EARLY:
        problem, hint = "is not valid yet", "is this machine's clock right?"
    elif code in _REVOKED:
        problem, hint = "was revoked", "give the server another one"
    elif code in _NO_CRL:
        problem, hint = (
            "cannot be checked against sslcrl",
            "put the list of its authority into the file of sslcrl",
        )
    else:
        problem, hint = f"is not accepted: {error.verify_message}", obtain
    return StoreUnavailable(f"the certificate of the PostgreSQL server {problem}", hint=hint)


def unreachable(error: Exception, url: PostgresURL) -> StoreUnavailable:
    """Say why no server answers, or none that speaks PostgreSQL's protocol."""
    if isinstance(error, asyncpg.ClientConfigurationError):
        if url.sslrootcert is None and (url.sslmode or "").startswith("verify"):
            return StoreUnavailable(
                f"sslmode={url.sslmode} in {url.setting} needs the certificate of an authority, "
                "and there is no ~/.postgresql/root.crt",
                hint="add sslrootcert=FILE, or sslrootcert=system for an authority "
                "that browsers trust too",
            )
        return StoreUnavailable(
            f"a connection cannot be made like this: {error}",
            hint=f"correct {url.setting}, or the PG* variables",
        )
    if type(error) is ConnectionError:  # asyncpg raises it while it asks for TLS
        if _NO_TLS in str(error):
            return StoreUnavailable(
                f"the PostgreSQL server at {url.where} has no TLS, "
                f"which sslmode={url.sslmode or 'in PGSSLMODE'} demands",
                hint="turn ssl on there; without it, anyone in between can read everything",
            )
        return StoreUnavailable(
            f"the server at {url.where} closed the connection when TLS was to begin",
            hint=f"is it PostgreSQL? are host and port in {url.setting} right?",
        )
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or spelled(error)
        hint = f"is it running? are host and port in {url.setting} right?"
        if all(map(is_socket, url.hosts)) and isinstance(error, PermissionError):
            hint = "let the user that runs this reach the socket and its directory"
        if url.direct_tls and isinstance(error, ConnectionError):
            hint = f"sslnegotiation=direct needs PostgreSQL 17 with TLS: {hint}"
        return StoreUnavailable(f"PostgreSQL cannot be reached at {url.where}: {reason}", hint=hint)
    return StoreUnavailable(
        f"the server at {url.where} does not speak the PostgreSQL protocol: {error}",
        hint=f"correct {url.setting}",
    )


def broken_file(url: PostgresURL) -> StoreUnavailable | None:
    """Find a file in the URL that cannot be used, because the driver's error does not name it."""
    files = {
        name: url.driver[name] for name in ("sslcrl", "sslcert", "sslkey") if name in url.driver
    }
    if url.sslrootcert not in {None, SYSTEM}:
        files["sslrootcert"] = str(url.sslrootcert)
    for name, file in files.items():
        try:
            Path(file).read_bytes()
            if name in {"sslrootcert", "sslcrl"}:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            problem = "holds no certificate in PEM" if name == "sslrootcert" else "is not PEM"
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        else:
            continue
        return StoreUnavailable(
            f"{name} in {url.setting}: {Path(file).absolute()} {problem}",
            hint="a relative path starts in the working directory",
        )
    if "sslcert" in files:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
                files["sslcert"],
                files.get("sslkey"),
                lambda: url.driver.get("sslpassword", ""),
            )
        except ssl.SSLError:
            return StoreUnavailable(
                f"sslcert and sslkey in {url.setting} do not belong together, or cannot be opened",
                hint="is sslpassword right? is each in PEM?",
            )
    return None
