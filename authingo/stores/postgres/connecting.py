"""Make a connection. No other module calls the driver's `connect`."""

from __future__ import annotations

import ssl
from typing import Any

import asyncpg

from authingo.config.postgres_urls import SYSTEM, PostgresURL
from authingo.errors import StoreUnavailable
from authingo.stores.postgres.connecting_failures import (
    broken_file,
    no_trust,
    refused,
    unreachable,
)


async def connect(
    url: PostgresURL,
    *,
    timeout: float,  # noqa: ASYNC109 - the driver's own, which also covers trying several hosts
    kept: int = 0,
    **more: Any,
) -> asyncpg.Connection:
    """Make a connection outside the pool. With `kept` 0 it works through any pooling proxy.

    Args:
        url: the server, the database and the role.
        timeout: in seconds. A shorter one in the URL wins.
        kept: how many prepared statements the connection keeps.
        more: other arguments of asyncpg's connect.

    Raises:
        StoreUnavailable: with the reason, and what to do.
    """
    if url.connect_timeout is not None:
        timeout = min(timeout, url.connect_timeout)
    arguments = {**url.arguments(), **more}
    try:
        if url.sslrootcert == SYSTEM:
            arguments["ssl"] = _trusting_this_machine(url)
        return await asyncpg.connect(timeout=timeout, statement_cache_size=kept, **arguments)
    except asyncpg.PostgresError as error:
        raise refused(error, url) from None
    except asyncpg.TargetServerAttributeNotMatched:
        raise StoreUnavailable(
            f"no host of {url.setting} is {url.target or 'as target_session_attrs asks'}",
            hint=f"name the primary in {url.setting}, or correct target_session_attrs",
        ) from None
    except ssl.SSLError as error:
        raise broken_file(url) or no_trust(error, url) from None
    except TimeoutError:
        raise StoreUnavailable(
            f"PostgreSQL did not answer in time at {url.where}",
            hint=f"is the host in {url.setting} right, and no firewall in between?",
        ) from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise broken_file(url) or unreachable(error, url) from None


def _trusting_this_machine(url: PostgresURL) -> ssl.SSLContext:
    """Verify the server's certificate by the authorities that this machine trusts.

    This is what libpq does with sslrootcert=system.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    driver = url.driver
    if "sslcert" in driver:
        context.load_cert_chain(
            driver["sslcert"], driver.get("sslkey"), lambda: driver.get("sslpassword", "")
        )
    if "sslcrl" in driver:
        context.load_verify_locations(driver["sslcrl"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if oldest := driver.get("ssl_min_protocol_version"):
        context.minimum_version = ssl.TLSVersion[oldest.replace(".", "_")]
    if newest := driver.get("ssl_max_protocol_version"):
        context.maximum_version = ssl.TLSVersion[newest.replace(".", "_")]
    return context
